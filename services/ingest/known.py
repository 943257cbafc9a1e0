"""Which records have been counted before: asked of ClickHouse before a push is answered.

What concurrent pushes ask is put together: one question is under way at a time, and takes along all that
came meanwhile. A push waits for it a bounded time and is answered without it where ClickHouse is away or
slow; a record then counts once all the same, because the aggregator asks again.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from clickhouse_driver.errors import Error as ClickHouseError

from services.ingest.receipts import Name
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_REST_SECONDS = 1.0
"""After a question that failed, longer after each more: no push shall wait for the next failure."""
_LONGEST_REST_SECONDS = 15.0
_ASKED_AT_ONCE = 20_000


@dataclass(frozen=True)
class _Asked:
    names: Collection[Name]
    answer: asyncio.Future[dict[Name, UUID]]


class Known:
    """Tells the fingerprints of records that have been counted; `close` it last."""

    def __init__(self, clickhouse: ClickHouse, patience: float) -> None:
        """`patience`: seconds a push waits at most; 0 asks nothing."""
        self._clickhouse = clickhouse
        self._patience = patience
        self._queue: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._began: float | None = None
        self._rest = _REST_SECONDS
        self._rests_until = 0.0

    async def among(self, names: Collection[Name]) -> dict[Name, UUID]:
        """Return the fingerprints of those that have been counted, as far as can be told in time."""
        if not names or self._is_hopeless():
            return {}
        asked = _Asked(names, asyncio.get_running_loop().create_future())
        self._queue.append(asked)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="known records")
        try:
            return await asyncio.wait_for(asked.answer, self._patience)
        except TimeoutError:
            return {}

    async def close(self) -> None:
        """Ask nothing more."""
        self._patience = 0
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _is_hopeless(self) -> bool:
        now = asyncio.get_running_loop().time()
        overdue = self._began is not None and now - self._began > self._patience
        return not self._patience or overdue or now < self._rests_until

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while group := self._take_group():
            self._began = loop.time()
            try:
                known = await asyncio.to_thread(self._ask, {name for one in group for name in one.names})
            except (Unavailable, ClickHouseError) as error:
                log.warning("pushes are answered without what was counted before: %s", _first_line(error))
                self._rests_until = loop.time() + self._rest
                self._rest = min(2 * self._rest, _LONGEST_REST_SECONDS)
                known = {}
            else:
                self._rest = _REST_SECONDS
            finally:
                self._began = None
            for one in group:
                if not one.answer.done():
                    one.answer.set_result({name: known[name] for name in one.names if name in known})

    def _take_group(self) -> Sequence[_Asked]:
        group: list[_Asked] = []
        number = 0
        while self._queue and (not group or number + len(self._queue[0].names) <= _ASKED_AT_ONCE):
            one = self._queue.pop(0)
            if not one.answer.done():  # else its time is up
                group.append(one)
                number += len(one.names)
        return group

    def _ask(self, names: Collection[Name]) -> dict[Name, UUID]:
        by_stream: defaultdict[str, list[UUID]] = defaultdict(list)
        for stream, identity in names:
            by_stream[stream].append(identity)
        known: dict[Name, UUID] = {}
        for stream, identities in by_stream.items():
            rows = self._clickhouse.query(
                "SELECT identity, any(fingerprint) FROM record_identity"
                " WHERE stream = %(stream)s AND identity IN (SELECT name FROM names) GROUP BY identity",
                {"stream": stream},
                given={"names": {"name UUID": identities}},
            )
            known |= {(stream, identity): fingerprint for identity, fingerprint in rows}
        return known


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]
