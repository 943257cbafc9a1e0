"""Rounds: records are written, something befalls, and in the end everything is counted once."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.kills.faults import Fault
from tests.kills.stage import Stage

WORKERS = 2


@dataclass(frozen=True)
class Round:
    """What happened in a round that agreed in the end."""

    number: int
    fault: str
    struck: str
    workers: int
    written: int
    """Records, in this round."""
    counted: int
    """Records, of all rounds."""
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.number:4} {self.fault:36} {self.struck:32} {self.workers} workers, "
            f"{self.written:5} written, {self.counted:6} counted in all, {self.seconds:5.1f} s: agrees"
        )


def rounds(stage: Stage, faults: Iterable[Fault], records: int) -> Iterator[Round]:
    """Play a round for each fault, with at least so many records; fails where something does not agree."""
    for _ in range(WORKERS):
        stage.crew.join()
    for number, fault in enumerate(faults, 1):
        began, before = time.monotonic(), stage.books.written
        stage.writer.begin(records)
        struck = fault.strike(stage)
        stage.settle()
        yield Round(
            number,
            fault.name,
            struck,
            len(stage.crew.members),
            stage.books.written - before,
            len(stage.books.counted),
            time.monotonic() - began,
        )
