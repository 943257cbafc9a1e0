"""How far the topics have been counted: what waits, and up to when everything is known.

Whoever says that nothing came must know that nothing waits to be counted. Topics are asked how far they
reach, ClickHouse how far they have been counted; once it has come as far as the topics reached at some look,
everything that had been accepted by then is counted. A worker that is stuck, or gone, looks so too: nothing
is known any more after it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from schemas.streams import STREAMS
from services.alerts.sources.measured import Moment
from services.platform.clickhouse import ClickHouse
from services.platform.offsets import Partition, ends
from services.platform.through import counted_through
from services.platform.topics import describe

TOPICS: Sequence[str] = tuple(stream.topic for stream in STREAMS.values())

_AGAIN = timedelta(seconds=2)

_Place = tuple[UUID, int]
"""A partition of one life of a topic: (topic_id, partition)."""


class Counted:
    """What the newest look found; `look` asks Kafka and ClickHouse, and blocks."""

    def __init__(self, clickhouse: ClickHouse, kafka: str) -> None:
        self._clickhouse = clickhouse
        self._kafka = kafka
        self._looked: datetime | None = None
        self._since: dict[_Place, int] = {}
        self._waiting: tuple[datetime, dict[_Place, int]] | None = None
        self.behind: Mapping[Partition, int] = {}
        """Records that lie on each partition and are not counted. The embedded broker tells the start of its
        last batch as the end: there the records of that batch are not among them."""
        self.through: datetime | None = None
        """The moment, by the county's clock, up to which all that was accepted is counted; None: unknown."""

    def look(self, moment: Moment) -> None:
        """Look how far everything is, unless that was done a moment ago. Raises Unavailable if one of them
        does not answer."""
        if self._looked is not None and moment.wall - self._looked < _AGAIN:
            return
        topics = describe(self._kafka, TOPICS)
        if len(topics) < len(TOPICS):  # they are just being made: nobody knows what will be on them
            self._waiting = None
            return
        named = {(one.name, number): one.id for one in topics.values() for number in range(one.partitions)}
        reached = {(named[place], place[1]): end for place, end in ends(self._kafka, named).items()}
        self._since = {place: self._since.get(place, 0) for place in reached}
        told = counted_through(self._clickhouse, TOPICS, self._since)
        self._since |= {(one.topic_id, one.partition): one.newest for one in told}
        counted = {(one.topic_id, one.partition): one.limit for one in told}
        self.behind = {
            place: max(0, reached[topic_id, place[1]] - counted.get((topic_id, place[1]), 0))
            for place, topic_id in named.items()
        }
        if self._waiting and not self._waiting[1].keys() <= reached.keys():
            self._waiting = None  # topics were made again: how far they had reached says nothing any more
        for asked, wanted in filter(None, (self._waiting, (moment.now, reached))):
            if all(counted.get(place, 0) >= end for place, end in wanted.items()):
                self.through, self._waiting = asked, None
            elif self._waiting is None:
                self._waiting = (asked, wanted)
        self._looked = moment.wall
