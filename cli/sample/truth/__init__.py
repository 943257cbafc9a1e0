"""The independent count: what every figure must be, in plain Python over the accepted records.

It is the judge of the aggregator, so it shares nothing with it: no SQL, no engine, no declarations read. Each
figure's meaning is written out by hand in `counts`, `promised` and `watched`, from the plan's list; of the
plan folder only the divisions and the zone are used.
"""

import calendar
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from cli.sample.truth.county import Corner, County, Steps, steps_of
from cli.sample.truth.promised import PROMISED, Meaning, Promise
from cli.sample.truth.records import CloudEvent, Record, counted, last_of_each_day, standing, stream_of
from cli.sample.truth.watched import WATCHED
from services.platform.plan import Plan

__all__ = [
    "MEANINGS",
    "CloudEvent",
    "Expected",
    "Figures",
    "Meaning",
    "Promise",
    "Steps",
    "counted",
    "figures",
    "history",
    "month_ends",
    "months_over",
    "stream_of",
    "tasks",
    "today",
    "voucher_hourly",
    "write",
]

MEANINGS: dict[str, Meaning] = {**PROMISED, **WATCHED}
"""Every indicator of the plan's list, by id."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One figure: exact parts, the value in the indicator's unit (nearest float64), and its status.

    `status` is against the target on that day: met, below, watched, no_data or not_applicable.
    """

    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    status: str


Figures = dict[tuple[str, str], Expected]
"""By (indicator, division code)."""

HourKey = tuple[str, str, str, datetime, str]
"""Campaign, sector, township code, start of the UTC hour, step."""


def figures(plan: Plan, events: Iterable[CloudEvent], day: date, known_at: datetime | None = None) -> Figures:
    """Return every figure in every division it is kept for, at the end of `day`.

    `events` in order of acceptance; with `known_at` only what was received until then (see `receivedtime`).
    """
    return history(plan, events, [day], known_at)[day]


def history(
    plan: Plan, events: Iterable[CloudEvent], days: Iterable[date], known_at: datetime | None = None
) -> dict[date, Figures]:
    """Return the figures at the end of each of `days`, all by what is known in the end (or at `known_at`)."""
    return {day: _figures(county, day) for day, county in _ends_of(plan, events, days, known_at)}


def month_ends(plan: Plan, events: Iterable[CloudEvent], first: date, last: date) -> dict[date, Figures]:
    """Return the figures at the end of every month that is over on `last`, from the month of `first` on."""
    return history(plan, events, months_over(first, last))


def months_over(first: date, last: date) -> Sequence[date]:
    """Return the last day of every month from that of `first` on that is over on `last`."""
    months = [(year, month) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    ends = [date(year, month, calendar.monthrange(year, month)[1]) for year, month in months]
    return [end for end in ends if first <= end <= last]


def today(plan: Plan, events: Iterable[CloudEvent]) -> date:
    """Return the county's day of the newest event: today, by the clock of the demo."""
    newest = max(datetime.fromisoformat(event["time"]).astimezone(UTC) for event in events)
    return newest.astimezone(plan.zone).date()


def tasks(
    plan: Plan, events: Iterable[CloudEvent], day: date, known_at: datetime | None = None
) -> dict[int, Record]:
    """Return the newest report on each task, by number, at the end of `day`."""
    reports = standing(events, plan.zone, known_at, stream="task-report")
    return {int(report.data["task"]): report for report in reports if report.day <= day}


def voucher_hourly(events: Iterable[CloudEvent]) -> dict[HourKey, Steps]:
    """Return the sums of the voucher records that stand, by campaign, sector, township, UTC hour and step."""
    sums: dict[HourKey, Steps] = {}
    for record in standing(events, ZoneInfo("UTC"), stream="consumption-voucher"):
        data = record.data
        hour = record.time.replace(minute=0, second=0, microsecond=0)
        key = (data["campaign"], data["sector"], data["division"], hour, data["step"])
        sums[key] = sums.get(key, Steps()) + steps_of(data)
    return sums


def write(plan: Plan, events: Iterable[CloudEvent], path: Path, through: date) -> None:
    """Write the expected figures at each month's end, and at the end of `through`, as JSON.

    {"through": day, "columns": [...], "figures": [[day, indicator, division, numerator, denominator, value,
    status], ...]}: amounts as text, the value as a number, null where there is none.
    """
    accepted = list(events)
    first = min(datetime.fromisoformat(event["time"]).astimezone(plan.zone).date() for event in accepted)
    days = [*months_over(first, through), through]
    rows = [
        [day, indicator, division, _text(one.numerator), _text(one.denominator), one.value, one.status]
        for day, found in history(plan, accepted, days).items()
        for (indicator, division), one in found.items()
    ]
    columns = ["day", "indicator", "division", "numerator", "denominator", "value", "status"]
    head = orjson.dumps({"through": through, "columns": columns})
    # One figure a line, so that two truths can be compared line by line.
    lines = b",\n".join(orjson.dumps(row) for row in rows)
    path.write_bytes(head[:-1] + b',"figures":[\n' + lines + b"\n]}\n")


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _ends_of(
    plan: Plan, events: Iterable[CloudEvent], days: Iterable[date], known_at: datetime | None
) -> Iterator[tuple[date, County]]:
    """Play the records from the oldest to the newest; yield the county as it is at the end of each day."""
    county = County(plan)
    waiting = deque(last_of_each_day(standing(events, plan.zone, known_at)))
    for day in sorted(set(days)):
        while waiting and waiting[0].day <= day:
            county.take(waiting.popleft())
        yield day, county


def _figures(county: County, day: date) -> Figures:
    return {
        (indicator, here.division.code): _expected(meaning, here)
        for here in county.corners(day)
        for indicator, meaning in MEANINGS.items()
        if here.division.level in meaning.levels
    }


def _expected(meaning: Meaning, here: Corner) -> Expected:
    above = meaning.numerator(here)
    below = meaning.denominator(here) if meaning.denominator else None
    if above is None or (meaning.denominator and below is None):
        return Expected(above, below, None, "no_data")
    if below == 0:
        return Expected(above, below, None, "not_applicable")
    value = meaning.scale * Fraction(above) / Fraction(below or 1)
    return Expected(above, below, float(value), _status(meaning.promise, here, value))


def _status(promise: Promise | None, here: Corner, value: Fraction) -> str:
    if promise is None or here.division.level not in promise.levels:
        return "watched"
    return "met" if promise.kept(value) else "below"
