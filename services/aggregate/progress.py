"""Progress: whether what waits is being worked on, judged by how far it has come."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """How far something has come: what lies from `position` up to, not including, `end` waits."""

    position: int
    end: int


@dataclass(frozen=True)
class Unmoved:
    """Something that has not moved for `seconds`, though something waited all the while."""

    name: str
    standing: Standing
    seconds: float

    def __str__(self) -> str:
        stands = self.standing
        return f"{self.name}: at {stands.position} of {stands.end}, unmoved for {self.seconds:.0f} s"


class Progress:
    """What was seen at each look, by name; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, tuple[Standing, float]] = {}

    def look(self, standings: Mapping[str, Standing]) -> None:
        """Take in how far everything has come by now; what is not among it is forgotten."""
        now = self._clock()
        self._since = {name: (one, self._waiting_since(name, one, now)) for name, one in standings.items()}

    def excuse(self, name: str | None = None) -> None:
        """Begin anew with one, or with all: there was a reason for not moving, or nothing to move to."""
        now = self._clock()
        for one in [name] if name is not None else list(self._since):
            self._since[one] = self._since[one][0], now

    def unmoved(self, seconds: float) -> list[Unmoved]:
        """Return what has not moved for at least `seconds` while something waited."""
        now = self._clock()
        return [
            Unmoved(name, one, now - since)
            for name, (one, since) in sorted(self._since.items())
            if one.position < one.end and now - since >= seconds
        ]

    def _waiting_since(self, name: str, one: Standing, now: float) -> float:
        before, since = self._since.get(name, (None, now))
        still = before is not None and before.position == one.position and before.position < before.end
        return since if still else now
