"""The working calendar of China: weekends, the State Council's holidays, and the days worked in exchange."""

from collections.abc import Collection
from datetime import date, timedelta
from functools import cache

import chinese_calendar

_BY_LAW = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""Holidays that fall on the same day each year, as (month, day)."""


class WorkingDays:
    """Which days offices work; `off` and `worked` are the county's own exceptions, which come first.

    The State Council announces a year's holidays in the autumn before, and `chinesecalendar` learns of them
    with its next release. In a year it does not know, Mondays to Fridays are worked but for the holidays
    that have a fixed day; `announced` tells which years those are not. A county that must not wait writes the
    days into its plan.
    """

    def __init__(self, off: Collection[date] = (), worked: Collection[date] = ()) -> None:
        self._off = frozenset(off)
        self._worked = frozenset(worked)

    def is_one(self, day: date) -> bool:
        """Whether it is a working day."""
        if day in self._off or day in self._worked:
            return day in self._worked
        return _is_one(day)

    def among(self, after: date, until: date) -> int:
        """Return how many of the days after one and until another (which is included) are working days."""
        return sum(self.is_one(after + timedelta(days=n)) for n in range(1, (until - after).days + 1))


@cache
def announced(year: int) -> bool:
    """Whether the holidays of a year are known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


@cache
def _is_one(day: date) -> bool:
    if announced(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and (day.month, day.day) not in _BY_LAW
