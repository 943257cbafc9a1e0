"""Notices of tellings: one for each address, rendered once for all who are told the same in one language."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert import AlertChange
from services.alerts.channels import Channel, Destination, Notice, Recipient, Why
from services.alerts.routing.contents import Content, Contents
from services.alerts.routing.episodes import Episodes
from services.alerts.routing.group import Telling
from services.alerts.routing.router import Verbatim
from services.alerts.routing.subscriber import Subscriber

_NAMES = uuid5(NAMESPACE_URL, "minmai.routed")

TELLINGS_A_BATCH = 1_000
"""At least, of one insert into the ledger: while it is under way the next are rendered."""


@dataclass(frozen=True)
class Made:
    """A notice, and why it is not sent; "" if it is."""

    notice: Notice
    muted: str


class Directory:
    """Where subscribers are reached."""

    def __init__(self, subscribers: Iterable[Subscriber], channels: Mapping[str, Channel]) -> None:
        """What is addressed by a channel that is not set up is not reached; `missing` says so."""
        self._of: dict[str, list[Destination]] = {}
        self._known: dict[tuple[str, str, str], Recipient] = {}
        self.missing: list[tuple[str, str]] = []
        for one in subscribers:
            self._of[one.id] = []
            for address in one.channels:
                channel = channels.get(address.channel)
                if channel is None:
                    self.missing.append((one.id, address.channel))
                    continue
                to = channel.recipient(address.address, one.language)
                self._of[one.id].append(Destination(one.id, address.channel, to))
                self._known[one.id, address.channel, to.shown] = to

    def of(self, subscriber: str) -> list[Destination]:
        """All addresses of a subscriber."""
        return self._of.get(subscriber, [])

    def find(self, notice: Notice) -> Recipient | None:
        """Whom a notice is for; None: its subscriber is no longer reached there."""
        return self._known.get((notice.subscriber, notice.channel, notice.recipient))


class Scribe:
    """Writes one batch of notices."""

    def __init__(
        self,
        directory: Directory,
        channels: Mapping[str, Channel],
        episodes: Episodes,
        now: datetime,
        current: Callable[[AlertChange], AlertChange] = lambda change: change,
    ) -> None:
        """`current` says how what a change tells of stands now."""
        self._directory = directory
        self._channels = channels
        self._now = now
        self._contents = Contents(episodes, current)
        self._payloads: dict[tuple[str, str, Why, str], bytes] = {}

    def write(self, tellings: Iterable[Telling | Verbatim]) -> list[Made]:
        """Return the notices of tellings, in their order."""
        tellings = [*tellings]
        self._contents.prepare(one for one in tellings if isinstance(one, Telling))
        return [made for one in tellings for made in self._notices(one)]

    def batches(self, tellings: Iterable[Telling | Verbatim]) -> Iterator[list[Made]]:
        """Yield the notices of tellings in batches, those of one subscriber's turn together: where only an
        end was kept, its beginning would not be told any more.

        The first batch is of all who hear every change: what is routed is routed for each of them.
        """
        first: list[Telling | Verbatim] = []
        rest: list[Telling | Verbatim] = []
        for one in tellings:
            (first if isinstance(one, Verbatim) else rest).append(one)
        if first:
            yield self.write(first)
        batch: list[Telling | Verbatim] = []
        for _id, theirs in groupby(rest, lambda one: one.subscriber.id):
            batch += theirs
            if len(batch) >= TELLINGS_A_BATCH:
                yield self.write(batch)
                batch = []
        if batch:
            yield self.write(batch)

    def _notices(self, telling: Telling | Verbatim) -> Iterable[Made]:
        if isinstance(telling, Verbatim):
            content = self._contents.logged(telling.change)
            why, muted, occasion = _why(telling.change), "", ""
        else:
            content, why = self._contents.of(telling), telling.why
            muted, occasion = telling.muted, telling.occasion
        for to in self._directory.of(telling.subscriber.id):
            said = "\n".join((to.subscriber, to.channel, to.to.shown, why, muted, occasion, content.digest))
            id = uuid5(_NAMES, said)
            payload = b"" if muted else self._payload(id, content, to, why)
            yield Made(
                Notice(
                    notice_id=id,
                    covers=content.covers,
                    subscriber=to.subscriber,
                    channel=to.channel,
                    recipient=to.to.shown,
                    payload=payload,
                    why=why,
                    created_at=self._now,
                    not_before=self._now,
                ),
                muted,
            )

    def _payload(self, id: UUID, content: Content, to: Destination, why: Why) -> bytes:
        channel = self._channels[to.channel]
        if not channel.alike:
            return channel.payload(id, content.changes, to.to, why)
        key = (to.channel, to.to.language, why, content.digest)
        if key not in self._payloads:
            self._payloads[key] = channel.payload(id, content.changes, to.to, why)
        return self._payloads[key]


def _why(change: AlertChange) -> Why:
    if change.correction:
        return "correction"
    return "resolved" if change.condition in ("resolved", "ok") else "first"
