"""The route of the stream of changes."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from services.board import gzip_stream
from services.board.hub import Hub

RECONNECT_MS = 2_000

_HEADERS = {"Vary": "Accept-Encoding", "X-Accel-Buffering": "no"}
"""The second: a proxy that holds events back is asked not to."""


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
    async def stream(request: Request) -> StreamingResponse:
        """Events: `source` (first, and whenever it changes), `figure`, and `beat` in silence."""
        packed = "gzip" in request.headers.get("accept-encoding", "")
        encoding = {"Content-Encoding": "gzip"} if packed else {}
        return StreamingResponse(
            _events(hub, packed), media_type="text/event-stream", headers=_HEADERS | encoding
        )

    return router


async def _events(hub: Hub, packed: bool) -> AsyncIterator[bytes]:
    with hub.page() as page:
        source = hub.source.message()
        first = format_sse_event(event=source.event, data_str=source.data, retry=RECONNECT_MS)
        yield gzip_stream.BEGINNING + gzip_stream.part(first) if packed else first
        while piece := await page.next():
            yield piece.packed if packed else piece.plain
            # A connection that takes everything waits for nothing: the next piece is after everybody's first.
            await asyncio.sleep(0)
