"""The time range of a dashboard: moments, days, or lengths back from now as Grafana writes them."""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

POINTS = 500
"""A range has at most about so many steps."""
FIRST = datetime(1971, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
"""ClickHouse's DateTime ends in 2106."""

_STEPS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400, 7 * 86_400, 30 * 86_400),
)
_BACK = re.compile(r"now(?:-(\d{1,4})([smhdwMy]))?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LENGTHS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class TimeRange:
    """From `begin` to `end`, both in UTC; `step` seconds are one step of it."""

    begin: datetime
    end: datetime
    step: int


def read_range(begin: str, end: str, now: datetime, zone: ZoneInfo) -> TimeRange:
    """Return a range; what has no zone of its own is in `zone`, a day is whole.

    What is counted back from now is whole minutes, so that who asks within a minute asks the same. Raises
    ValueError, saying `中文 · English` what is wrong.
    """
    first, last = _moment(begin, now, zone, ending=False), _moment(end, now, zone, ending=True)
    first = max(first, FIRST) if _BACK.fullmatch(begin) else first
    if not FIRST <= first < last <= LAST:
        raise ValueError(
            f"{begin!r} 至 {end!r} 不是 {FIRST.year} 至 {LAST.year} 年间的时段 · "
            f"{begin!r} to {end!r} is no stretch of time between {FIRST.year} and {LAST.year}"
        )
    wanted = (last - first).total_seconds() / POINTS
    return TimeRange(first, last, next((step for step in _STEPS if step >= wanted), _STEPS[-1]))


def _moment(text: str, now: datetime, zone: ZoneInfo, *, ending: bool) -> datetime:
    try:
        if back := _BACK.fullmatch(text):
            moment = now.astimezone(zone)
            if back[1]:
                moment = _before(moment, int(back[1]), back[2])
            return _whole(moment.astimezone(UTC), ending=ending)
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=ending)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        # In a URL an unescaped + is a space.
        found = datetime.fromisoformat(re.sub(r" (?=\d{2}:?\d{2}$)", "+", text))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} 不是日期、时刻或 now-7d 这样的时长 · {text!r} is no day, no moment and no length back "
            "such as now-7d"
        ) from None


def _before(moment: datetime, number: int, unit: str) -> datetime:
    """Return what was so many seconds (s), minutes (m), hours, days, weeks, months (M) or years before."""
    if unit in _LENGTHS:
        return moment - number * _LENGTHS[unit]
    months = moment.year * 12 + moment.month - 1 - number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    if year < 1:
        return datetime(1, 1, 2, tzinfo=UTC)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _whole(moment: datetime, *, ending: bool) -> datetime:
    whole = moment.replace(second=0, microsecond=0)
    return whole + _MINUTE if ending and whole != moment else whole
