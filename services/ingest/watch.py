"""Watching the broker: whether ingest can do its work, and whether the broker has lost what it had.

A topic keeps its id as long as its records do; when an id has changed, the broker began anew and the journal
is written to its topics again.
"""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

from clickhouse_driver.errors import Error as ClickHouseError

from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC, STREAMS
from services.ingest.recall import recall
from services.ingest.received import Received
from services.ingest.upkeep import Upkeep
from services.ingest.writer import Writer
from services.platform import topics
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

TOPICS = (
    *(stream.topic for stream in STREAMS.values()),
    *(DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC),
)

_PAUSE = 2.0
_PAUSE_IN_TROUBLE = 0.3
_PROBE_TIMEOUT = 2.0


class Watch:
    """Looks after the broker, and after the journal if there is one."""

    def __init__(
        self,
        bootstrap: str,
        writer: Writer,
        upkeep: Upkeep | None,
        *,
        received: Received,
        remember: Callable[[str, bytes], None],
    ) -> None:
        """`upkeep` is that of the journal, if there is one; `remember` is given the newest receipts on their
        topic before anything is accepted.
        """
        self._bootstrap = bootstrap
        self._broker = topics.Asking(bootstrap, timeout=_PROBE_TIMEOUT)
        self._writer = writer
        self._upkeep = upkeep
        self._received = received
        self._remember = remember
        self._life: dict[str, UUID] = {}
        self.obstacle: str | None = "ingest is starting"
        """Why nothing can be accepted now; None while all is well."""

    def check(self) -> None:
        """Raise Unavailable if nothing can be accepted now."""
        if self.obstacle is not None:
            raise Unavailable(self.obstacle)

    def close(self) -> None:
        """Disconnect, once nothing runs."""
        self._broker.close()
        if self._upkeep is not None:
            self._upkeep.close()

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
        ids = await asyncio.to_thread(self._broker.topic_ids, TOPICS)
        missing = [topic for topic in TOPICS if topic not in ids]
        if missing:
            raise Unavailable(f"topics are missing: {', '.join(missing)}; `minmai topics create` makes them")
        try:
            await asyncio.to_thread(self._received.begin)
        except ClickHouseError as error:
            why = str(error).splitlines()[0]
            raise Unavailable(f"ClickHouse cannot tell where the county's clock stands: {why}") from error
        if self._upkeep is not None:
            if ids != self._life:
                self._stand_back("the journal is being replayed")
                await self._upkeep.replay()
            else:
                await self._upkeep.tend()
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
