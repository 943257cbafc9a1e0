"""The journal's upkeep: what is counted goes, what got lost on its way is written to the topics again.

After a new life of the broker all that is not counted is written again. But a broker may also lose what it
has acknowledged while it lives on: the embedded one takes records for a topic that is not made yet, and gives
their offsets out again once it is; of two records at one offset readers get one. So a segment is looked at
again and again until it is counted, and when the aggregator has read past it without counting all of it, what
is missing is written anew. That is harmless: a record counts once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from clickhouse_driver.errors import Error as ClickHouseError

from services.ingest.counted import all_counted
from services.ingest.journal import Journal, JournalError, newest, read
from services.ingest.message import Message
from services.ingest.outlet import Outlet, Place
from services.ingest.writer import Writer
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.topics import AGGREGATE_GROUP, Asking

log = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0
_SEALED_AFTER_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 3600.0
_AT_ONCE = 500
_MOST_AT_ONCE = 5_000
_NEWEST_BYTES = 50_000
_BEFORE_A_REST = 50  # messages: some 0.5 ms, for which pushes have to wait
_REST_SECONDS = 0.001


@dataclass
class _Segment:
    """What is known of a sealed segment. The aggregator has read past it when it has reached `ends`."""

    ends: Mapping[Place, int]
    due: float
    pause: float = _EVERY_SECONDS


class Upkeep:
    """Looks after the journal of one ingest process; its functions are not to be called at the same time."""

    def __init__(
        self, bootstrap: str, outlet: Outlet, writer: Writer, journal: Journal, clickhouse: ClickHouse
    ) -> None:
        self._broker = Asking(bootstrap)
        self._outlet = outlet
        self._writer = writer
        self._journal = journal
        self._clickhouse = clickhouse
        self._segments: dict[Path, _Segment] = {}
        self._due = 0.0

    def close(self) -> None:
        """Disconnect, once nothing runs."""
        self._broker.close()

    async def replay(self) -> None:
        """Write all that is not counted to a broker that has forgotten it.

        Raises Unavailable if it does not take it all.
        """
        async with self._writer.between_groups:  # no record is acknowledged and not yet in the journal
            self._journal.seal()
            self._outlet.reached.clear()
            self._segments.clear()
        await asyncio.to_thread(self._drop_counted)
        replayed = 0
        for segment in self._journal.sealed():
            async for chunk in _chunks(segment):
                await self._send(chunk)
                replayed += len(chunk)
        log.info("replayed %d records of the journal", replayed)

    async def tend(self) -> None:
        """Drop what is counted and write again what got lost, if it is time for that."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _EVERY_SECONDS
        sealed = await asyncio.to_thread(self._journal.seal, older_than=_SEALED_AFTER_SECONDS)
        ends = dict(self._outlet.reached)
        self._segments = {
            path: self._segments.get(path) or _Segment(ends, now + _EVERY_SECONDS) for path in sealed
        }
        try:
            await self._look([path for path, segment in self._segments.items() if now >= segment.due])
        except (Unavailable, ClickHouseError) as error:
            log.warning("journal segments are kept, it cannot be told what is counted: %s", error)

    async def _look(self, due: Sequence[Path]) -> None:
        if not due:
            return
        # Before it is asked what is counted: what is not then, and lies before this, will never be.
        read_up_to = await asyncio.to_thread(self._broker.committed, AGGREGATE_GROUP)
        for path in due:
            segment = self._segments[path]
            if await asyncio.to_thread(self._is_counted, path, gently=True):
                self._journal.drop(path)
            elif any(read_up_to.get(place, 0) < end for place, end in segment.ends.items()):
                return  # the aggregator is not that far; still less with later ones
            else:
                segment.pause = min(2 * segment.pause, _LONGEST_PAUSE_SECONDS)
                segment.due = time.monotonic() + segment.pause
                await self._write_again(path, read_up_to)
                segment.ends = dict(self._outlet.reached)

    async def _write_again(self, path: Path, read_up_to: Mapping[Place, int]) -> None:
        async for chunk in _chunks(path):
            # A receipt that grows on promises records that are still to be read.
            if not await asyncio.to_thread(all_counted, self._clickhouse, chunk, grown=False):
                log.warning(
                    "journal segment %s: of %d records some were acknowledged, read past and not counted: "
                    "they are written again",
                    *(path.name, len(chunk)),
                )
                await self._send_beyond(chunk, read_up_to)

    async def _send_beyond(self, messages: Sequence[Message], read_up_to: Mapping[Place, int]) -> None:
        """Send them so often that they lie where nothing has been read: the next offsets may be below."""
        copies = list(messages)
        while True:
            before = dict(self._outlet.reached)
            await self._send(copies)
            now = [(place, end) for place, end in self._outlet.reached.items() if end != before.get(place)]
            if all(end - len(messages) >= read_up_to.get(place, 0) for place, end in now):
                return
            if len(copies) > _MOST_AT_ONCE:
                return  # it is looked at again
            copies += copies

    async def _send(self, messages: Sequence[Message]) -> None:
        for error in await self._outlet.send(messages):
            if error is not None:
                raise Unavailable(f"the journal cannot be written to the topics: {error!r}") from error

    def _drop_counted(self) -> None:
        """Drop the segments whose records are all counted; keep them all when that cannot be told."""
        try:
            for path in self._journal.sealed():
                if self._is_counted(path):
                    self._journal.drop(path)
        except (Unavailable, ClickHouseError) as error:
            log.warning("journal segments are kept, ClickHouse cannot say what is counted: %s", error)

    def _is_counted(self, path: Path, *, gently: bool = False) -> bool:
        try:
            # What came last is counted last: as long as it is not, nothing else need be read.
            if not all_counted(self._clickhouse, newest(path, _NEWEST_BYTES)):
                return False
            messages = read(path)
            return all_counted(self._clickhouse, _gently(messages) if gently else messages)
        except JournalError:  # told when it is written again
            return False


def _gently(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages with rests in between: a thread that computes holds the pushes."""
    for number, message in enumerate(messages):
        if number % _BEFORE_A_REST == 0:
            time.sleep(_REST_SECONDS)
        yield message


async def _chunks(path: Path) -> AsyncIterator[list[Message]]:
    messages = read(path)
    while chunk := await asyncio.to_thread(_next, messages):
        yield chunk


def _next(messages: Iterator[Message]) -> list[Message]:
    chunk: list[Message] = []
    try:
        chunk.extend(islice(messages, _AT_ONCE))
    except JournalError as error:  # after all that can be read
        log.error("%s", error)  # noqa: TRY400
    return chunk
