"""Will the promise be kept in time? Status, pace, forecast and the reason in words, as of any day.

The method, its thresholds and its sources are in docs/pace.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from schemas.declaration import Text
from services.figures import wording
from services.figures.forecast import MONTH, Steps, Trend, drift, tally
from services.figures.wording import Case

Status = Literal["met", "missed", "on_track", "behind", "off_track", "cannot_say"]

ON_TRACK = 0.95
BEHIND = 0.60
LEAST_DAYS = 180
"""An unbroken history shorter than this says nothing about the pace."""
LEAST_DAYS_OF_YEAR = 60
"""The same for a count that begins anew each year."""
HORIZON = date(2060, 12, 31)
"""A day of reaching the target beyond this one is no forecast any more."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Point:
    """A step of a figure: the value at the end of `day`, held until the next one; None: none from then on."""

    day: date
    value: float | None


@dataclass(frozen=True)
class Promise:
    """What was promised of a figure, and what is known of it."""

    direction: Literal["at_least", "at_most", "exactly"]
    value: float
    due: date | None  # None: each year, due on 31 December of the year looked at
    resets: bool  # a count that begins anew each year
    low: float | None  # natural limits: no forecast goes beyond them
    high: float | None
    decimals: int
    unit: Text
    baseline: Point | None


@dataclass(frozen=True)
class Pace:
    """The judgement. Paces are per month of 30.4375 days, everything in the figure's unit."""

    status: Status
    due: date
    gap: float | None  # target − present value; None: no value now
    needed: float | None  # 0 when attained; None on the due day and after it
    observed: float | None  # None: too little history
    forecast: float | None  # at the due day; None: too little history, or the due day has passed
    low: float | None  # the 80 % band; None also where the past shows no spread
    high: float | None
    forecast_day: date | None  # when the pace reaches the target; None: attained, never, or beyond 2060
    value_at_due: float | None  # after the due day only
    reason: Text


def assess(
    series: Sequence[Point],
    promise: Promise,
    attained: bool,
    attained_at_due: bool | None,
    as_of: date,
) -> Pace:
    """Judge a promise as of the end of a day; what happened after that day is not looked at.

    `attained` and `attained_at_due` say whether the target holds now and held on the due day (None: no
    value then); they come from the exact figures, not from the floats of the series. Never raises.
    """
    today = as_of.toordinal()
    due = promise.due or date(as_of.year, 12, 31)
    steps = Steps(((point.day.toordinal(), point.value) for point in series), today)
    value = steps.at(today)
    over = as_of > due
    ahead = None if over else (due.toordinal() - today) / MONTH
    history, trend = _trend(steps, promise, due, as_of)
    if value is None:
        trend = None
    pace = trend.pace if trend else None

    gap = None if value is None else promise.value - value
    sign = _sign(promise, gap or 0.0)
    reachable = _reachable(promise)
    needed = ratio = forecast = None
    band: tuple[float, float] | None = None
    if value is not None and gap is not None and ahead:
        needed = 0.0 if attained else (_within(promise, promise.value) - value) / ahead
    if value is not None and trend and ahead is not None:
        forecast = _within(promise, value + trend.pace * ahead)
        band = trend.band(ahead)
        band = band and (_within(promise, value + band[0]), _within(promise, value + band[1]))
        ratio = _ratio(sign * (promise.value - value), sign * trend.pace * ahead)

    status: Status
    if over:
        status = "cannot_say" if attained_at_due is None else "met" if attained_at_due else "missed"
    elif value is None:
        status = "cannot_say"
    elif attained:
        status = "met"
    elif ahead == 0 or not reachable:
        status = "off_track"
    elif ratio is None:
        status = "cannot_say"
    else:
        status = _status(ratio)

    day = None
    if gap is not None and pace is not None and not attained and reachable:
        latest = min(due, HORIZON) if promise.resets else HORIZON
        day = _day_reached(sign * gap, sign * pace, as_of, latest)
    value_at_due = steps.at(due.toordinal()) if over else None
    low, high = band or (None, None)
    case = Case(
        promise=promise,
        status=status,
        attained=attained,
        as_of=as_of,
        due=due,
        value=value,
        value_at_due=value_at_due,
        sign=sign,
        reachable=reachable,
        needed=needed,
        ratio=ratio,
        trend=trend,
        history=history,
        least=LEAST_DAYS_OF_YEAR if promise.resets else LEAST_DAYS,
        horizon=HORIZON,
        forecast=forecast,
        low=low,
        high=high,
        forecast_day=day,
    )
    return Pace(status, due, gap, needed, pace, forecast, low, high, day, value_at_due, wording.reason(case))


def _trend(steps: Steps, promise: Promise, due: date, as_of: date) -> tuple[int, Trend | None]:
    """Return the days of history there are, and the trend they show if they are enough."""
    today = as_of.toordinal()
    if not promise.resets:
        since = steps.unbroken_since(today)
        enough = today - since >= LEAST_DAYS
        return today - since, drift(steps.knots(today, since)) if enough else None
    beginning = date(as_of.year, 1, 1).toordinal() - 1
    history = today - beginning
    if history < LEAST_DAYS_OF_YEAR or due.year != as_of.year or as_of > due:
        return history, None
    this_year = [knot for knot in steps.knots(today, beginning) if knot[0] > beginning]
    if not this_year or this_year[-1][0] != today:
        return history, None
    knots = [(beginning, 0.0), *this_year]
    counts = promise.decimals == 0 and all(value >= 0 and value == int(value) for _, value in knots)
    return history, tally(knots) if counts else drift(knots)


def _sign(promise: Promise, gap: float) -> int:
    """Return the direction in which the promise is kept: 1 up, −1 down, 0 where it is already."""
    if promise.direction == "exactly":
        return (gap > 0) - (gap < 0)
    return 1 if promise.direction == "at_least" else -1


def _within(promise: Promise, value: float) -> float:
    """Hold a value within the natural limits."""
    if promise.high is not None:
        value = min(value, promise.high)
    if promise.low is not None:
        value = max(value, promise.low)
    return value


def _reachable(promise: Promise) -> bool:
    """Whether the natural limits leave room for the target."""
    held = _within(promise, promise.value)
    if promise.direction == "exactly":
        return held == promise.value
    return held >= promise.value if promise.direction == "at_least" else held <= promise.value


def _ratio(to_go: float, coming: float) -> float:
    """Return the pace observed ÷ the pace needed, as distances to the due day, towards the target."""
    if to_go > 0:
        return coming / to_go
    return 1.0 if coming >= to_go else -1.0


def _status(ratio: float) -> Status:
    if ratio >= ON_TRACK - _ROUNDING:
        return "on_track"
    return "behind" if ratio >= BEHIND - _ROUNDING else "off_track"


def _day_reached(to_go: float, pace: float, as_of: date, latest: date) -> date | None:
    """Return the day on which the pace (per month, towards the target) has covered what is to go."""
    if to_go <= 0 or pace <= 0:
        return None
    days = to_go / pace * MONTH
    if not days <= latest.toordinal() - as_of.toordinal():
        return None
    return date.fromordinal(as_of.toordinal() + math.ceil(days - _ROUNDING * max(days, 1.0)))
