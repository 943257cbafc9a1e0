"""The audit: rows of tables `receipt` and `refused_push`, and what became of each push's accepted records."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from schemas.fields import Contract
from schemas.receipt import Receipt
from schemas.refused_push import RefusedPushes
from schemas.streams import Stream
from services.aggregate.blocks import Block, Place
from services.aggregate.counted import Sifted
from services.aggregate.records import Message, Record, strange
from services.platform.clickhouse import ClickHouse

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


@dataclass
class _Outcome:
    counted: list[UUID] = field(default_factory=list)
    duplicate: list[UUID] = field(default_factory=list)
    conflict: list[UUID] = field(default_factory=list)


def outcomes(clickhouse: ClickHouse, stream: Stream, block: Block, sifted: Sifted) -> dict[str, list[Any]]:
    """Return the rows of table `receipt_counted` for a block, as columns; every try of it has the same.

    A copy of a record that was counted for the same push (a broker that delivered it twice, a journal that
    was replayed) says again that it was counted: the block that counted it may have died before it could.
    """
    new, duplicates, conflicts = sifted
    first = {
        **_counted_for(clickhouse, stream, duplicates),
        **{one.identity: one.event.receipt for one in new},
    }
    found: defaultdict[str, _Outcome] = defaultdict(_Outcome)
    for one in new:
        found[one.event.receipt].counted.append(one.identity)
    for one in duplicates:
        outcome = found[one.event.receipt]
        own = first.get(one.identity) == one.event.receipt
        (outcome.counted if own else outcome.duplicate).append(one.identity)
    for one in conflicts:
        found[one.event.receipt].conflict.append(one.identity)
    return {
        "receipt": list(found),
        "topic_id": [block.place.topic_id] * len(found),
        "partition": [block.place.partition] * len(found),
        "first_offset": [block.first] * len(found),
        "stream": [stream.name] * len(found),
        "counted": [one.counted for one in found.values()],
        "duplicate": [one.duplicate for one in found.values()],
        "conflict": [one.conflict for one in found.values()],
        "counted_at": [datetime.now(UTC)] * len(found),
    }


def _counted_for(clickhouse: ClickHouse, stream: Stream, records: Sequence[Record]) -> Mapping[UUID, str]:
    """Return for which push each record was counted; those asked for say the same as the one counted."""
    if not records:
        return {}
    rows = clickhouse.query(
        f"SELECT identity, any(receipt) FROM {stream.log_table}"
        " WHERE (subject, time, identity) IN (SELECT subject, time, identity FROM names) GROUP BY identity",
        given={
            "names": {
                "subject String": [one.event.subject for one in records],
                "time DateTime64(6, 'UTC')": [one.event.time for one in records],
                "identity UUID": [one.identity for one in records],
            }
        },
    )
    return dict(rows)
