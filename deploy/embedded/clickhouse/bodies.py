"""The body of an HTTP request: however it is cut up and packed, all of it or an error."""

from __future__ import annotations

import gzip
import zlib
from email.message import Message
from io import BufferedIOBase

import lz4.frame

from deploy.embedded.clickhouse.errors import NOT_IMPLEMENTED, EngineError
from deploy.embedded.clickhouse.wire import unpack_zstd

_CANNOT_UNPACK = 432


def read_body(source: BufferedIOBase, headers: Message[str, str]) -> bytes:
    """The whole body as it was sent; EOFError when the client vanishes before its end."""
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return _exactly(source, int(headers.get("Content-Length", "0")))
    pieces = []
    while size := int(_line(source).split(b";")[0], 16):
        pieces.append(_exactly(source, size))
        _line(source)
    while _line(source):
        pass
    return b"".join(pieces)


def unpacked(body: bytes, encoding: str) -> bytes:
    """`body` without its Content-Encoding; EngineError when it is broken or of an unknown encoding."""
    try:
        match encoding.lower():
            case "identity":
                return body
            case "gzip":
                return gzip.decompress(body)
            case "lz4":
                return _lz4_frames(body)
            case "zstd":
                return unpack_zstd(body)
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        raise EngineError(
            _CANNOT_UNPACK, f"The body is not what Content-Encoding: {encoding} says: {error}"
        ) from error
    raise EngineError(NOT_IMPLEMENTED, f"Unknown Content-Encoding {encoding}; gzip, lz4 and zstd are known")


def _lz4_frames(body: bytes) -> bytes:
    # clickhouse-connect packs each block into a frame of its own; lz4.frame.decompress stops after one.
    out = []
    while body:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        out.append(decompressor.decompress(body))
        if not decompressor.eof:
            raise EOFError("the last frame is incomplete")
        body = decompressor.unused_data or b""
    return b"".join(out)


def _line(source: BufferedIOBase) -> bytes:
    line = source.readline(4096)
    if not line.endswith(b"\n"):
        raise EOFError
    return line.strip()


def _exactly(source: BufferedIOBase, size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
