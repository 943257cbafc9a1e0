"""The working calendar: known days of real years, and that counting adds up over any stretch of days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.working_days import WorkingDays, announced

CHINA = WorkingDays()
days = st.dates(date(2004, 1, 1), date(2035, 12, 31))
stretches = st.tuples(days, st.integers(0, 40), st.integers(0, 40))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2024-12-31", True),
        ("2025-01-01", False),  # New Year's Day
        ("2025-01-26", True),  # a Sunday, worked for the Spring Festival
        ("2025-01-27", True),
        ("2025-01-28", False),  # New Year's Eve of the lunar calendar
        ("2025-02-04", False),
        ("2025-02-08", True),  # a Saturday, worked
        ("2025-02-09", False),
        ("2025-10-08", False),
        ("2025-10-11", True),  # a Saturday, worked
        ("2025-12-31", True),
        ("2026-01-02", False),
        ("2026-01-04", True),  # a Sunday, worked
    ],
)
def test_what_the_state_council_announced(day: str, works: bool) -> None:
    assert CHINA.is_one(date.fromisoformat(day)) is works


def test_over_the_end_of_a_year_and_a_festival() -> None:
    # Of 31 December and the first days of January only the 2nd and 3rd, a Thursday and a Friday.
    assert CHINA.among(date(2024, 12, 31), date(2025, 1, 5)) == 2
    # The Spring Festival: two weeks from Sunday to Saturday, with two make-up days, have six.
    assert CHINA.among(date(2025, 1, 25), date(2025, 2, 8)) == 6


def test_a_year_that_is_not_announced_has_weekdays_and_the_days_that_the_law_fixes() -> None:
    year = 2099
    assert announced(2025)
    assert not announced(year)
    assert not CHINA.is_one(date(year, 1, 1))  # a Thursday
    assert not CHINA.is_one(date(year, 10, 2))  # a Friday
    assert CHINA.is_one(date(year, 1, 2))  # a Friday
    assert not CHINA.is_one(date(year, 1, 3))
    own = WorkingDays(off=[date(year, 1, 2)], worked=[date(year, 1, 3)])
    assert not own.is_one(date(year, 1, 2))
    assert own.is_one(date(year, 1, 3))


@given(days)
def test_in_a_year_that_is_not_announced_the_county_says(day: date) -> None:
    assert not WorkingDays(off=[day]).is_one(day)
    assert WorkingDays(worked=[day]).is_one(day)
    assert WorkingDays(off=[day + timedelta(days=1)]).is_one(day) is CHINA.is_one(day)


@given(stretches)
def test_counting_adds_up(stretch: tuple[date, int, int]) -> None:
    begin, first, second = stretch
    middle, end = begin + timedelta(days=first), begin + timedelta(days=first + second)
    assert CHINA.among(begin, middle) + CHINA.among(middle, end) == CHINA.among(begin, end)
    assert CHINA.among(begin, begin) == 0
    assert 0 <= CHINA.among(begin, end) <= first + second


@given(st.integers(2004, 2035))
def test_a_year_has_as_many_working_days_as_the_law_grants(year: int) -> None:
    worked = CHINA.among(date(year - 1, 12, 31), date(year, 12, 31))
    assert 247 <= worked <= 262
    if announced(year) and year >= 2008:
        assert worked <= 253
