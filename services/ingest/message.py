"""One message for the broker, and its place there."""

from datetime import datetime
from typing import NamedTuple

import orjson

from schemas.dead_letter import DeadLetter
from schemas.receipt import Receipt
from schemas.refused_push import RefusedPushes
from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC
from services.ingest.check import Checked, Push


class Message(NamedTuple):
    """One message for a topic: its identity decides the partition."""

    topic: str
    identity: int
    key: bytes
    value: bytes


def of_event(push: Push, checked: Checked, received: datetime) -> Message:
    """The message of a record that was accepted at a moment of the county's clock."""
    topic, subject = checked.stream.topic, checked.subject
    # A `schemas.envelope.Event`; building that object would double the cost of a check.
    event = {
        "specversion": "1.0",
        "id": checked.id,
        "source": push.agency.name,
        "type": topic,
        "subject": subject,
        "time": checked.time,
        "datacontenttype": "application/json",
        "data": orjson.Fragment(checked.data),
        "receivedtime": received,
        "receipt": push.receipt,
        "fingerprint": checked.fingerprint,
    }
    return Message(topic, checked.identity, subject.encode(), orjson.dumps(event, option=orjson.OPT_UTC_Z))


def of_letter(letter: DeadLetter) -> Message:
    """The message of a dead letter."""
    return Message(
        DEAD_LETTER_TOPIC,
        int(letter.id, 16),
        letter.id.encode(),
        letter.model_dump_json().encode(),
    )


def of_receipt(receipt: Receipt) -> Message:
    """The message of a receipt."""
    return Message(
        RECEIPT_TOPIC,
        int(receipt.receipt, 16),
        receipt.receipt.encode(),
        receipt.model_dump_json().encode(),
    )


def of_refused_pushes(refused: RefusedPushes) -> Message:
    """The message of a row of the audit."""
    return Message(
        REFUSED_PUSH_TOPIC,
        refused.id.int,
        refused.id.hex.encode(),
        refused.model_dump_json().encode(),
    )
