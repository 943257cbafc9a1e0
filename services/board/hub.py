"""The fan-out of changed figures to the open pages.

Every open page has a mailbox that holds the newest of each figure it has not been sent yet. A page that
cannot keep up skips versions, never figures; nobody waits for it, and what it costs is bounded.

All of this runs on one event loop.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import orjson
from fastapi.sse import format_sse_event

from schemas.indicator import Figure

MAILBOX_SPARE = 100
"""Messages a mailbox holds beyond one for every figure: it does not run over when all have changed."""


@dataclass(frozen=True)
class Message:
    """One server-sent event; `data` is JSON. In a mailbox a message replaces an older one of its `key`."""

    event: Literal["figure", "source", "reload"]
    key: str
    data: str
    id: str | None = None

    @cached_property
    def written(self) -> bytes:
        """It as it is sent, made once for all pages."""
        return format_sse_event(event=self.event, data_str=self.data, id=self.id)


RELOAD = Message("reload", "reload", "{}")
"""Tells a page that it missed something and must read everything anew."""


@dataclass(frozen=True)
class Source:
    """Whether the topic of changed figures is being read, and if not, why."""

    connected: bool
    reason: str = ""

    def message(self) -> Message:
        """The event that tells a page so; at `connected` it reads everything: figures may have passed."""
        data = orjson.dumps({"connected": self.connected, "reason": self.reason}).decode()
        return Message("source", "source", data)


class Mailbox:
    """What one page has not been sent yet."""

    def __init__(self, limit: int) -> None:
        self.closed = False
        self._limit = limit
        self._waiting: dict[str, Message] = {}
        self._arrived = asyncio.Event()

    def put(self, message: Message) -> bool:
        """Add a message; False if there were too many, and the page is told to reload instead."""
        self._waiting.pop(message.key, None)
        self._waiting[message.key] = message
        fits = len(self._waiting) <= self._limit
        if not fits:
            self._waiting = {RELOAD.key: RELOAD}
        self._arrived.set()
        return fits

    def close(self) -> None:
        """End the page's stream; what waits is dropped, for a page that comes back reads everything anew."""
        self.closed = True
        self._arrived.set()

    async def take(self, patience: float) -> list[Message]:
        """Everything that waits, oldest first, as soon as there is something; empty after `patience` seconds
        without, or when the mailbox is closed."""
        try:
            async with asyncio.timeout(patience):
                await self._arrived.wait()
        except TimeoutError:
            return []
        self._arrived.clear()
        taken = list(self._waiting.values())
        self._waiting.clear()
        return taken


class Hub:
    """Passes every changed figure to every open page."""

    def __init__(self, limit: int) -> None:
        """`limit`: messages a mailbox holds; with more than there are figures it is never reached."""
        self.source = Source(connected=False, reason="正在连接指标主题 · connecting to the indicator topic")
        self.overflows = 0
        self._limit = limit
        self._pages: set[Mailbox] = set()
        self._versions: dict[str, int] = {}
        self._closed = False

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    @contextmanager
    def page(self) -> Iterator[Mailbox]:
        """Open a page: from here on its mailbox gets every change."""
        mailbox = Mailbox(self._limit)
        if self._closed:
            mailbox.close()
        self._pages.add(mailbox)
        try:
            yield mailbox
        finally:
            self._pages.discard(mailbox)

    def figure(self, figure: Figure, id: str) -> bool:
        """Pass a changed figure on; False if this version, or a newer one, has been passed on before."""
        key = f"{figure.indicator}/{figure.division}"
        if figure.version <= self._versions.get(key, -1):
            return False
        self._versions[key] = figure.version
        self._publish(Message("figure", key, figure.model_dump_json(), id))
        return True

    def connected(self) -> None:
        """The topic is read from its present end on: whatever was before, the pages read from the tables."""
        self._versions.clear()
        self._change_source(Source(connected=True))

    def lost(self, reason: str) -> None:
        """The topic cannot be read: what the pages show may be out of date."""
        if self.source.connected or self.source.reason != reason:
            self._change_source(Source(connected=False, reason=reason))

    def close(self) -> None:
        """End every page's stream, now and later."""
        self._closed = True
        for mailbox in self._pages:
            mailbox.close()

    def _change_source(self, source: Source) -> None:
        self.source = source
        self._publish(source.message())

    def _publish(self, message: Message) -> None:
        for mailbox in self._pages:
            if not mailbox.put(message):
                self.overflows += 1
