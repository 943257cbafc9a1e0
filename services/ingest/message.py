"""One message for the broker, and its place there."""

from dataclasses import dataclass
from uuid import UUID

from schemas.dead_letter import DeadLetter
from schemas.streams import DEAD_LETTER_TOPIC
from services.ingest.check import Checked


@dataclass(frozen=True)
class Message:
    """One message for a topic: its identity decides the partition; what is `kept` goes to the journal too."""

    topic: str
    identity: UUID
    key: bytes
    value: bytes
    kept: bool


def of_event(checked: Checked) -> Message:
    """The message of an accepted record."""
    event = checked.event
    return Message(
        checked.stream.topic,
        checked.identity,
        event.subject.encode(),
        event.model_dump_json().encode(),
        kept=True,
    )


def of_letter(letter: DeadLetter) -> Message:
    """The message of a dead letter."""
    return Message(
        DEAD_LETTER_TOPIC,
        UUID(hex=letter.id),
        letter.id.encode(),
        letter.model_dump_json().encode(),
        kept=False,
    )
