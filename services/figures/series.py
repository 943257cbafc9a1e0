"""A number by day: what it grew by on each, and its running total."""

from bisect import bisect_left, bisect_right
from datetime import date
from decimal import Decimal

NOTHING = Decimal(0)
EVER = date.max
"""The end of what has no end yet."""


class Series:
    """A number that changes on some days and holds in between.

    Adding costs the same whatever was added before; a total is worked out anew only from the earliest day
    that changed. A day once added stays one of its days, even if its growth comes to nothing.
    """

    __slots__ = ("_days", "_grown", "_stale", "_totals")

    def __init__(self) -> None:
        self._grown: dict[date, Decimal] = {}
        self._days: list[date] = []
        self._totals: list[Decimal] = []
        self._stale: date | None = None

    def add(self, day: date, amount: Decimal) -> None:
        """Let it grow by an amount from a day on."""
        self._grown[day] = self._grown.get(day, NOTHING) + amount
        if self._stale is None or day < self._stale:
            self._stale = day

    def at(self, day: date) -> Decimal:
        """Return its total at the end of a day."""
        if self._stale is not None:
            self._sum_up()
        place = bisect_right(self._days, day)
        return self._totals[place - 1] if place else NOTHING

    def days(self, first: date, last: date) -> list[date]:
        """Return its days from `first` to `last`, both included, in order."""
        self._sum_up()
        return self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def positive_since(self) -> date | None:
        """Return the first day on which its total was above nothing."""
        self._sum_up()
        return next((day for day, total in zip(self._days, self._totals, strict=True) if total > 0), None)

    def _sum_up(self) -> None:
        if self._stale is None:
            return
        begin = bisect_left(self._days, self._stale)
        if len(self._days) != len(self._grown):
            self._days[begin:] = sorted(day for day in self._grown if day >= self._stale)
        running = self._totals[begin - 1] if begin else NOTHING
        del self._totals[begin:]
        for day in self._days[begin:]:
            running += self._grown[day]
            self._totals.append(running)
        self._stale = None
