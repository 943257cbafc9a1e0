"""The route of the stream of changes."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from services.board.hub import Hub

BEAT_SECONDS = 10.0
"""A page that hears nothing for several of these takes its connection for dead."""
RECONNECT_MS = 2_000
GAP_SECONDS = 0.1
"""A page is written to no sooner again: of many changes it gets some together, which costs as much as one."""

# An event, not a comment: a page cannot hear a comment.
_BEAT = format_sse_event(event="beat", data_str="{}")
_TOGETHER = 32
"""Events that are written in one go; until then all pages that wait for an event hold one and the same."""
_HEADERS = {"X-Accel-Buffering": "no"}
"""A proxy that holds events back is asked not to."""


def routes(hub: Hub) -> APIRouter:
    """The route /v1/stream."""
    router = APIRouter()

    # FastAPI's own event streams check and write each event anew for each page: with a thousand pages ours,
    # which are written once, take a sixth of the time.
    @router.get(
        "/v1/stream",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream() -> StreamingResponse:
        """Events: `source` (first, and whenever it changes), `figure`, `reload`, and `beat` in silence."""
        return StreamingResponse(_events(hub), media_type="text/event-stream", headers=_HEADERS)

    return router


async def _events(hub: Hub) -> AsyncIterator[bytes]:
    with hub.page() as mailbox:
        first = hub.source.message()
        yield format_sse_event(event=first.event, data_str=first.data, retry=RECONNECT_MS)
        while not mailbox.closed:
            messages = await mailbox.take(BEAT_SECONDS)
            for begin in range(0, len(messages), _TOGETHER):
                yield b"".join(message.written for message in messages[begin : begin + _TOGETHER])
            if messages:
                await asyncio.sleep(GAP_SECONDS)
            elif not mailbox.closed:
                yield _BEAT
