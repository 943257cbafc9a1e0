"""Where the county wants to be, day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise


@dataclass(frozen=True)
class Course:
    """A way through years: straight between its knots, level before the first.

    After the last it goes on at a tenth of the whole way's pace, up to `most`.
    """

    knots: Sequence[tuple[date, float]]
    most: float = float("inf")

    def at(self, day: date) -> float:
        """Return where the county wants to be on a day."""
        (first, start), (last, end) = self.knots[0], self.knots[-1]
        if day <= first:
            return start
        for (since, low), (until, high) in pairwise(self.knots):
            if day < until:
                return low + (high - low) * ((day - since) / (until - since))
        beyond = (day - last) / (last - first) * (end - start) / 10
        return max(0.0, min(self.most, end + beyond))


def course(*knots: tuple[int, int, float], most: float = float("inf")) -> Course:
    """Return the course through (year, month, value), each on the first of its month."""
    return Course([(date(year, month, 1), value) for year, month, value in knots], most)


def straight(start: float, end: float, *, most: float = float("inf")) -> Course:
    """Return the plain way: from `start` when the plan was issued to `end` three months before it is due."""
    return course((2022, 10, start), (2025, 10, end), most=most)
