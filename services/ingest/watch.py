"""Watching the broker: whether ingest can do its work, and whether the broker has lost what it had.

A topic keeps its id as long as its records do; when an id has changed, the broker began anew and the journal
is written to its topics again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from uuid import UUID

from clickhouse_driver.errors import Error as ClickHouseError

from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC, STREAMS
from services.ingest.counted import all_counted
from services.ingest.journal import Journal, JournalError, read
from services.ingest.outlet import Outlet
from services.ingest.recall import recall
from services.ingest.received import Received
from services.ingest.writer import Writer
from services.platform import topics
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

TOPICS = (
    *(stream.topic for stream in STREAMS.values()),
    *(DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC),
)

_PAUSE = 2.0
_PAUSE_IN_TROUBLE = 0.3
_PROBE_TIMEOUT = 2.0
_REPLAYED_AT_ONCE = 500


class Watch:
    """Looks after the broker, and after the journal if there is one."""

    def __init__(
        self,
        bootstrap: str,
        outlet: Outlet,
        writer: Writer,
        journal: Journal | None,
        clickhouse: ClickHouse,
        *,
        received: Received,
        remember: Callable[[str, bytes], None],
    ) -> None:
        """`remember` is given the newest receipts on their topic before anything is accepted."""
        self._bootstrap = bootstrap
        self._outlet = outlet
        self._writer = writer
        self._journal = journal
        self._clickhouse = clickhouse
        self._received = received
        self._remember = remember
        self._life: dict[str, UUID] = {}
        self._tidied: Sequence[Path] = ()
        self.obstacle: str | None = "ingest is starting"
        """Why nothing can be accepted now; None while all is well."""

    def check(self) -> None:
        """Raise Unavailable if nothing can be accepted now."""
        if self.obstacle is not None:
            raise Unavailable(self.obstacle)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._writer.troubled.clear()
            try:
                await self._look()
            except Unavailable as error:
                self._stand_back(str(error))
            except Exception as error:  # our own bug: accept nothing while we cannot tell, and look again
                log.exception("the broker cannot be watched")
                self._stand_back(f"internal error: {error!r}")
            pause = _PAUSE if self.obstacle is None else _PAUSE_IN_TROUBLE
            try:
                await asyncio.wait_for(self._writer.troubled.wait(), pause)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        ids = await asyncio.to_thread(_topic_ids, self._bootstrap)
        missing = [topic for topic in TOPICS if topic not in ids]
        if missing:
            raise Unavailable(f"topics are missing: {', '.join(missing)}; `minmai topics create` makes them")
        try:
            await asyncio.to_thread(self._received.begin)
        except ClickHouseError as error:
            why = str(error).splitlines()[0]
            raise Unavailable(f"ClickHouse cannot tell where the county's clock stands: {why}") from error
        if self._journal is not None:
            if ids != self._life:
                await self._replay(self._journal)
            elif (sealed := self._journal.sealed()) != self._tidied:
                await asyncio.to_thread(self._tidy, self._journal, sealed)
        if not self._life:
            await self._recall()
        self._life = ids
        if self.obstacle is not None:
            log.info("ready: the broker at %s has every topic", self._bootstrap)
            self.obstacle = None

    def _stand_back(self, why: str) -> None:
        if self.obstacle != why:
            log.warning("not ready: %s", why)
        self.obstacle = why

    async def _recall(self) -> None:
        try:
            number = await recall(self._bootstrap, self._remember)
        except Unavailable as error:  # a receipt can be looked up later, a push has to be taken now
            log.warning("%s: they can be looked up once they are stored", error)
        else:
            log.info("read back %d receipts", number)

    async def _replay(self, journal: Journal) -> None:
        """Write the journal to the topics. Raises Unavailable if the broker does not take it all."""
        self._stand_back("the journal is being replayed")
        async with self._writer.between_groups:  # no record is acknowledged and not yet in the journal
            segments = journal.seal()
        await asyncio.to_thread(self._tidy, journal, segments)
        replayed = 0
        for segment in journal.sealed():
            messages = read(segment)
            try:
                while chunk := await asyncio.to_thread(list, islice(messages, _REPLAYED_AT_ONCE)):
                    for error in await self._outlet.send(chunk):
                        if error is not None:
                            raise Unavailable(f"the journal cannot be replayed: {error!r}") from error
                    replayed += len(chunk)
            except JournalError as error:
                log.error("%s", error)  # noqa: TRY400
        log.info("replayed %d records of the journal", replayed)

    def _tidy(self, journal: Journal, segments: Sequence[Path]) -> None:
        """Drop the segments whose records are all counted; keep them all when that cannot be told."""
        try:
            for segment in segments:
                if self._is_counted(segment):
                    journal.drop(segment)
        except (Unavailable, ClickHouseError) as error:
            log.warning("journal segments are kept, ClickHouse cannot say what is counted: %s", error)
        self._tidied = journal.sealed()

    def _is_counted(self, segment: Path) -> bool:
        try:
            return all_counted(self._clickhouse, read(segment))
        except JournalError:  # told when it is replayed
            return False


def _topic_ids(bootstrap: str) -> dict[str, UUID]:
    topics.answers(bootstrap, _PROBE_TIMEOUT)  # a short wait, which topic_ids does not offer
    return topics.topic_ids(bootstrap, TOPICS)
