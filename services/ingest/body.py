"""Reading a request's body: its media type, its compression, never more bytes than the limit, and never
longer than a client at a fair pace needs.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request

from services.ingest.faults import Problem
from services.ingest.settings import BYTES_A_REQUEST, GZIP_RATIO, RATIO_FREE_BYTES

_GZIP = 16 + zlib.MAX_WBITS
_PIECE_BYTES = 256 * 1024
_DROPPED_BYTES = 200_000_000
_MOST_MEMBERS = 1_000
"""Of one gzip body. Block-wise gzip needs 160 for 10 MB; empty ones cost time and bring nothing."""


@dataclass(frozen=True)
class Pace:
    """How slow a body may be: `wait` seconds of pause or lag behind `least` bytes a second."""

    wait: float = 15.0
    least: float = 4_000.0


def media_type(request: Request, accepted: tuple[str, ...]) -> str:
    """Return the media type of a request without its parameters; raises Problem 415 if not accepted."""
    found, charset = _parsed(request.headers.get("content-type", ""))
    if found not in accepted:
        raise Problem(
            415,
            "unsupported_media_type",
            f"不支持这个 Content-Type，有：{', '.join(accepted)} · "
            f"Content-Type must be one of {', '.join(accepted)}",
        )
    if found.endswith("json") and charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(415, "unsupported_charset", "JSON 须用 UTF-8 编码 · JSON must be in UTF-8")
    return found


@lru_cache(maxsize=64)  # clients send few different ones
def _parsed(content_type: str) -> tuple[str, str]:
    """The media type and the charset that a header names; what is none is text/plain, as RFC 2045 has it."""
    header = Message()
    header["content-type"] = content_type
    return header.get_content_type(), header.get_content_charset("utf-8")


async def read(request: Request, pace: Pace = Pace()) -> bytes:
    """Return the body, decompressed. Raises as `chunks`."""
    return b"".join([chunk async for chunk in chunks(request, pace, BYTES_A_REQUEST)])


def chunks(request: Request, pace: Pace, most: int) -> AsyncIterator[bytes]:
    """Give the body, decompressed, a piece of bounded size at a time.

    Raises, at the latest while it is read, Problem 413 once it is larger than `most` bytes (decompressed or
    as sent) or a gzip bomb, 408 if it comes too slowly, 415 for another compression than gzip, 400 if it is
    not gzip though it says so.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Problem(
            415, "unsupported_encoding", "Content-Encoding 只能为 gzip · Content-Encoding may only be gzip"
        )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and int(declared[:20]) > most:
        raise _too_large(most)
    sent = _paced(request, pace, most)
    return sent if encoding == "identity" else _at_most(_decompressed(sent), most)


async def drop(request: Request, pace: Pace) -> None:
    """Read what a client still sends of a body, at a fair pace and up to a limit, and keep none of it.

    Many clients read no answer before they have sent everything. To close the connection on what they have
    sent resets it, and they never hear why they were refused.
    """
    if getattr(request.state, "body_has_ended", False):
        return
    with suppress(Problem, ClientDisconnect):
        async for _chunk in _paced(request, pace, _DROPPED_BYTES):
            pass


async def _paced(request: Request, pace: Pace, most: int) -> AsyncIterator[bytes]:
    """Yield what is sent, at most so many bytes; only the time spent waiting for the client counts."""
    clock = asyncio.get_running_loop().time
    received, waited = 0, 0.0
    more = True
    while more:
        began = clock()
        patience = min(pace.wait, pace.wait + received / pace.least - waited)
        try:
            async with asyncio.timeout(patience):
                message = await request.receive()
        except TimeoutError:
            request.state.body_has_ended = True  # nor is any more of it waited for
            raise Problem(
                408,
                "too_slow",
                f"请求体传送过慢（每秒至少 {pace.least:g} 字节，停顿不超过 {pace.wait:g} 秒），请重发 · "
                f"the body came too slowly: at least {pace.least:g} bytes a second and no pause of more than "
                f"{pace.wait:g} s; send it again",
                {"Connection": "close"},
            ) from None
        if message["type"] == "http.disconnect":
            request.state.body_has_ended = True
            raise ClientDisconnect
        waited += clock() - began
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        request.state.body_has_ended = not more
        received += len(chunk)
        if received > most:
            raise _too_large(most)
        yield chunk


async def _at_most(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        yield chunk


async def _decompressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decompress gzip, which may be of several members one after another, a bounded piece at a time."""
    member = zlib.decompressobj(_GZIP)
    members = 1
    sent = size = 0
    try:
        async for chunk in chunks:
            sent += len(chunk)
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                    members += 1
                piece = member.decompress(left, _PIECE_BYTES)
                left = member.unused_data if member.eof else member.unconsumed_tail
                size += len(piece)
                used = sent - len(left)
                if members > _MOST_MEMBERS or size > max(RATIO_FREE_BYTES, GZIP_RATIO * used):
                    raise _bomb()
                yield piece
    except zlib.error as error:
        raise _not_gzip() from error
    if sent and not member.eof:
        raise _not_gzip()


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"请求体解压后最多 {most // 1_000_000} MB，请分批发送 · "
        f"a body may have {most // 1_000_000} MB after decompression: send it in parts",
    )


def _bomb() -> Problem:
    return Problem(
        413,
        "gzip_bomb",
        f"压缩比超过 {GZIP_RATIO}:1 或分段过多，不予解压，请不压缩重发 · "
        f"compressed more than {GZIP_RATIO}:1 or in too many members: send it without compression",
    )


def _not_gzip() -> Problem:
    return Problem(400, "not_gzip", "请求体不是完整的 gzip 数据 · the body is not whole gzip data")
