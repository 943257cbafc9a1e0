"""How far counting is behind the topics, by partition: in records, and in seconds.

Where a partition ends is told by the watch, which asks every few seconds: a worker that is stuck fetches
nothing, and must be seen all the same. By so many seconds a lag in seconds may be too large.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition


@dataclass
class Standing:
    """Where one partition stands.

    `position`: the first offset not counted; `end`: the first not written, as far as known; `since`: no
    record that waits was written before this moment, in seconds since 1970.
    """

    position: int
    end: int
    since: float
    sure: bool = False
    """Whether `since` comes from the partition, not from when it was taken over."""


@dataclass
class Lag:
    """The partitions of one worker; `now` is its clock."""

    now: Callable[[], float] = time.time
    standings: dict[TopicPartition, Standing] = field(default_factory=dict)

    def own(self, partition: TopicPartition, position: int) -> None:
        """A partition has been taken over; counting begins at `position`."""
        self.standings[partition] = Standing(position, position, self.now())

    def disown(self, partition: TopicPartition) -> None:
        """A partition has been given up."""
        self.standings.pop(partition, None)

    def ends(self, partition: TopicPartition, end: int) -> None:
        """A partition is known to have its records up to `end`, and perhaps more."""
        standing = self.standings.get(partition)
        if standing is None:
            return
        standing.end = max(standing.end, end)
        if standing.end <= standing.position:
            standing.since, standing.sure = self.now(), True

    def counted(self, partition: TopicPartition, position: int, written: float | None) -> None:
        """Everything before `position` is counted; the last record before it was written at `written` (None:
        there was no record)."""
        standing = self.standings.get(partition)
        if standing is None:
            return
        standing.position = position
        standing.end = max(standing.end, position)
        if written is not None:
            standing.since = max(standing.since, written) if standing.sure else written
            standing.sure = True

    def records(self) -> Iterator[tuple[Sequence[str], float]]:
        """Yield (topic, partition) and the number of records that wait."""
        for partition, standing in list(self.standings.items()):
            yield _labels(partition), standing.end - standing.position

    def seconds(self) -> Iterator[tuple[Sequence[str], float]]:
        """Yield (topic, partition) and for how long the oldest record that waits has waited; 0: none does."""
        now = self.now()
        for partition, standing in list(self.standings.items()):
            waits = standing.end > standing.position
            yield _labels(partition), max(0.0, now - standing.since) if waits else 0.0


def _labels(partition: TopicPartition) -> tuple[str, str]:
    return partition.topic, str(partition.partition)
