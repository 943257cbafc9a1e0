"""From the bytes on a topic to rows of a log table, and from what is wrong to dead letters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter, sealed
from schemas.envelope import identities
from schemas.streams import Stream
from services.aggregate.blocks import Block, Place
from services.aggregate.columns import uuid_column
from services.aggregate.plain import plain
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, insert_packed


class Message(Protocol):
    """What we read of a consumed Kafka record."""

    offset: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True)
class Records:
    """Checked records of one stream, in the order of their partition, as columns of its log table."""

    raw: Sequence[bytes]
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def identity(self) -> NDArray[np.uint64]:
        """Two halves of each identity."""
        return self.columns["identity"].numbers

    @property
    def fingerprint(self) -> NDArray[np.uint64]:
        """Two halves of each fingerprint."""
        return self.columns["fingerprint"].numbers

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return some records, in the order asked for."""
        if len(rows) == len(self.raw):
            return self
        raw = [self.raw[row] for row in rows.tolist()]
        return type(self)(raw, {name: column.take(rows) for name, column in self.columns.items()})


def decode(stream: Stream, place: Place, messages: Sequence[Message]) -> tuple[Records, list[DeadLetter]]:
    """Return the records of a block, and a dead letter for each message that is no event of this stream.

    Only ingest writes to a stream topic, so a dead letter here means that somebody else has, too.
    """
    reader = plain(stream)
    raw = [message.value or b"" for message in messages]
    offsets = [message.offset for message in messages]
    columns = reader.read(raw)
    refused: list[DeadLetter] = []
    if columns is None:
        rows = reader.rows(raw)
        for at, row in enumerate(rows):
            if row is not None:
                continue
            try:
                rows[at] = reader.row(stream.event.model_validate_json(raw[at]))
            except ValidationError as error:
                refused.append(_no_event(stream, place, offsets[at], raw[at], error))
        raw = [value for value, row in zip(raw, rows, strict=True) if row is not None]
        offsets = [offset for offset, row in zip(offsets, rows, strict=True) if row is not None]
        columns = reader.columns([row for row in rows if row is not None])
    names = identities(columns["source"].texts, columns["id"].texts)
    own = {"identity": uuid_column(names), "offset": Column(np.array(offsets, np.int64))}
    return Records(raw, own | columns), refused


def insert(clickhouse: ClickHouse, stream: Stream, block: Block, records: Records) -> None:
    """Insert records into their log table under the block's token, and so into its views."""
    if not len(records):
        return
    insert_packed(
        clickhouse,
        stream.log_table,
        records.columns,
        constants={"topic_id": block.place.topic_id, "partition": block.place.partition},
        settings=inserted_once(block),
    )


def inserted_once(block: Block) -> dict[str, Any]:
    """Return the settings with which a block's rows go into a log table and its views once."""
    return {
        "insert_deduplication_token": block.token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def _no_event(stream: Stream, place: Place, offset: int, raw: bytes, error: ValidationError) -> DeadLetter:
    first = error.errors(include_url=False, include_input=False)[0]
    return _dead_letter(
        stream.name,
        place,
        offset,
        raw,
        id=f"{place}/{offset}",
        code="not_an_event",
        field=".".join(str(part) for part in first["loc"]),
        message=f"{first['msg']}; only ingest may write to {place.topic}",
    )


def conflicts(stream: Stream, block: Block, records: Records) -> list[DeadLetter]:
    """Return dead letters for records whose (source, id) was counted before with other content."""
    columns = records.columns
    names, fingerprints = uuids(records.identity), uuids(records.fingerprint)
    return [
        _dead_letter(
            stream.name,
            block.place,
            int(columns["offset"].numbers[at]),
            raw,
            id=f"conflict/{names[at]}/{fingerprints[at]}",
            code="conflict",
            field="id",
            message=f"编号 {columns['id'].texts[at]} 已用于内容不同的记录 · "
            f"id {columns['id'].texts[at]} was counted before with other content; "
            "send a correction under a new id",
            source=columns["source"].texts[at],
            record_id=columns["id"].texts[at],
            receipt=columns["receipt"].texts[at],
        )
        for at, raw in enumerate(records.raw)
    ]


def uuids(halves: NDArray[np.uint64]) -> list[UUID]:
    """Return UUIDs from their halves."""
    return [UUID(int=upper << 64 | lower) for upper, lower in halves.tolist()]


def read_dead_letters(place: Place, messages: Iterable[Message]) -> list[DeadLetter]:
    """Return the dead letters on a stretch of their topic; a message that is none becomes one itself."""
    letters = []
    for message in messages:
        try:
            letters.append(DeadLetter.model_validate_json(message.value or b""))
        except ValidationError:
            letters.append(strange(place, message, code="not_a_dead_letter"))
    return letters


def strange(place: Place, message: Message, *, code: str) -> DeadLetter:
    """Return the dead letter of a message that somebody else has put on a topic of our own services."""
    return _dead_letter(
        "",
        place,
        message.offset,
        message.value or b"",
        id=f"{place}/{message.offset}",
        code=code,
        field="",
        message=f"only minmai's own services may write to {place.topic}",
    )


def dead_letter_columns(letters: Sequence[DeadLetter]) -> dict[str, list[Any]]:
    """Return the rows of table `dead_letter` as columns."""
    return {name: [getattr(letter, name) for letter in letters] for name in DeadLetter.model_fields}


def _dead_letter(stream: str, place: Place, offset: int, raw: bytes, **reason: str) -> DeadLetter:
    encoding, text = sealed(raw)
    known = {"source": "", "record_id": "", "receipt": "", **reason}
    return DeadLetter(
        time=datetime.now(UTC),
        service="aggregate",
        stream=stream,
        place=f"{place.topic}/{place.partition}/{offset}",
        encoding=encoding,
        raw=text,
        **known,
    )
