"""Where a figure is going: the pace of its last months carried on, with an 80 % band for the doubt.

Pure arithmetic on a step series; formulas and sources are in docs/pace.md. Days are ordinals, and paces are
per month of 30.4375 days.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import MINYEAR, date
from functools import cache
from itertools import pairwise
from statistics import NormalDist

MONTH = 30.4375
WINDOW = 12
"""Months looked back on at most: a whole year, so that no season weighs more than another."""

_APART = 28
_BAND = 0.80
_Z_SQUARED = NormalDist().inv_cdf((1 + _BAND) / 2) ** 2
_BEYOND_SENSE = 1e15
_NO_SPREAD = 1e-10
"""What is left of the changes below this share of the figures is rounding, not movement."""


@cache
def student_t(freedom: int) -> float:
    """Return t with P(|T| ≤ t) = 0.80 for `freedom` ≥ 1 degrees of freedom.

    For whole degrees of freedom the distribution is a finite sum (Abramowitz & Stegun, Handbook of
    Mathematical Functions, 26.7.3 and 26.7.4), so that halving the angle finds t to machine precision.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < _BAND else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Return P(|T| ≤ t) for tan(angle) = t ÷ √freedom."""
    odd = freedom % 2
    term = total = math.cos(angle) ** odd if freedom > 1 else 0.0
    for step in range(1 + odd, freedom - 2, 2):
        term *= step / (step + 1) * math.cos(angle) ** 2
        total += term
    inside = math.sin(angle) * total
    return (angle + inside) * 2 / math.pi if odd else inside


@dataclass(frozen=True)
class Drift:
    """The mean change of a figure and how much its months differ: Brownian motion with drift."""

    pace: float  # per month
    months: float  # length of the time looked back on
    steps: int  # changes seen in it
    sigma: float | None  # standard deviation of one month's change; None: a single change shows none

    def band(self, ahead: float) -> tuple[float, float] | None:
        """Return the 80 % band of the change in the next `ahead` months; None if the past shows no spread."""
        if not self.sigma:
            return None
        spread = self.sigma * math.sqrt(ahead * (1 + ahead / self.months))
        half = student_t(self.steps - 1) * spread
        return self.pace * ahead - half, self.pace * ahead + half


@dataclass(frozen=True)
class Tally:
    """A count since its beginning: quasi-Poisson, with the dispersion its months show (1 or more)."""

    count: float
    months: float
    dispersion: float

    @property
    def pace(self) -> float:
        """The count per month."""
        return self.count / self.months

    def band(self, ahead: float) -> tuple[float, float] | None:
        """Return the 80 % band of what the next `ahead` months add; never below nought."""
        share = ahead / self.months
        doubt = self.dispersion * _Z_SQUARED
        middle = share * (self.count + doubt / 2)
        half = math.sqrt(doubt * share * (self.count * (1 + share) + doubt * share / 4))
        return max(middle - half, 0.0), middle + half


Trend = Drift | Tally
Knot = tuple[int, float]
"""A day (ordinal) and the figure at its end."""


def drift(knots: Sequence[Knot]) -> Drift:
    """Return the drift through at least two knots on different days, in the order of days."""
    months = (knots[-1][0] - knots[0][0]) / MONTH
    pace = (knots[-1][1] - knots[0][1]) / months
    changes = [((day - before) / MONTH, value - was) for (before, was), (day, value) in pairwise(knots)]
    if len(changes) < 2:
        return Drift(pace, months, len(changes), None)
    square = sum((change - pace * time) ** 2 / time for time, change in changes)
    sigma = math.sqrt(square / (len(changes) - 1))
    noise = _NO_SPREAD * max(abs(value) for _, value in knots)
    return Drift(pace, months, len(changes), sigma if sigma > noise else 0.0)


def tally(knots: Sequence[Knot]) -> Tally:
    """Return the tally of a count, whose first knot is nought at its beginning."""
    of_all = drift(knots)
    excess = 0.0
    if of_all.sigma and of_all.pace > 0:
        excess = of_all.sigma**2 / of_all.pace
    return Tally(knots[-1][1], of_all.months, max(excess, 1.0))


class Steps:
    """A step series up to a day: a value holds until the next one; None is no value from that day on."""

    def __init__(self, points: Iterable[tuple[int, float | None]], last: int) -> None:
        self._days: list[int] = []
        self._values: list[float | None] = []
        for day, given in sorted((p for p in points if p[0] <= last), key=lambda point: point[0]):
            value = given if given is not None and abs(given) <= _BEYOND_SENSE else None
            if self._days and self._days[-1] == day:  # the later word on one day holds
                self._values[-1] = value
            else:
                self._days.append(day)
                self._values.append(value)

    def at(self, day: int) -> float | None:
        """Return the value at the end of a day."""
        position = bisect_right(self._days, day) - 1
        return self._values[position] if position >= 0 else None

    def unbroken_since(self, day: int) -> int:
        """Return the first of the days up to `day` from which on there is a value without a gap."""
        position = bisect_right(self._days, day) - 1
        since = day
        while position >= 0 and self._values[position] is not None:
            since = self._days[position]
            position -= 1
        return since

    def knots(self, day: int, since: int) -> list[Knot]:
        """Return the values at the latest twelve ends of months and on `day`, or as many as begin by `since`.

        No two are less than 28 days apart: a step divided by a few days would look like a great leap. So
        the running month belongs to the last interval until it is over, and a history of less than a year
        is used from its first day. Days without a value are left out.
        """
        ends = [end for end in _ends_of_months(day) if day - end >= _APART][:WINDOW]
        days = [end for end in ends if end >= since]
        if len(days) < WINDOW:
            days = [*(end for end in days if end - since >= _APART), since]
        found = [(at, self.at(at)) for at in (*reversed(days), day)]
        return [(at, value) for at, value in found if value is not None]


def _ends_of_months(day: int) -> list[int]:
    """Return the last days of the months before the one `day` lies in, latest first, one year and a bit."""
    running = date.fromordinal(day)
    ends = []
    for ago in range(WINDOW + 1):
        year, month = divmod(running.year * 12 + running.month - 1 - ago, 12)
        if year >= MINYEAR:
            ends.append(date(year, month + 1, 1).toordinal() - 1)
    return ends
