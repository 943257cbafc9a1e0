"""How the county is steered: each week it compares what is with where it wants to be, and does what lacks.

So a target is crossed when its course crosses it, whatever closes on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Protocol

from cli.sample.course import Course
from cli.sample.register import LEAD, Facility, Register


class Steering(Protocol):
    """One thing that is steered."""

    def begin(self, day: date) -> None:
        """Bring it where it is in the beginning; nothing is told yet."""

    def week(self, day: date) -> None:
        """Do something for it, if it lacks, and tell it."""


@dataclass
class Growth:
    """New facilities while something `lacks`; a project counts once it is planned, so it looks ahead."""

    register: Register
    lacks: Callable[[date], bool]
    make: Callable[[date], Facility]

    def begin(self, day: date) -> None:
        while self.lacks(day):
            self.make(day)

    def week(self, day: date) -> None:
        if self.lacks(day + LEAD):
            self.register.project(self.make(day), day)


@dataclass
class Share:
    """Of the open facilities that fit, so large a share shall have something done to it.

    `weight` is what the share is a share of: facilities (1 each), or say their children.
    """

    register: Register
    random: Random
    kinds: tuple[str, ...]
    course: Course
    done: Callable[[Facility], bool]
    do: Callable[[Facility], None]
    fits: Callable[[Facility], bool] = lambda _facility: True
    weight: Callable[[Facility], float] = lambda _facility: 1

    def begin(self, day: date) -> None:
        while chosen := self._next(day, [one for kind in self.kinds for one in self.register.there(kind)]):
            self.do(chosen)

    def week(self, day: date) -> None:
        chosen = self._next(day, [one for kind in self.kinds for one in self.register.open(kind)])
        if chosen:
            self.do(chosen)
            self.register.tell(chosen, self.register.working_hour(day))

    def _next(self, day: date, facilities: list[Facility]) -> Facility | None:
        fitting = [one for one in facilities if self.fits(one)]
        missing = [one for one in fitting if not self.done(one)]
        have = sum(self.weight(one) for one in fitting) - sum(self.weight(one) for one in missing)
        wanted = int(self.course.at(day) * sum(self.weight(one) for one in fitting) + 1e-9)
        return self.random.choice(missing) if missing and have < wanted else None


def flag(
    register: Register,
    random: Random,
    kinds: tuple[str, ...],
    field: str,
    course: Course,
    *,
    fits: Callable[[Facility], bool] = lambda _facility: True,
) -> Share:
    """Steer the share of facilities whose `field` is true."""
    return Share(
        register,
        random,
        kinds,
        course,
        done=lambda one: bool(one.own.get(field)),
        do=lambda one: one.own.update({field: True}),
        fits=fits,
    )


@dataclass
class Level:
    """A number over all facilities of a kind (beds, nurses) shall be so large; it grows in small steps."""

    register: Register
    random: Random
    kind: str
    of: str
    wanted: Callable[[date], float]
    step: tuple[int, int]
    room: Callable[[Facility], float]
    """How much more of it a facility can take; 0 keeps it out."""

    def begin(self, day: date) -> None:
        few, many = self.step
        while self._lacks(day) and self._add(self.register.there(self.kind), 5 * few, 5 * many):
            pass

    def week(self, day: date) -> None:
        for _ in range(2):
            grown = self._add(self.register.open(self.kind), *self.step) if self._lacks(day) else None
            if grown:
                self.register.tell(grown, self.register.working_hour(day))

    def _lacks(self, day: date) -> bool:
        return self.register.total(self.kind, self.of) < self.wanted(day)

    def _add(self, facilities: list[Facility], few: int, many: int) -> Facility | None:
        rooms = [max(0, int(self.room(one))) for one in facilities]
        if not any(rooms):
            return None
        [(chosen, room)] = self.random.choices(list(zip(facilities, rooms, strict=True)), rooms)
        chosen.own[self.of] = int(chosen.amount(self.of)) + min(self.random.randint(few, many), room)
        return chosen
