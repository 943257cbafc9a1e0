"""What becomes of a promise: a figure's status by pace, from its readings at the ends of months."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.declaration import Indicator, Target, Text
from schemas.indicator import FigureStatus
from services.figures.pace import Point, Promise, assess
from services.figures.standing import Reading

MONTHS = 25
"""How far back the readings go: two years of changes from month to month."""

ReadingAt = Callable[[date], Reading]


@dataclass(frozen=True)
class Prospect:
    """The fields of `schemas.indicator.Figure` that look ahead, named as there."""

    status: FigureStatus
    due: date | None = None
    gap: float | None = None
    pace_needed: float | None = None
    pace_observed: float | None = None
    forecast: float | None = None
    forecast_low: float | None = None
    forecast_high: float | None = None
    forecast_day: date | None = None
    value_at_due: float | None = None
    reason_zh: str = ""
    reason_en: str = ""


_WITHOUT_A_PROMISE = {
    "watched": Text(zh="只监测，没有目标", en="watched, nothing is promised"),
    "no_data": Text(
        zh="尚无数据：所需的记录或报表还没有报齐", en="no data yet: something it needs has not been reported"
    ),
    "not_applicable": Text(zh="不适用：分母为零", en="not applicable: there is nothing in the denominator"),
}


def prospect(indicator: Indicator, target: Target | None, reading_at: ReadingAt, as_of: date) -> Prospect:
    """Return how a figure stands on a day against the target that holds for it, looking ahead.

    `reading_at` tells the figure at the end of any day up to `as_of`.
    """
    now = reading_at(as_of)
    if target is None or now.value is None:
        status = "watched" if now.status in ("met", "below") else now.status
        reason = _WITHOUT_A_PROMISE[status]
        due = target.due_at(as_of) if target else None
        return Prospect(status, due, reason_zh=reason.zh, reason_en=reason.en)  # type: ignore[arg-type]  # the three keys
    due = target.due_at(as_of)
    days = sorted({day for day in (*month_ends(as_of), due, as_of) if day <= as_of})
    readings = {day: reading_at(day) for day in days}
    pace = assess(
        [Point(day, reading.value) for day, reading in readings.items()],
        _promise(indicator, target),
        now.status == "met",
        _attained(readings.get(due)),
        as_of,
    )
    return Prospect(
        pace.status,
        pace.due,
        pace.gap,
        pace.needed,
        pace.observed,
        pace.forecast,
        pace.low,
        pace.high,
        pace.forecast_day,
        pace.value_at_due,
        pace.reason.zh,
        pace.reason.en,
    )


def _attained(reading: Reading | None) -> bool | None:
    """Whether the target held on the due day; None if that day has no value, or is still to come."""
    return None if reading is None or reading.value is None else reading.status == "met"


def month_ends(as_of: date) -> list[date]:
    """Return the last days of the latest months that have ended, oldest first."""
    ends, day = [], as_of + timedelta(days=1)
    for _ in range(MONTHS):
        day = day.replace(day=1) - timedelta(days=1)
        ends.append(day)
    return ends[::-1]


def _promise(indicator: Indicator, target: Target) -> Promise:
    limits, baseline = indicator.limits, indicator.baseline
    return Promise(
        direction=target.direction,
        value=float(target.value),
        due=target.due,
        resets=indicator.resets,
        low=None if limits.low is None else float(limits.low),
        high=None if limits.high is None else float(limits.high),
        decimals=indicator.decimals,
        unit=indicator.unit,
        baseline=Point(baseline.day, float(baseline.value)) if baseline else None,
    )
