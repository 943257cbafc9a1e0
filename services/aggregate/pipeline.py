"""The aggregator's whole path on one page: from a stretch of a partition to changed figures.

For every partition it owns, again and again:

1. read     the records a fetch returned, in the order of the partition;
2. claim    agree on the block's boundaries, so that every try inserts the same rows;
3. decode   bytes to checked records; what is no event becomes a dead letter;
4. sift     drop what was counted before; same id with other content becomes a dead letter;
5. insert   one block into the log table under its token; its views follow in the same insert;
6. refuse   send the dead letters and wait until the broker has them;
7. mark     the stream's indicators as touched;
8. commit   the offset, for those who watch the lag: what was done stands in ClickHouse.

Beside it, whenever something was touched or the day has changed:

9. refresh  recompute the touched indicators in ClickHouse, history first, then live;
10. publish what changed on `minmai.indicator.v1`, after the tables have it.

The dead-letter topic takes the same way into table `dead_letter`, which keeps one row a letter by its id.

A worker may die between any two steps. The next owner begins with the newest claimed block, which either
changes nothing or completes it; and every worker begins with a refresh of all figures.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date

from schemas.dead_letter import DeadLetter
from schemas.indicator import Figure
from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from services.aggregate import metrics
from services.aggregate.blocks import Block, Claims, Place
from services.aggregate.counted import sift
from services.aggregate.indicators import IndicatorTables
from services.aggregate.records import (
    Message,
    columns,
    conflict,
    dead_letter_columns,
    decode,
    read_dead_letters,
)
from services.aggregate.waiting import patiently
from services.platform.clickhouse import ClickHouse

BY_TOPIC = {stream.topic: stream for stream in STREAMS.values()}
TOPICS = [*BY_TOPIC, DEAD_LETTER_TOPIC]

SendDeadLetters = Callable[[Sequence[DeadLetter]], Awaitable[None]]
SendFigures = Callable[[Sequence[Figure]], Awaitable[None]]


class BlockPath:
    """Steps 2 to 7."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        claims: Claims,
        refuse: SendDeadLetters,
        mark: Callable[[str], None],
    ) -> None:
        self._clickhouse = clickhouse
        self._claims = claims
        self._refuse = refuse
        self._mark = mark

    async def newest_claim(self, place: Place) -> Block | None:
        """Return the block a new owner of a partition begins with."""
        return await patiently(lambda: self._claims.newest(place))

    async def claim(self, wanted: Block) -> Block:
        """Agree on a block that begins where `wanted` does; its end may differ."""
        return await patiently(lambda: self._claims.claim(wanted))

    async def count(self, block: Block, messages: Sequence[Message]) -> None:
        """Count a claimed block, whole."""
        if block.place.topic == DEAD_LETTER_TOPIC:
            letters = read_dead_letters(block.place, messages)
            await patiently(lambda: self._clickhouse.insert("dead_letter", dead_letter_columns(letters)))
            return
        stream = BY_TOPIC[block.place.topic]
        # In a thread: 20,000 records take longer than the group coordinator waits for a heartbeat.
        records, refused = await asyncio.to_thread(decode, stream, block.place, messages)
        new, duplicates, conflicts = await patiently(lambda: sift(self._clickhouse, stream, block, records))
        await patiently(
            lambda: self._clickhouse.insert(
                stream.log_table,
                columns(stream, block.place, new),
                settings={
                    "insert_deduplication_token": block.token,
                    "deduplicate_blocks_in_dependent_materialized_views": 1,
                },
            )
        )
        await self._refuse([*refused, *(conflict(stream, block, record) for record in conflicts)])
        self._mark(stream.name)
        metrics.count(stream.name, len(new), len(duplicates), len(conflicts), len(refused))


class FigurePath:
    """Steps 9 and 10."""

    def __init__(self, tables: IndicatorTables, publish: SendFigures) -> None:
        self._tables = tables
        self._publish = publish

    async def refresh(self, streams: Collection[str], today: date) -> None:
        """Bring the figures that records of `streams` can change up to the records."""
        with metrics.REFRESH_SECONDS.time():
            await self._publish(await patiently(lambda: self._tables.refresh(streams, today)))

    async def begin(self) -> None:
        """Declare the plan's indicators, and publish every live figure.

        A worker that died may have written some and told nobody.
        """
        await patiently(self._tables.declare)
        await self._publish(await patiently(self._tables.live))
