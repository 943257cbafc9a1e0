"""Reading a request's body: its media type, its compression, and never more bytes than the limit."""

import zlib
from collections.abc import AsyncIterator
from email.message import Message

from starlette.requests import Request

from services.ingest.faults import Problem
from services.ingest.settings import BYTES_A_REQUEST

_GZIP = 16 + zlib.MAX_WBITS


def media_type(request: Request, accepted: tuple[str, ...]) -> str:
    """Return the media type of a request without its parameters; raises Problem 415 if not accepted."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    found = header.get_content_type()
    charset = header.get_content_charset("utf-8")
    if "content-type" not in request.headers or found not in accepted:
        raise Problem(
            415,
            "unsupported_media_type",
            f"Content-Type 应为以下之一：{', '.join(accepted)} · Content-Type must be one of these",
        )
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(415, "unsupported_charset", "JSON 须用 UTF-8 编码 · JSON must be in UTF-8")
    return found


async def read(request: Request) -> bytes:
    """Return the body, decompressed.

    Raises Problem 413 if it is larger than the limit (decompressed; reading stops there), 415 for another
    compression than gzip, 400 if it is not gzip though it says so.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    chunks: AsyncIterator[bytes]
    if encoding == "identity":
        chunks = request.stream()
    elif encoding in ("gzip", "x-gzip"):
        chunks = _decompressed(request.stream())
    else:
        raise Problem(
            415, "unsupported_encoding", "Content-Encoding 只能为 gzip · Content-Encoding may only be gzip"
        )
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > BYTES_A_REQUEST:
            raise Problem(
                413,
                "body_too_large",
                f"请求体解压后最多 {BYTES_A_REQUEST // 1_000_000} MB，请分批发送 · "
                f"a body may have {BYTES_A_REQUEST // 1_000_000} MB after decompression: send it in parts",
            )
    return bytes(body)


async def _decompressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decompress gzip, which may be of several members one after another, a bounded piece at a time."""
    member = zlib.decompressobj(_GZIP)
    began = False
    try:
        async for chunk in chunks:
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                piece = member.decompress(left, BYTES_A_REQUEST + 1)
                began = True
                left = member.unused_data if member.eof else member.unconsumed_tail
                yield piece
    except zlib.error as error:
        raise _not_gzip() from error
    if began and not member.eof:
        raise _not_gzip()


def _not_gzip() -> Problem:
    return Problem(400, "not_gzip", "请求体不是完整的 gzip 数据 · the body is not whole gzip data")
