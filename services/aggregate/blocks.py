"""Blocks: which stretch of a partition is inserted at once, agreed on through ClickHouse.

A block that is inserted again counts once only if its boundaries are the same. So a worker first claims the
block: a row in table `block`, inserted under a token made of the place and the first offset alone. Of all
claims of one first offset ClickHouse keeps the first, and whoever claims reads back which one that is. Two
workers that both believe they own a partition thus write the very same block, under the same token, and
rows are counted once without any lock.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.platform.clickhouse import ClickHouse

_AT_ONCE = 4
"""How many claims are written together; each has a token of its own, and so is a statement."""


@dataclass(frozen=True)
class Place:
    """One partition of one life of a topic: offsets mean nothing once a topic has been made anew."""

    topic: str
    topic_id: UUID
    partition: int

    def __str__(self) -> str:
        return f"{self.topic_id}/{self.partition}"


@dataclass(frozen=True)
class Block:
    """The offsets from `first` to `last`, both included.

    `written_at`: when its oldest record was written to the topic; None if an earlier owner of the partition
    may have counted it.
    """

    place: Place
    first: int
    last: int
    written_at: datetime | None = field(default=None, compare=False)

    @property
    def token(self) -> str:
        """The insert_deduplication_token of this block's rows."""
        return f"{self.place}/{self.first}-{self.last}"


class Claims:
    """The claims of one worker, kept in table `block`."""

    def __init__(self, clickhouse: ClickHouse, worker: str) -> None:
        self._clickhouse = clickhouse
        self._worker = worker

    def newest(self, place: Place) -> Block | None:
        """Return the newest claimed block of a partition: the only one that may be unfinished."""
        return self._newest([(place, 0)]).get(place)

    def claim(self, wanted: Sequence[Block]) -> list[Block]:
        """Claim blocks of different partitions; return what was agreed: the same starts, perhaps other ends.

        Whoever has been superseded gets a block that begins further on: others have counted all before it.
        """
        with ThreadPoolExecutor(_AT_ONCE) as claims:
            list(claims.map(self._say, wanted))
        agreed = self._newest([(block.place, block.first) for block in wanted])
        return [agreed[block.place] for block in wanted]

    def _newest(self, since: Sequence[tuple[Place, int]]) -> dict[Place, Block]:
        """Return the newest claimed block of each partition, of those from an offset on."""
        wanted = [
            f"topic_id = '{place.topic_id}' AND partition = {place.partition} AND first_offset >= {first}"
            for place, first in since
        ]
        rows = self._clickhouse.query(
            f"SELECT topic_id, partition, first_offset, last_offset FROM block WHERE {' OR '.join(wanted)}"
            " ORDER BY first_offset DESC, claimed_at LIMIT 1 BY topic_id, partition"
        )
        found = {(topic_id, partition): offsets for topic_id, partition, *offsets in rows}
        return {
            place: Block(place, *found[place.topic_id, place.partition])
            for place, _ in since
            if (place.topic_id, place.partition) in found
        }

    def _say(self, wanted: Block) -> None:
        place = wanted.place
        self._clickhouse.insert(
            "block",
            {
                "topic": [place.topic],
                "topic_id": [place.topic_id],
                "partition": [place.partition],
                "first_offset": [wanted.first],
                "last_offset": [wanted.last],
                "worker": [self._worker],
                "claimed_at": [datetime.now(UTC)],
            },
            settings={"insert_deduplication_token": f"{place}/{wanted.first}"},
        )
