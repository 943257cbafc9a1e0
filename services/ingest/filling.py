"""Keeps a filter filled with what has been counted, whoever accepted it.

First with all that stands in `record_identity`; then every few seconds with what `touch` tells beyond the
last look, whose cost is that of the records counted since.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from clickhouse_driver.errors import Error as ClickHouseError

from schemas.streams import STREAMS
from services.ingest.filter import Filter
from services.platform.clickhouse import ClickHouse, Rows
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
_LONGEST_REST_SECONDS = 15.0
_OVERLAP = timedelta(seconds=10)
"""How long an insert into `touch` may take from its time of telling until it can be read."""
_KEPT_SECONDS = 72_000.0
"""Less than the day for which `touch` keeps its rows; after so long without a look all is read again."""

_PAGE = 20_000  # its values become numbers while nothing else runs: 1 ms
_BLOCKS = 200
_PIECE = 10_000  # records added before pushes have their turn: some 1 ms

_STANDING = f"""
SELECT groupArray(reinterpretAsUInt64(identity)), max(identity) FROM (
    SELECT identity FROM record_identity WHERE stream = %(stream)s AND identity > %(after)s
    ORDER BY identity LIMIT {_PAGE}
) SETTINGS max_threads = 1"""

_NEW = f"""
SELECT topic_id, partition, first_offset, told_at, stream, counted FROM touch
WHERE told_at >= %(since)s AND notEmpty(counted) AND (topic_id, partition, first_offset) NOT IN
    (SELECT topic_id, partition, first_offset FROM taken)
ORDER BY told_at LIMIT {_BLOCKS} SETTINGS max_threads = 1"""

_Block = tuple[UUID, int, int]
"""(topic_id, partition, first_offset)."""


class Filling:
    """Fills one filter; `run` it beside its users, in their event loop."""

    def __init__(self, clickhouse: ClickHouse, filter: Filter) -> None:
        self._clickhouse = clickhouse
        self._filter = filter
        self._since: datetime | None = None
        self._looked = 0.0
        self._taken: dict[_Block, datetime] = {}
        self.is_current = False
        """Whether the filter has all that had been counted LOOK_SECONDS and one look ago.

        False until it is filled, and from a look that failed to the next that did not.
        """

    async def run(self) -> None:
        """Fill and look until cancelled; where ClickHouse is away, try again after ever longer rests."""
        rest = LOOK_SECONDS
        while True:
            try:
                await self.look()
            except (Unavailable, ClickHouseError) as error:
                if self.is_current or rest == LOOK_SECONDS:
                    why = (str(error) or repr(error)).splitlines()[0]
                    log.warning("every push asks what was counted before, it cannot be followed: %s", why)
                self.is_current = False
                rest = min(2 * rest, _LONGEST_REST_SECONDS)
            else:
                if not self.is_current:
                    log.info("%d records are remembered: only those are asked about", self._filter.held)
                self.is_current = True
                rest = LOOK_SECONDS
            await asyncio.sleep(rest)

    async def look(self) -> None:
        """Learn what has been counted since the last look; all that stands if there was none lately.

        Raises Unavailable or clickhouse_driver's ServerException if ClickHouse cannot tell.
        """
        began = asyncio.get_running_loop().time()
        if self._since is None or began - self._looked > _KEPT_SECONDS:
            await self._fill()
        while len(await self._take_new()) == _BLOCKS:
            pass
        self._looked = began

    async def _fill(self) -> None:
        self._since = None
        [(now, standing)] = await self._query("SELECT now64(3, 'UTC'), (SELECT count() FROM record_identity)")
        self._filter.expect(2 * standing - self._filter.held)
        for stream in STREAMS:
            after = UUID(int=0)
            while True:
                [(identities, last)] = await self._query(_STANDING, stream=stream, after=after)
                await self._add(stream, identities)
                if len(identities) < _PAGE:
                    break
                after = last
        self._since, self._taken = _from(now), {}

    async def _take_new(self) -> Rows:
        assert self._since is not None
        rows = await asyncio.to_thread(
            self._clickhouse.query,
            _NEW,
            {"since": self._since},
            given={
                "taken": {
                    "topic_id UUID": [block[0] for block in self._taken],
                    "partition UInt16": [block[1] for block in self._taken],
                    "first_offset UInt64": [block[2] for block in self._taken],
                }
            },
        )
        for topic_id, partition, first_offset, told_at, stream, identities in rows:
            await self._add(stream, identities)
            self._taken[topic_id, partition, first_offset] = told_at
            self._since = max(self._since, _from(told_at))
        self._taken = {block: at for block, at in self._taken.items() if at >= self._since}
        return rows

    async def _add(self, stream: str, identities: Sequence[int]) -> None:
        for piece in _pieces(identities):
            self._filter.add(stream, piece)
            await asyncio.sleep(0)

    async def _query(self, sql: str, **params: object) -> Rows:
        return await asyncio.to_thread(self._clickhouse.query, sql, params)


def _from(moment: datetime) -> datetime:
    # In whole seconds: a moment loses its fraction on the way into a query.
    return moment.replace(microsecond=0) - _OVERLAP


def _pieces(identities: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(identities), _PIECE):
        yield identities[first : first + _PIECE]
