"""No surprises, whatever the series, the promise and the day."""

from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.declaration import Text
from services.figures.forecast import MONTH
from services.figures.pace import BEHIND, HORIZON, LEAST_DAYS, ON_TRACK, Pace, Point, Promise, assess

UNITS = st.sampled_from(
    [Text(zh="个/千人", en="places/1000"), Text(zh="%", en="%"), Text(zh="场", en="events")]
)
ANY_DAY = st.dates()
PLAN_DAY = st.dates(date(2021, 1, 1), date(2027, 12, 31))
ANY_FLOAT = st.floats()
FIGURE = st.floats(-1000, 1000).map(lambda x: round(x, 2))
DIRECTIONS = st.sampled_from(["at_least", "at_most", "exactly"])


def promises(
    number: st.SearchStrategy[float], day: st.SearchStrategy[date], resets: bool | None = None
) -> Any:
    return st.builds(
        Promise,
        direction=DIRECTIONS,
        value=number,
        due=st.none() | day,
        resets=st.booleans() if resets is None else st.just(resets),
        low=st.none() | number,
        high=st.none() | number,
        decimals=st.integers(0, 4),
        unit=UNITS,
        baseline=st.none() | st.builds(Point, day, st.none() | number),
    )


def points(number: st.SearchStrategy[float], day: st.SearchStrategy[date], gaps: bool = True) -> Any:
    value = st.none() | number if gaps else number
    return st.lists(st.builds(Point, day, value), max_size=30)


@given(
    points(ANY_FLOAT, ANY_DAY),
    promises(ANY_FLOAT, ANY_DAY),
    st.booleans(),
    st.sampled_from([None, True, False]),
    ANY_DAY,
)
@example(
    [],
    Promise("exactly", 0.0, None, True, None, None, 0, Text(zh="场", en="events"), None),
    False,
    None,
    date.min,
)
@example(
    [Point(date.min, 1.0)],
    Promise("at_least", 2.0, date.max, False, None, None, 0, Text(zh="场", en="events"), None),
    False,
    None,
    date.max,
)  # fmt: skip
def test_never_an_exception(
    series: list[Point], promise: Promise, attained: bool, attained_at_due: bool | None, as_of: date
) -> None:
    pace = assess(series, promise, attained, attained_at_due, as_of)
    assert pace.reason.zh
    assert pace.reason.en
    assert "None" not in pace.reason.zh + pace.reason.en
    assert (pace.status == "missed") <= (as_of > pace.due)
    assert (pace.value_at_due is None) or as_of > pace.due


def value_at(series: list[Point], day: date) -> float | None:
    """The step series read off anew, in the plainest way."""
    known = [point for point in series if point.day <= day]
    latest = max((point.day for point in known), default=None)
    return [point.value for point in known if point.day == latest][-1] if known else None


def holds(promise: Promise, value: float | None) -> bool | None:
    if value is None:
        return None
    if promise.direction == "exactly":
        return value == promise.value
    return value >= promise.value if promise.direction == "at_least" else value <= promise.value


def judged(series: list[Point], promise: Promise, as_of: date) -> Pace:
    due = promise.due or date(as_of.year, 12, 31)
    at_due = holds(promise, value_at(series, due)) if as_of > due else None
    return assess(series, promise, bool(holds(promise, value_at(series, as_of))), at_due, as_of)


@st.composite
def plausible(draw: Any, resets: bool = False) -> tuple[list[Point], Promise, date]:
    """A figure with two years of past within its limits, and a promise about it."""
    as_of = draw(st.dates(date(2023, 1, 1), date(2027, 12, 31)))
    ago = [*draw(st.lists(st.integers(0, 800), max_size=24)), 820]
    figure = st.integers(0, 100).map(float) if resets else st.floats(0, 100).map(lambda x: round(x, 2))
    days = [as_of - timedelta(days=n) for n in sorted(set(ago), reverse=True)]
    values = draw(st.lists(figure, min_size=len(days), max_size=len(days)))
    if draw(st.booleans()):  # a figure that is on its way, up or down
        values.sort(reverse=draw(st.booleans()))
    series = [Point(day, value) for day, value in zip(days, values, strict=True)]
    promise = draw(promises(figure, st.dates(date(2024, 1, 1), date(2030, 12, 31)), resets))
    within = {"low": draw(st.sampled_from([None, 0.0])), "high": draw(st.sampled_from([None, 100.0]))}
    return series, replace(promise, due=None if resets else promise.due, **within), as_of


@given(plausible() | plausible(resets=True))
def test_status_forecast_and_target_agree(case: tuple[list[Point], Promise, date]) -> None:
    series, promise, as_of = case
    pace = judged(series, promise, as_of)
    if pace.forecast is not None and pace.low is not None and pace.high is not None:
        assert pace.low <= pace.forecast <= pace.high
        assert promise.low is None or pace.low >= promise.low
        assert promise.high is None or pace.high <= promise.high
    if pace.status in ("met", "missed", "cannot_say") or as_of == pace.due:
        return
    assert pace.gap is not None
    assert pace.needed is not None
    assert pace.observed is not None
    assert pace.forecast is not None
    now = promise.value - pace.gap
    covered = (pace.forecast - now) / pace.gap
    ratio = pace.observed / pace.needed
    tiny = 1e-6
    if pace.status == "on_track":
        assert covered >= ON_TRACK - tiny
        assert ratio >= ON_TRACK - tiny
    elif pace.status == "behind":
        assert BEHIND - tiny <= covered < ON_TRACK + tiny
    else:
        assert covered < BEHIND + tiny
        assert ratio < BEHIND + tiny
    if pace.forecast_day is not None:
        assert as_of < pace.forecast_day <= HORIZON
        assert ratio > 0
        assert (pace.forecast_day <= pace.due) == (ratio >= 1 - tiny) or ratio == pytest.approx(1, abs=1e-3)
    else:
        assert pace.status != "on_track" or ratio < 1 or promise.resets


@given(
    st.lists(st.integers(0, 100).map(float), min_size=30, max_size=30),
    st.sampled_from([-2.0, -0.1, 0.1, 0.59, 0.61, 0.94, 0.96, 1.5, 3.0]),
    st.sampled_from([1.0, 10.0, 400.0]),
)
def test_the_status_is_the_ratio_of_the_paces(values: list[float], ratio: float, ahead: float) -> None:
    """Whatever the figure's pace: with a target chosen so that R is `ratio`, the thresholds decide."""
    as_of = date(2024, 5, 17)
    series = [Point(as_of - timedelta(days=29 * n), value) for n, value in enumerate(values)]
    due = as_of + timedelta(days=ahead)
    promise = Promise("at_least", 1e6, due, False, None, None, 2, Text(zh="个", en="places"), None)
    pace = judged(series, promise, as_of).observed
    assume(pace)
    assert pace is not None
    target = values[0] + pace * ahead / MONTH / ratio
    direction: Any = "at_least" if target > values[0] else "at_most"
    found = judged(series, replace(promise, value=target, direction=direction), as_of)
    expected = "on_track" if ratio > ON_TRACK else "behind" if ratio > BEHIND else "off_track"
    assert found.status == expected
    assert ("反而" in found.reason.zh) == (ratio < 0)


@given(plausible())
@example(
    (
        [Point(date(2022, 1, 1), 1.0)],
        Promise("at_least", 2.0, None, False, None, None, 1, Text(zh="%", en="%"), None),
        date(2024, 2, 29),
    )
)
def test_up_and_down_are_mirrored(case: tuple[list[Point], Promise, date]) -> None:
    series, promise, as_of = case

    def minus(value: float | None) -> float | None:
        return None if value is None else 0.0 - value

    mirrored = replace(
        promise,
        direction={"at_least": "at_most", "at_most": "at_least", "exactly": "exactly"}[promise.direction],
        value=-promise.value,
        low=minus(promise.high),
        high=minus(promise.low),
    )
    here = judged(series, promise, as_of)
    there = judged([Point(point.day, minus(point.value)) for point in series], mirrored, as_of)
    assert (here.status, here.due, here.forecast_day) == (there.status, there.due, there.forecast_day)
    for field in ("gap", "needed", "observed", "forecast", "value_at_due"):
        assert getattr(here, field) == minus(getattr(there, field))
    assert (here.low, here.high) == (minus(there.high), minus(there.low))


@given(points(FIGURE, PLAN_DAY), promises(FIGURE, PLAN_DAY), PLAN_DAY, points(FIGURE, PLAN_DAY))
def test_the_future_is_not_known(
    series: list[Point], promise: Promise, as_of: date, other: list[Point]
) -> None:
    later = [point for point in other if point.day > as_of]
    assert judged([*series, *later], promise, as_of) == judged(series, promise, as_of)


@given(points(FIGURE, PLAN_DAY), promises(FIGURE, PLAN_DAY), PLAN_DAY, st.lists(PLAN_DAY, max_size=5))
def test_saying_a_value_again_changes_nothing(
    series: list[Point], promise: Promise, as_of: date, days: list[date]
) -> None:
    known = [day for day in days if any(point.day <= day for point in series)]
    again = [*series, *(Point(day, value_at(series, day)) for day in known)]
    assert judged(again, promise, as_of) == judged(series, promise, as_of)


@given(points(FIGURE, PLAN_DAY), promises(FIGURE, PLAN_DAY), PLAN_DAY, st.randoms())
def test_the_order_of_the_points_does_not_matter(
    series: list[Point], promise: Promise, as_of: date, chance: Any
) -> None:
    series = list({point.day: point for point in series}.values())
    mixed = [*series]
    chance.shuffle(mixed)
    assert judged(mixed, promise, as_of) == judged(series, promise, as_of)


@given(
    st.floats(0.0001, 0.1),
    st.floats(0, 50),
    st.integers(LEAST_DAYS, 900),
    st.dates(date(2023, 1, 1), date(2025, 12, 29)),
    st.floats(0, 0.05),
)
def test_from_one_day_to_the_next_nothing_leaps(
    slope: float, first: float, history: int, as_of: date, wave: float
) -> None:
    """A figure that moves a little each day has a pace and a forecast that move a little each day."""
    start = as_of - timedelta(days=history)
    series = [
        Point(start + timedelta(days=n), first + slope * n + wave * (n % 2)) for n in range(history + 2)
    ]
    promise = Promise("at_least", 1e6, date(2025, 12, 31), False, None, None, 2, Text(zh="%", en="%"), None)
    today, tomorrow = (judged(series, promise, day) for day in (as_of, as_of + timedelta(days=1)))
    assert today.observed is not None
    assert tomorrow.observed is not None
    months = LEAST_DAYS / MONTH
    assert tomorrow.observed == pytest.approx(today.observed, abs=4 * wave / months + 1e-9)
    assert today.forecast is not None
    assert tomorrow.forecast is not None
    ahead = (promise.due - as_of).days / MONTH if promise.due else 0
    assert tomorrow.forecast == pytest.approx(today.forecast, abs=wave + 4 * wave / months * ahead + 1e-6)


@given(plausible(), st.sampled_from([0.001, 0.5, 8.0, 1024.0]))
def test_the_unit_does_not_matter(case: tuple[list[Point], Promise, date], scale: float) -> None:
    series, promise, as_of = case
    here = judged(series, promise, as_of)
    scaled = replace(
        promise,
        value=promise.value * scale,
        low=promise.low and promise.low * scale,
        high=promise.high and promise.high * scale,
    )
    there = judged(
        [Point(p.day, None if p.value is None else p.value * scale) for p in series], scaled, as_of
    )
    assume(here.status == "met" or abs(here.gap or 1) > 1e-6)
    assert here.status == there.status
    for name in ("gap", "needed", "observed", "forecast", "low", "high"):
        one, other = getattr(here, name), getattr(there, name)
        assert other == (None if one is None else pytest.approx(one * scale, rel=1e-6, abs=1e-9))


def test_every_field_of_the_interface_is_there() -> None:
    assert [field.name for field in fields(Pace)] == [
        "status", "due", "gap", "needed", "observed", "forecast", "low", "high", "forecast_day",
        "value_at_due", "reason",
    ]  # fmt: skip
