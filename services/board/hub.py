"""The fan-out of changed figures to the open pages.

The newest of each figure stands here once, in the order of the changes; of a page nothing is kept but how
far in that order it has been told. So a change costs the same however many pages are open. A page that cannot
keep up skips versions, never figures, and takes no memory for it; nobody waits for it.

All of this runs on one event loop.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Literal

import orjson
from fastapi.sse import format_sse_event

from schemas.indicator import Figure
from services.board import gzip_stream

BEAT_SECONDS = 10.0
"""A page that hears nothing for several of these takes its connection for dead."""
GAP_SECONDS = 0.1
"""Pages are told no sooner again: of many changes they get some together, which costs as much as one."""
TOGETHER = 64
"""Events that are written in one go: some 40 KB, which a connection takes whole."""


@dataclass(frozen=True)
class Message:
    """One server-sent event; `data` is JSON. It replaces an older one of its `key`."""

    event: Literal["figure", "source", "beat"]
    key: str
    data: str
    id: str | None = None

    @cached_property
    def written(self) -> bytes:
        """It as it is sent."""
        return format_sse_event(event=self.event, data_str=self.data, id=self.id)


# An event, not a comment: a page cannot hear a comment.
BEAT = Message("beat", "beat", "{}")


@dataclass(frozen=True)
class Source:
    """Whether the topic of changed figures is being read, and if not, why."""

    connected: bool
    reason: str = ""

    def message(self) -> Message:
        """The event that tells a page so; at `connected` it reads everything: figures may have passed."""
        data = orjson.dumps({"connected": self.connected, "reason": self.reason}).decode()
        return Message("source", "source", data)


@dataclass(frozen=True)
class Piece:
    """Events that are written in one go, one and the same for all pages that have been told as far; `end` is
    the number of its last change."""

    messages: Sequence[Message]
    end: int

    @cached_property
    def plain(self) -> bytes:
        """It as it is sent."""
        return b"".join(message.written for message in self.messages)

    @cached_property
    def packed(self) -> bytes:
        """It as a part of any page's gzip stream."""
        return gzip_stream.part(self.plain)


class Page:
    """How far one open page has been told."""

    def __init__(self, hub: "Hub", told: int) -> None:
        self._hub = hub
        self._told = told

    async def next(self) -> Piece | None:
        """Return what it is to be told next, as soon as there is something; None when the hub is closed."""
        while not self._hub.closed:
            if piece := self._hub.after(self._told):
                self._told = piece.end
                return piece
            await self._hub.news()
        return None


class Hub:
    """Passes every changed figure to every open page."""

    def __init__(self) -> None:
        self.source = Source(connected=False, reason="正在连接指标主题 · connecting to the indicator topic")
        self.pages = 0
        """How many pages are open."""
        self.closed = False
        self._versions: dict[str, int] = {}
        # By key, each with the number of its change: what changed longest ago comes first.
        self._newest: dict[str, tuple[int, Message]] = {}
        self._number = 0
        self._told = 0
        self._pieces: dict[int, Piece] = {}
        self._changed = asyncio.Event()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Tell the pages what has changed, and in silence that there is silence, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                self._publish(BEAT)
            self.tell()
            await asyncio.sleep(GAP_SECONDS)

    def tell(self) -> None:
        """Tell the pages what has changed up to now."""
        self._changed.clear()
        self._told = self._number
        self._wake()

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Open a page: from here on it gets every change."""
        self.pages += 1
        try:
            yield Page(self, self._number)
        finally:
            self.pages -= 1

    def after(self, told: int) -> Piece | None:
        """Return what follows for a page that has been told as far as that; None if it is to wait."""
        if told >= self._told:
            return None
        piece = self._pieces.get(told)
        if piece is None:
            row = list(self._newest.values())
            begin = bisect_right(row, told, key=itemgetter(0))
            numbers, messages = zip(*row[begin : begin + TOGETHER], strict=True)
            piece = self._pieces[told] = Piece(messages, numbers[-1])
        return piece

    async def news(self) -> None:
        """Return when the pages are told something, or when the hub is closed."""
        await self._news.wait()

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
        self._newest.clear()
        self._change_source(Source(connected=True))

    def lost(self, reason: str) -> None:
        """The topic cannot be read: what the pages show may be out of date."""
        if self.source.connected or self.source.reason != reason:
            self._change_source(Source(connected=False, reason=reason))

    def close(self) -> None:
        """End every page's stream, now and later; a page that comes back reads everything anew."""
        self.closed = True
        self._wake()

    def _change_source(self, source: Source) -> None:
        self.source = source
        self._publish(source.message())

    def _publish(self, message: Message) -> None:
        self._number += 1
        self._newest.pop(message.key, None)
        self._newest[message.key] = (self._number, message)
        self._pieces.clear()
        self._changed.set()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
