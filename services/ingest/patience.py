"""Connections that send the head of a request a byte now and then, or nothing at all, are closed.

uvicorn limits the pause between requests only, and its timer ends with the first byte of the next one. How
slowly the body may come is checked where it is read, so that it can be answered.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class _Patience(asyncio.Protocol):
    """Comes before uvicorn's protocol, whichever it is; `cycle` is uvicorn's request under way."""

    head_wait: float
    cycle: Any
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:  # a part of a head, or a body nobody reads
            self._await_head(self._transport)
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _await_head(self, transport: Any) -> None:
        self._transport = transport
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(self.head_wait, transport.close)

    def _forget(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None


def impatient(head_wait: float) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, closing what has not sent a whole head within `head_wait` seconds."""
    return type("ImpatientProtocol", (_Patience, AutoHTTPProtocol), {"head_wait": head_wait})
