"""What became of a push, for whoever pushed it: its receipt, and how far its records have come."""

import asyncio
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field

from schemas.receipt import Fault, Receipt
from services.platform.clickhouse import ClickHouse

_ID = re.compile("[0-9a-f]{32}")
PAGE = 100
LARGEST_PAGE = 1_000
_REMEMBERED_BYTES = 8_000_000
_FEED_OPEN = timedelta(minutes=2)

_COUNTED, _DUPLICATE, _CONFLICT = range(3)
_BLOCK = "topic_id, partition, first_offset"
_BECAME = f"""
SELECT countIf(what = {_COUNTED}), countIf(what = {_DUPLICATE}), countIf(what = {_CONFLICT}),
    countIf(what = {_COUNTED} AND first IS NULL), maxIf(first, what = {_COUNTED})
FROM (
    SELECT what, min(shown) AS first FROM (
        SELECT {_BLOCK}, stream, arrayJoin(arrayConcat(
            arrayMap(one -> ({_COUNTED}, one), counted),
            arrayMap(one -> ({_DUPLICATE}, one), duplicate),
            arrayMap(one -> ({_CONFLICT}, one), conflict)
        )) AS became, became.1 AS what, became.2 AS identity
        FROM receipt_counted WHERE receipt = %(id)s
    ) AS told
    LEFT JOIN (
        SELECT {_BLOCK}, toNullable(min(shown_at)) AS shown FROM block_shown
        WHERE ({_BLOCK}) IN (SELECT {_BLOCK} FROM receipt_counted WHERE receipt = %(id)s) GROUP BY {_BLOCK}
    ) AS there USING ({_BLOCK})
    GROUP BY stream, what, identity
)"""
"""What became of a receipt's records, read by its key alone.

Without FINAL, which would cost as much again: of a row that stands there twice each identity counts once. A
record is on the board when the first block that had it is; a copy may have come in a later one.
"""


class Accepted(BaseModel):
    """What became of the accepted records; the four add up to `accepted`."""

    counted: int
    duplicate: Annotated[int, Field(description="another push had brought the same; found while counting")]
    conflict: Annotated[int, Field(description="counted before with other content; each in `conflicts`")]
    waiting: Annotated[int, Field(description="not yet counted")]


class Conflict(BaseModel):
    """An accepted record that was found to be a conflict while counting."""

    id: str
    message: str


class ReceiptState(BaseModel):
    """A receipt; received = accepted + duplicate + rejected, as they were answered."""

    receipt: str
    agency: str
    stream: Annotated[str, Field(description="empty for events, which may be of several")]
    kind: Annotated[str, Field(description="http, file, feed, or replay of dead letters")]
    received_at: datetime
    received: int
    accepted: int
    duplicate: int
    rejected: int
    records: Accepted
    final: Annotated[bool, Field(description="whether nothing waits: the counts no longer change")]
    on_the_board_at: Annotated[
        datetime | None,
        Field(description="when the figures held every counted record; null until then, or if none counts"),
    ]
    conflicts: Annotated[list[Conflict], Field(description=f"the first {LARGEST_PAGE}")]
    errors: Annotated[list[Fault], Field(description="the refused records from `offset` on")]
    next_offset: Annotated[int | None, Field(description="`offset` of the next page; null on the last")]


def _is_open(receipt: Receipt) -> bool:
    """Whether more may come under a receipt: a feed has one for all that comes in a minute."""
    return receipt.kind == "feed" and datetime.now(UTC) - receipt.received_at < _FEED_OPEN


class Receipts:
    """Looks receipts up: the newest, which may not be stored yet, in memory, all others in ClickHouse."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._latest: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        # Of its own, and few: however many look up receipts, no push waits for ClickHouse behind them.
        self._threads = ThreadPoolExecutor(2, "receipts")

    def remember(self, id: str, text: bytes) -> None:
        """Have a receipt's JSON at hand until it is in its table; the oldest are forgotten."""
        self._bytes += len(text) - len(self._latest.pop(id, b""))
        self._latest[id] = text
        while self._bytes > _REMEMBERED_BYTES:
            _name, oldest = self._latest.popitem(last=False)
            self._bytes -= len(oldest)

    def close(self) -> None:
        """Look nothing up any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def state(self, agency: str, id: str, offset: int, limit: int) -> ReceiptState | None:
        """Return the state of a receipt of this agency's, None if it has no such receipt.

        Raises Unavailable or clickhouse_driver's ServerException if ClickHouse cannot tell.
        """
        if not _ID.fullmatch(id):
            return None
        look_up = asyncio.get_running_loop().run_in_executor
        return await look_up(self._threads, self._state, agency, id, offset, limit)

    def _state(self, agency: str, id: str, offset: int, limit: int) -> ReceiptState | None:
        receipt = self._receipt(id)
        if receipt is None or receipt.agency != agency:
            return None
        counted, duplicate, conflict, shown_at = self._became(id)
        waiting = receipt.accepted - counted - duplicate - conflict
        errors = self._errors(receipt, offset, limit)
        return ReceiptState(
            **receipt.model_dump(exclude={"faults", "remote", "user_agent"}),
            records=Accepted(counted=counted, duplicate=duplicate, conflict=conflict, waiting=waiting),
            final=not waiting and not _is_open(receipt),
            on_the_board_at=None if waiting else shown_at,
            conflicts=self._conflicts(id) if conflict else [],
            errors=errors,
            next_offset=offset + len(errors) if errors and offset + len(errors) < receipt.rejected else None,
        )

    def _receipt(self, id: str) -> Receipt | None:
        if id in self._latest:
            return Receipt.model_validate_json(self._latest[id])
        rows = self._clickhouse.rows(
            "SELECT * FROM receipt WHERE receipt = %(id)s ORDER BY received DESC LIMIT 1", {"id": id}
        )
        if not rows:
            return None
        row = rows[0]
        return Receipt.model_validate({**row, "faults": orjson.loads(row["faults"])})

    def _became(self, id: str) -> tuple[int, int, int, datetime | None]:
        """How many records were counted, duplicates and conflicts, and since when all counted are shown."""
        [(counted, duplicate, conflict, hidden, last)] = self._clickhouse.query(_BECAME, {"id": id})
        return counted, duplicate, conflict, last if counted and not hidden else None

    def _errors(self, receipt: Receipt, offset: int, limit: int) -> list[Fault]:
        if offset + limit <= len(receipt.faults) or len(receipt.faults) == receipt.rejected:
            return receipt.faults[offset : offset + limit]
        rows = self._clickhouse.rows(
            "SELECT at AS index, sheet_row AS row, sheet_column AS column, record_id AS id, code, field,"
            " message FROM receipt_fault FINAL WHERE receipt = %(id)s AND service = 'ingest'"
            " ORDER BY at LIMIT %(limit)s OFFSET %(offset)s",
            {"id": receipt.receipt, "limit": limit, "offset": offset},
        )
        return [Fault.model_validate(row) for row in rows]

    def _conflicts(self, id: str) -> list[Conflict]:
        rows: list[dict[str, Any]] = self._clickhouse.rows(
            "SELECT record_id AS id, message FROM receipt_fault FINAL"
            " WHERE receipt = %(id)s AND service = 'aggregate' AND code = 'conflict'"
            f" ORDER BY letter LIMIT {LARGEST_PAGE}",
            {"id": id},
        )
        return [Conflict.model_validate(row) for row in rows]
