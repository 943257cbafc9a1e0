"""Silence by what was promised: over holidays and year ends, over restarts, and never while records wait."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.declaration import Text
from schemas.feed import Cadence, FeedPromise
from services.alerts.inhibition import unreliable
from services.alerts.reading import Reading
from services.alerts.sources.feed_silence import FeedSilence, silence
from services.alerts.sources.measured import Moment
from services.platform.plan import Plan
from tests.aggregate.support import event
from tests.alerts.sources.county import COUNTY, PLAN, County, read, rule

ZONE = PLAN.zone
SINCE = date(2024, 1, 1)


def promise(**every: int) -> FeedPromise:
    return FeedPromise.model_validate(
        {
            "agency": "health-bureau",
            "stream": "facility",
            "name": {"zh": "机构登记", "en": "the register"},
            "every": every,
            "since": SINCE,
        }
    )


def with_promises(*promises: FeedPromise) -> Plan:
    return replace(PLAN, feeds={one.id: one for one in promises})


def at(day: str, hour: int = 9) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(hour), ZONE)


@pytest.mark.parametrize(
    ("last", "first_broken"),
    [
        ("2025-03-07", "2025-03-11"),  # from Friday: Monday may pass, Tuesday not
        ("2025-03-08", "2025-03-11"),  # on a Saturday too
        ("2024-12-31", "2025-01-03"),  # over the end of the year: New Year's Day is off
        ("2025-01-24", "2025-01-27"),  # the Sunday before the Spring Festival is worked, Monday is too late
        ("2025-01-27", "2025-02-06"),  # over the Spring Festival: back on 5 February
        ("2025-09-30", "2025-10-10"),  # over National Day and Mid-Autumn: back on the 9th
        ("2025-12-31", "2026-01-05"),  # the Sunday after New Year 2026 is worked
    ],
)
def test_one_working_day(last: str, first_broken: str) -> None:
    daily, heard = promise(working_days=1), at(last)
    day = heard.date()
    while silence(PLAN, daily, heard, datetime.combine(day, time(), ZONE)) <= 1:
        day += timedelta(days=1)
    assert day == date.fromisoformat(first_broken)


days = st.dates(date(2023, 12, 1), date(2031, 1, 1))
moments = st.builds(lambda day, hour: datetime.combine(day, hour, ZONE), days, st.times())
cadences = st.one_of(
    st.builds(lambda n: {"working_days": n}, st.integers(1, 30)),
    st.builds(lambda n: {"days": n}, st.integers(1, 60)),
    st.builds(lambda n: {"hours": n}, st.integers(1, 200)),
)


@given(cadences, moments, st.integers(0, 200 * 24 * 60), st.integers(0, 30 * 24 * 60))
def test_silence_grows_with_time_and_a_record_ends_it(
    every: dict[str, int], last: datetime, minutes: int, more: int
) -> None:
    one = promise(**every)
    until = last + timedelta(minutes=minutes)
    later = until + timedelta(minutes=more)
    first = silence(PLAN, one, last, until)
    assert 0 <= first <= silence(PLAN, one, last, later)
    assert silence(PLAN, one, max(until, last), until) == 0 or until.date() < SINCE
    assert silence(PLAN, one, until, later) <= silence(PLAN, one, last, later)


@given(moments, st.integers(1, 20), st.integers(0, 120))
def test_working_days_are_counted_as_one_counts_on_a_calendar(last: datetime, most: int, days: int) -> None:
    until = last + timedelta(days=days)
    passed = [last.date() + timedelta(days=n) for n in range(1, days + 1)]
    worked = [day for day in passed if day >= SINCE and PLAN.working_days.is_one(day)]
    found = silence(PLAN, promise(working_days=most), last, until)
    assert found == len(worked)
    if (
        found == most + 1
        and silence(PLAN, promise(working_days=most), last, until - timedelta(days=1)) == most
    ):
        assert PLAN.working_days.is_one(until.date())  # silence is only ever said on a working day


@given(st.integers(1, 60))
def test_hours_are_exact(hours: int) -> None:
    one, heard = promise(hours=hours), at("2025-03-07")
    due = heard + timedelta(hours=hours)
    assert silence(PLAN, one, heard, due) == hours
    assert silence(PLAN, one, heard, due + timedelta(microseconds=1)) > hours


def begun(day: str | None, *promises: FeedPromise) -> Plan:
    """A plan of a county whose agencies push from a day on."""
    since = None if day is None else date.fromisoformat(day)
    plan = with_promises(*promises)
    return replace(plan, county=plan.county.model_copy(update={"since": since}))


@given(cadences, moments)
def test_a_feed_that_has_never_sent_is_not_silent_before_the_county_begins(
    every: dict[str, int], until: datetime
) -> None:
    assert silence(begun(None), promise(**every), None, until) is None
    assert silence(begun(f"{until.date() + timedelta(days=1)}"), promise(**every), None, until) is None
    assert silence(begun(f"{until.date()}"), promise(**every), None, until) is not None


def test_a_feed_that_has_never_sent_is_silent_from_the_day_the_county_begins() -> None:
    weekly, plan = promise(days=7), begun("2025-03-03")
    assert silence(plan, weekly, None, at("2025-03-03")) == 1
    assert silence(plan, weekly, None, at("2025-03-10")) == 8
    assert silence(begun("2023-03-03"), weekly, None, at("2024-01-08")) == 8  # promised from 2024 on
    assert silence(plan, weekly, at("2025-01-01"), at("2025-03-10")) == 68  # it has begun by itself
    assert silence(plan, weekly, at("2023-06-01"), at("2024-01-08")) == 8  # before the promise: for nothing
    assert silence(plan, promise(hours=2), None, at("2025-03-03", 3)) == Fraction(3)


def test_what_depends_on_a_feed() -> None:
    named = promise(days=1).model_copy(update={"indicators": ["fitness_events_in_year"]})
    assert unreliable(with_promises(named)) == {named.id: {"fitness_events_in_year"}}
    [unnamed] = unreliable(with_promises(promise(days=1))).values()
    assert "eldercare_nursing_bed_share" in unnamed
    assert "fitness_events_in_year" not in unnamed


class Known:
    """Says up to when everything is counted, as `Counted` does."""

    def __init__(self, through: datetime | None) -> None:
        self.through = through

    def look(self, moment: Moment) -> None:
        """It is known."""


def found(county: County, plan: Plan, through: datetime | None, now: datetime) -> list[Reading]:
    source: Any = FeedSilence(plan, [rule("feed_silent")], county.pool, Known(through))  # type: ignore[arg-type]
    return read(source, now)


def record(id: str, time: datetime, received: datetime, source: str = "health-bureau") -> dict[str, Any]:
    data = {
        "facility_id": "F1",
        "kind": "mother_room",
        "name": "母婴室",
        "division": next(code for code, one in PLAN.divisions.items() if one.level == "community"),
        "status": "open",
        "ownership": "public",
    }
    said = event("facility", source, id, time, data)
    return {**said, "receivedtime": received.astimezone(UTC).isoformat()}


async def test_silence_is_told_by_what_came_in_and_ends_with_a_record(county: County) -> None:
    plan = with_promises(promise(working_days=5))
    # It came in on 24 January and told of last year; another agency says nothing for this one.
    await county.count("facility", [record("a", at("2024-06-01"), at("2025-01-24"))])
    await county.count("facility", [record("b", at("2025-02-10"), at("2025-02-10"), source="trade-union")])
    for day, days in (("2025-01-24", 0), ("2025-02-05", 3), ("2025-02-08", 6)):
        [one] = found(county, plan, at(day), at(day, 12))
        assert (one.key, one.value) == (("feed_silent", COUNTY, "health-bureau/facility"), days)
        assert (one.threshold, one.clear_level, one.owner) == (5, 5, "health-bureau")
    assert "2025-01-24 09:00" in one.why.zh
    await county.count("facility", [record("c", at("2025-02-08", 10), at("2025-02-08", 10))])
    [over] = found(county, plan, at("2025-02-08", 11), at("2025-02-08", 12))
    assert over.value == 0


async def test_nothing_is_said_of_a_time_that_is_not_counted(county: County) -> None:
    plan = with_promises(promise(working_days=1))
    now = at("2025-03-31")
    assert found(county, plan, None, now) == []
    await county.count("facility", [record("a", at("2025-03-03"), at("2025-03-03"))])
    [one] = found(county, plan, at("2025-03-04"), now)  # what came since the 4th still waits to be counted
    assert one.value == 1
    assert found(county, plan, at("2023-12-31"), now) == []  # before anything was promised


async def test_of_a_feed_that_has_never_sent_there_is_no_data(county: County) -> None:
    [one] = found(county, begun(None, promise(days=1)), at("2025-03-31"), at("2025-03-31"))
    assert (one.status, one.value) == ("no_data", None)
    assert one.why == Text(zh="尚未上报过", en="nothing has come yet")
    [late] = found(county, begun("2025-03-03", promise(days=1)), at("2025-03-31"), at("2025-03-31"))
    assert (late.status, late.value) == ("value", 29)


async def test_a_year_without_announced_holidays_says_so(county: County) -> None:
    plan = begun("2024-01-01", promise(working_days=1))
    [one] = found(county, plan, at("2099-03-31"), at("2099-03-31"))
    assert "2099 年放假安排未知" in one.why.zh
    [other] = found(county, begun("2024-01-01", promise(days=1)), at("2099-03-31"), at("2099-03-31"))
    assert "2099 年" not in other.why.zh


def test_a_cadence_has_one_unit() -> None:
    assert Cadence(days=3).model_dump(exclude_none=True) == {"days": 3}
    with pytest.raises(ValueError, match="exactly one"):
        Cadence(days=3, hours=1)
