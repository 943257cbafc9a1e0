"""Which records have been counted before: asked of ClickHouse before a push is answered.

Only records that may have been are asked about: a filter in memory has all that was counted and all that this
process was asked about. Until it is filled, or while it cannot be kept so, every record is asked about.

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

from services.ingest.filling import Filling
from services.ingest.filter import Filter
from services.ingest.receipts import Name
from services.platform.clickhouse import ClickHouse, Rows
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_REST_SECONDS = 1.0
"""After a question that failed, longer after each more: no push shall wait for the next failure."""
_LONGEST_REST_SECONDS = 15.0
_ASKED_AT_ONCE = 20_000
_FEW = 100
"""Names that go into a question's text, which is cheaper than a table beside it."""


@dataclass(frozen=True)
class _Asked:
    names: Collection[Name]
    answer: asyncio.Future[dict[Name, str]]


class Known:
    """Tells the fingerprints of records that have been counted; `open` it to ask less, `close` it last."""

    def __init__(self, clickhouse: ClickHouse, patience: float, *, memory: int) -> None:
        """`patience`: seconds a push waits at most; 0 asks nothing. `memory`: bytes of the filter at most."""
        self._clickhouse = clickhouse
        self._patience = patience
        self._filter = Filter(memory)
        self._filling = Filling(clickhouse, self._filter)
        self._following: asyncio.Task[None] | None = None
        self._queue: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._began: float | None = None
        self._rest = _REST_SECONDS
        self._rests_until = 0.0

    @property
    def is_selective(self) -> bool:
        """Whether only records that may have been counted are asked about."""
        return self._filling.is_current

    @property
    def remembered(self) -> int:
        """Records in the filter."""
        return self._filter.held

    def open(self) -> None:
        """Begin to fill the filter; ClickHouse need not be there yet."""
        if self._patience:
            self._following = asyncio.create_task(self._filling.run(), name="counted records")

    async def among(self, names: Collection[Name]) -> dict[Name, str]:
        """Return the fingerprints of those that have been counted, as far as can be told in time.

        They are remembered already now, and not when they are written: of a write that nobody acknowledged
        some may be counted all the same.
        """
        suspects = self._filter.suspects(names)
        if self.is_selective:
            names = suspects
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
        tasks = [task for task in (self._task, self._following) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

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

    def _ask(self, names: Collection[Name]) -> dict[Name, str]:
        by_stream: defaultdict[str, list[UUID]] = defaultdict(list)
        for stream, identity in names:
            by_stream[stream].append(UUID(int=identity))
        known: dict[Name, str] = {}
        for stream, identities in by_stream.items():
            rows = self._rows(stream, identities)
            known |= {(stream, identity.int): str(fingerprint) for identity, fingerprint in rows}
        return known

    def _rows(self, stream: str, identities: Sequence[UUID]) -> Rows:
        few = len(identities) <= _FEW
        return self._clickhouse.query(
            "SELECT identity, fingerprint FROM record_identity WHERE stream = %(stream)s AND identity IN"
            f" {'%(names)s' if few else '(SELECT name FROM names)'} SETTINGS max_threads = 1",
            {"stream": stream, "names": tuple(identities) if few else ()},
            given=None if few else {"names": {"name UUID": identities}},
        )


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]
