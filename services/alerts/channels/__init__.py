"""Channels: each renders changes for its receivers, sends one notice, and reads the receiver's answer.

A channel decides what an answer means and how fast its receivers may be sent to; when to try again, and when
to give up, is delivery.py's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert import AlertChange
from services.platform.errors import MinmaiError

Language = Literal["zh", "en", "both"]

Why = Literal["first", "new", "resolved", "repeat", "escalation", "correction", "digest", "test", "resend"]
"""Why a notice is sent: an alert's `first` notice; `new` alerts in a group that is known already; alerts
that `resolved`; a `repeat` of what still fires; nobody acknowledged (`escalation`); a late record changed
what was told (`correction`); the day's `digest`; or somebody asked for it (`test`, `resend`)."""

_NOTICES = uuid5(NAMESPACE_URL, "minmai.notice")


class AddressError(MinmaiError):
    """An address that a channel cannot send to. The message holds no secret."""


@dataclass(frozen=True)
class Covered:
    """A change that a notice tells of: it names a row of `alert_log`.

    A notice of before 2026-12 knows alert and state only; `changed_at` is 1970 then.
    """

    alert_id: UUID
    state: str
    changed_at: datetime
    rule: str
    division: str
    subject: str = ""

    @classmethod
    def of(cls, change: AlertChange) -> "Covered":
        return cls(
            change.alert_id,
            change.state,
            change.changed_at,
            change.rule,
            change.division,
            change.subject,
        )


@dataclass(frozen=True)
class Recipient:
    """One address of a channel. `address` may hold secrets and goes nowhere but to the receiver itself;
    `shown` is what ledger, log and API may tell of it, and differs where the addresses do.
    """

    address: str = field(repr=False)
    shown: str
    language: Language = "both"


@dataclass(frozen=True)
class Destination:
    """Where a subscriber is reached."""

    subscriber: str
    channel: str
    to: Recipient


@dataclass(frozen=True)
class Notice:
    """What a recipient is told by one channel, of the changes covered. `payload` is what is sent."""

    notice_id: UUID
    covers: tuple[Covered, ...]
    subscriber: str
    channel: str
    recipient: str
    payload: bytes
    why: Why
    created_at: datetime
    not_before: datetime
    attempts: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt.

    `delivered`: the receiver has it. `refused`: it never will take it. `retry`: it may take it later; a
    receiver that said so is sent nothing at all for `wait` seconds. `answer` is the receiver's, for the
    ledger: no secrets.
    """

    kind: Literal["delivered", "retry", "refused"]
    answer: str
    wait: float = 0.0


@dataclass(frozen=True)
class Rate:
    """At most `number` notices within any `seconds`."""

    number: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What one address of a channel takes. `bytes` of a whole payload, None: any."""

    bytes: int | None = None
    rates: tuple[Rate, ...] = ()
    avoids_half_hours: bool = False
    """Whether it asks to be left alone in the minutes :00 and :30."""


class Channel(Protocol):
    """A way to reach people or systems."""

    @property
    def name(self) -> str:
        """Its name in the ledger."""

    @property
    def limits(self) -> Limits:
        """What each of its addresses takes."""

    @property
    def alike(self) -> bool:
        """Whether a payload says nothing of the notice or the address: in one language it is the same for all
        who are told the same, and rendered once."""

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """Read an address; raises AddressError for one that is none."""

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """What will be sent, in the form the ledger keeps: in the recipient's language, within the limits."""

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """Try once. Whatever the receiver or the network does is an Outcome, not an exception."""

    async def close(self) -> None:
        """Let go of connections."""


def notice_id(to: Destination, why: Why, covers: Iterable[Covered], occasion: str = "") -> UUID:
    """Return the id of a notice; deciding it again names it the same.

    `occasion` tells apart notices that would be the same but for their time, as repeats are.
    """
    told = sorted(
        f"{one.alert_id}/{one.state}/{one.changed_at.isoformat(timespec='milliseconds')}" for one in covers
    )
    return uuid5(_NOTICES, "\n".join((to.subscriber, to.channel, to.to.shown, why, occasion, *told)))


def notice_of(
    changes: Sequence[AlertChange],
    to: Destination,
    channel: Channel,
    why: Why,
    now: datetime,
    *,
    not_before: datetime | None = None,
    occasion: str = "",
) -> Notice:
    """Return the notice that tells of these changes, the most severe first as given; see `notice_id`."""
    # A test tells of nothing that is logged.
    covers = () if why == "test" else tuple(Covered.of(change) for change in changes)
    named = notice_id(to, why, covers, occasion)
    return Notice(
        notice_id=named,
        covers=covers,
        subscriber=to.subscriber,
        channel=to.channel,
        recipient=to.to.shown,
        payload=channel.payload(named, changes, to.to, why),
        why=why,
        created_at=now,
        not_before=not_before or now,
    )
