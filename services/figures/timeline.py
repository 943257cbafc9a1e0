"""One entity through time: its newest record of each day, and the stretches on which nothing changed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.figures.series import EVER

State = Mapping[str, Any]
"""What a record says: field → value."""


@dataclass(frozen=True)
class Stretch:
    """From `begin` until before `end` an entity was in one state, told on the day `told`."""

    begin: date
    end: date
    told: date
    state: State


class Timeline:
    """An entity's states by the day on which its newest record said them."""

    __slots__ = ("_days", "_states")

    def __init__(self) -> None:
        self._days: list[date] = []
        self._states: list[State] = []

    def set(self, day: date, state: State | None) -> State | None:
        """Set (None: take away) what was said on a day; return what stood there before."""
        place = bisect_left(self._days, day)
        there = place < len(self._days) and self._days[place] == day
        before = self._states[place] if there else None
        if state is None:
            if there:
                del self._days[place], self._states[place]
        elif there:
            self._states[place] = state
        else:
            self._days.insert(place, day)
            self._states.insert(place, state)
        return before

    def at(self, day: date) -> tuple[date, State] | None:
        """Return what held on a day, and on which day it was said."""
        place = bisect_right(self._days, day)
        return (self._days[place - 1], self._states[place - 1]) if place else None

    def since(self, day: date) -> date | None:
        """Return the newest day with a record up to a day."""
        place = bisect_right(self._days, day)
        return self._days[place - 1] if place else None

    def after(self, day: date) -> date:
        """Return the next day with a record after a day."""
        place = bisect_right(self._days, day)
        return self._days[place] if place < len(self._days) else EVER


class Entity:
    """An entity told of by one stream, or (a childcare facility) by two: the second adds to the first."""

    __slots__ = ("_first", "_second")

    def __init__(self) -> None:
        self._first = Timeline()
        self._second: Timeline | None = None

    def timeline(self, second: bool = False) -> Timeline:
        """Return what one of the two streams told."""
        if not second:
            return self._first
        if self._second is None:
            self._second = Timeline()
        return self._second

    @property
    def _told(self) -> list[Timeline]:
        return [self._first] if self._second is None else [self._first, self._second]

    def begin(self, day: date) -> date:
        """Return the newest day up to a day on which anything was told; the day itself if there is none."""
        days = [since for timeline in self._told if (since := timeline.since(day)) is not None]
        return max(days, default=day)

    def stretches(self, begin: date, end: date) -> Iterator[Stretch]:
        """Yield the stretches between two days on which the entity existed."""
        day = begin
        while day < end:
            until = min(end, *(timeline.after(day) for timeline in self._told))
            held = self._first.at(day)
            if held is not None:
                told, state = held
                more = self._second.at(day) if self._second is not None else None
                yield Stretch(day, until, told, {**state, **more[1]} if more else state)
            day = until
