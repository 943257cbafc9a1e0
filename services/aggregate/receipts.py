"""The audit: rows of tables `receipt` and `refused_push`, and what became of each push's accepted records."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from schemas.fields import Contract
from schemas.receipt import Receipt
from schemas.refused_push import RefusedPushes
from schemas.streams import Stream
from services.aggregate.blocks import Block, Place
from services.aggregate.counted import Sifted
from services.aggregate.records import Message, strange, uuids
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed

Told = TypeVar("Told", bound=Contract)


def read_audit(
    kind: type[Told], place: Place, messages: Iterable[Message], *, strange_code: str
) -> tuple[list[Told], list[DeadLetter]]:
    """Return what a stretch of a topic of the audit tells, and a dead letter for each stranger."""
    told: list[Told] = []
    refused: list[DeadLetter] = []
    for message in messages:
        try:
            told.append(kind.model_validate_json(message.value or b""))
        except ValidationError:
            refused.append(strange(place, message, code=strange_code))
    return told, refused


def receipt_columns(receipts: Sequence[Receipt]) -> dict[str, list[Any]]:
    """Return the rows of table `receipt` as columns."""
    columns = {name: [getattr(one, name) for one in receipts] for name in Receipt.model_fields}
    columns["faults"] = [orjson.dumps([fault.model_dump() for fault in one.faults]) for one in receipts]
    return columns


def refused_push_columns(refused: Sequence[RefusedPushes]) -> dict[str, list[Any]]:
    """Return the rows of table `refused_push` as columns."""
    return {name: [getattr(one, name) for one in refused] for name in RefusedPushes.model_fields}


_COLUMNS = (
    *("topic_id", "partition", "first_offset"),
    *("receipt", "stream", "counted", "duplicate", "conflict", "counted_at"),
)


class Outcome(NamedTuple):
    """What became of the records of a block."""

    stream: Stream
    block: Block
    sifted: Sifted


_COUNTED, _DUPLICATE, _CONFLICT = range(3)

FEW = 2_500
"""Up to so many records of a round are cheaper, for both sides together, sent value by value: to take apart
and group a packed row costs ClickHouse some 10 ms, however little is in it."""


def account(clickhouse: ClickHouse, outcomes: Sequence[Outcome]) -> None:
    """Write down in table `receipt_counted` what became of each record; every try of a block writes the same.

    A copy of a record that was counted for the same push (a broker that delivered it twice, a journal that
    was replayed) says again that it was counted: the block that counted it may have died before it could.
    """
    outcomes = [one for one in outcomes if any(map(len, one.sifted))]
    if not outcomes:
        return
    groups = [group for one in outcomes for group in one.sifted if len(group)]
    sizes = [sum(map(len, one.sifted)) for one in outcomes]
    receipts = [receipt for group in groups for receipt in group.columns["receipt"].texts]
    identities = np.concatenate([group.identity for group in groups])
    kinds = np.concatenate([_kinds(clickhouse, one) for one in outcomes])
    at = np.repeat(np.arange(1, len(outcomes) + 1), sizes)
    if len(receipts) <= FEW:
        rows = zip(at.tolist(), receipts, uuids(identities), kinds.tolist(), strict=True)
        _insert_few(clickhouse, outcomes, rows)
        return
    packed = Packed(
        {
            "receipt": Column(receipts),
            "identity": Column(identities),
            "outcome": Column(kinds),
            "at": Column(at),
        },
        {"receipt": "String", "identity": "UUID", "outcome": "UInt8", "at": "UInt32"},
    )
    places = [one.block.place for one in outcomes]
    clickhouse.insert_select(
        "receipt_counted",
        _COLUMNS,
        "SELECT toUUID(%(topic_ids)s[at]), %(partitions)s[at], %(firsts)s[at], receipt, %(streams)s[at],"
        f" groupArrayIf(identity, outcome = {_COUNTED}), groupArrayIf(identity, outcome = {_DUPLICATE}),"
        f" groupArrayIf(identity, outcome = {_CONFLICT}), now64(6, 'UTC')"
        f" FROM {packed.source} GROUP BY at, receipt",
        {
            "topic_ids": [str(place.topic_id) for place in places],
            "partitions": [place.partition for place in places],
            "firsts": [one.block.first for one in outcomes],
            "streams": [one.stream.name for one in outcomes],
        },
        given=packed.given,
    )


def _insert_few(
    clickhouse: ClickHouse,
    outcomes: Sequence[Outcome],
    records: Iterable[tuple[int, str, UUID, int]],
) -> None:
    """Insert the same rows, made here; `records`: at, receipt, identity and outcome of each."""
    named: defaultdict[tuple[int, str], tuple[list[UUID], ...]] = defaultdict(lambda: ([], [], []))
    for place, receipt, identity, kind in records:
        named[place, receipt][kind].append(identity)
    now = datetime.now(UTC)
    rows = []
    for (place, receipt), by_kind in named.items():
        stream, block, _ = outcomes[place - 1]
        of = block.place.topic_id, block.place.partition, block.first
        rows.append((*of, receipt, stream.name, *by_kind, now))
    clickhouse.insert("receipt_counted", dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))


def _kinds(clickhouse: ClickHouse, one: Outcome) -> NDArray[np.int64]:
    new, duplicates, conflicts = map(len, one.sifted)
    kinds = np.repeat((_COUNTED, _DUPLICATE, _CONFLICT), (new, duplicates, conflicts))
    if duplicates:
        own = _counted_for_the_same_push(clickhouse, one.stream, one.sifted)
        kinds[new:][np.flatnonzero(own)] = _COUNTED
    return kinds


def _counted_for_the_same_push(clickhouse: ClickHouse, stream: Stream, sifted: Sifted) -> list[bool]:
    """Return which duplicates are copies of a record that was counted for their own push.

    Those counted before say the same as their copies, so they lie where the copies would.
    """
    copies = sifted.duplicates
    packed = Packed(
        {name: copies.columns[name] for name in ("subject", "time", "identity")},
        {"subject": "String", "time": "DateTime64(6, 'UTC')", "identity": "UUID"},
    )
    rows = clickhouse.query(
        f"SELECT identity, any(receipt) FROM {stream.log_table}"
        f" WHERE (subject, time, identity) IN {packed.source} GROUP BY identity",
        given=packed.given,
    )
    counted_for: dict[UUID, str] = dict(rows)
    names = uuids(copies.identity)
    return [
        counted_for.get(name) == receipt
        for name, receipt in zip(names, copies.columns["receipt"].texts, strict=True)
    ]
