"""What befalls the service on the way of a notice: SIGKILL before, after or while it does a step."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

from tests.kills.effects import When

_LONGEST_DELAY = 0.004
"""Seconds; an insert takes about so long."""


@dataclass(frozen=True)
class Fault:
    """A step and when it strikes: `inside` is some moment after the step began."""

    step: str
    when: When | str

    @property
    def name(self) -> str:
        return f"{self.when} {self.step}"

    def delay(self, random: Random) -> float:
        return random.uniform(0, _LONGEST_DELAY) if self.when == "inside" else 0.0


FAULTS = (
    Fault("keep", "before"),
    Fault("send webhook", "received"),
    Fault("send webhook", "late"),
    Fault("record", "before"),
    Fault("keep", "after"),
    Fault("send webhook", "after"),
    Fault("record", "inside"),
    Fault("log", "before"),
    Fault("log", "after"),
    Fault("send webhook", "before"),
    Fault("record", "after"),
    Fault("send mail", "before"),
    Fault("send mail", "received"),
    Fault("send mail", "after"),
    Fault("send topic", "before"),
    Fault("send topic", "after"),
    Fault("keep", "inside"),
    Fault("log", "inside"),
)
"""The steps: notices kept, change logged, sent, recorded. `received`: by the receiver, before it answers;
`late`: the same, and the receiver gets to reading it only when the service runs again."""


def sequence() -> Iterator[Fault]:
    """All of them in turn, the most different ones first."""
    return cycle(FAULTS)
