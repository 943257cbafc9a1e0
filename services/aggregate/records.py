"""From the bytes on a topic to rows of a log table, and from what is wrong to dead letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import RootModel, ValidationError

from schemas.dead_letter import DeadLetter, sealed
from schemas.envelope import Event, identity
from schemas.streams import Stream
from services.aggregate.blocks import Block, Place


class Message(Protocol):
    """What we read of a consumed Kafka record."""

    offset: int
    value: bytes | None


@dataclass(frozen=True)
class Record:
    """One record of a block, checked."""

    offset: int
    identity: UUID
    event: Event[Any]
    raw: bytes


def decode(
    stream: Stream, place: Place, messages: Iterable[Message]
) -> tuple[list[Record], list[DeadLetter]]:
    """Return the records of a block, and a dead letter for each message that is no event of this stream.

    Only ingest writes to a stream topic, so a dead letter here means that somebody else has, too.
    """
    records: list[Record] = []
    refused: list[DeadLetter] = []
    for message in messages:
        raw = message.value or b""
        try:
            event = stream.event.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            refused.append(
                _dead_letter(
                    stream.name,
                    place,
                    message.offset,
                    raw,
                    id=f"{place}/{message.offset}",
                    code="not_an_event",
                    field=".".join(str(part) for part in first["loc"]),
                    message=f"{first['msg']}; only ingest may write to {place.topic}",
                )
            )
        else:
            records.append(Record(message.offset, identity(event.source, event.id), event, raw))
    return records, refused


def conflict(stream: Stream, block: Block, record: Record) -> DeadLetter:
    """Return the dead letter of a record whose (source, id) was counted before with other content."""
    event = record.event
    return _dead_letter(
        stream.name,
        block.place,
        record.offset,
        record.raw,
        id=f"conflict/{record.identity}/{event.fingerprint}",
        code="conflict",
        field="id",
        message=f"编号 {event.id} 已用于内容不同的记录 · "
        f"id {event.id} was counted before with other content; "
        "send a correction under a new id",
        source=event.source,
        record_id=event.id,
        receipt=event.receipt,
    )


def columns(stream: Stream, place: Place, records: Sequence[Record]) -> dict[str, list[Any]]:
    """Return the rows of a log table as columns, in the order of the records."""
    events = [record.event for record in records]
    bodies = [event.data.root if isinstance(event.data, RootModel) else event.data for event in events]
    return {
        "identity": [record.identity for record in records],
        "source": [event.source for event in events],
        "id": [event.id for event in events],
        "subject": [event.subject for event in events],
        "time": [event.time for event in events],
        "received_at": [event.receivedtime for event in events],
        "receipt": [event.receipt for event in events],
        "fingerprint": [event.fingerprint for event in events],
        "topic_id": [place.topic_id] * len(records),
        "partition": [place.partition] * len(records),
        "offset": [record.offset for record in records],
        **{name: [getattr(body, name, None) for body in bodies] for name in stream.columns},
        **{name: [derive(event) for event in events] for name, derive in stream.derived.items()},
    }


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
