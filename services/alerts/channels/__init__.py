"""Channels: each renders a change for its receivers, sends one notice, and reads the receiver's answer.

A channel decides what an answer means; when to try again, and when to give up, is delivery.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID, uuid5

from schemas.alert import AlertChange, AlertState


@dataclass(frozen=True)
class Notice:
    """One change for one recipient by one channel. `payload` is kept as it was when the state changed."""

    notice_id: UUID
    alert_id: UUID
    change: AlertState
    rule: str
    division: str
    channel: str
    recipient: str
    payload: str
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt.

    `delivered`: the receiver has it. `refused`: it never will take it. `retry`: it may take it later, not
    before `wait` seconds if it said so. `answer` is the receiver's, for the ledger.
    """

    kind: Literal["delivered", "retry", "refused"]
    answer: str
    wait: float = 0.0


class Channel(Protocol):
    """A way to reach people or systems."""

    @property
    def name(self) -> str:
        """Its name in the ledger."""

    @property
    def recipients(self) -> Sequence[str]:
        """Whom it reaches, as the ledger and the API may show it: no secrets."""

    def payload(self, notice_id: UUID, change: AlertChange, recipient: str) -> str:
        """What will be sent, in the form the ledger keeps."""

    async def send(self, notice: Notice) -> Outcome:
        """Try once. Whatever the receiver or the network does is an Outcome, not an exception."""

    async def close(self) -> None:
        """Let go of connections."""


def notices_of(change: AlertChange, channels: Sequence[Channel], now: datetime) -> list[Notice]:
    """Return the notices of a change; deciding the change again gives them the same ids."""
    notices = []
    for channel in channels:
        for recipient in channel.recipients:
            notice_id = uuid5(change.alert_id, f"{change.state}/{channel.name}/{recipient}")
            notices.append(
                Notice(
                    notice_id=notice_id,
                    alert_id=change.alert_id,
                    change=change.state,
                    rule=change.rule,
                    division=change.division,
                    channel=channel.name,
                    recipient=recipient,
                    payload=channel.payload(notice_id, change, recipient),
                    created_at=now,
                )
            )
    return notices
