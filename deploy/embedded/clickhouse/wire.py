"""Bytes of the native protocol: varints, strings, and compressed frames.

A frame is a 16-byte CityHash128, a method byte, two lengths and the packed bytes; the hash covers
everything behind itself.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from deploy.embedded.clickhouse.errors import UNKNOWN_PACKET, EngineError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LZ4 = 0x82
ZSTD = 0x90
_RAW = 0x02
_FRAME = struct.Struct("<BII")
_HASH = struct.Struct("<QQ")
_FRAME_BYTES = 1 << 20
# A length that a broken or hostile client made up must not become an allocation.
_LONGEST = 1 << 30


class Reader:
    """A growing window over bytes that arrive by `more(at_least)`, read front to back.

    `more` returns b"" at the end of its source; then EOFError is raised. `buffer[position:]` has
    arrived and is not read yet. Nothing before `position` is dropped until `release`, so a caller can
    cut out what it walked over.
    """

    def __init__(self, more: Callable[[int], bytes] = lambda _: b"", start: bytes = b"") -> None:
        self._more = more
        self.buffer = bytearray(start)
        self.position = 0

    def need(self, count: int) -> None:
        """Make sure that `count` bytes lie behind `position`."""
        missing = self.position + count - len(self.buffer)
        while missing > 0:
            if missing > _LONGEST:
                raise EngineError(UNKNOWN_PACKET, f"a client announced {missing} bytes in one piece")
            chunk = self._more(missing)
            if not chunk:
                raise EOFError
            self.buffer += chunk
            missing -= len(chunk)

    def skip(self, count: int) -> None:
        self.need(count)
        self.position += count

    def take(self, count: int) -> bytes:
        self.skip(count)
        return bytes(self.buffer[self.position - count : self.position])

    def release(self) -> None:
        """Forget what has been read."""
        del self.buffer[: self.position]
        self.position = 0

    def exhausted(self) -> bool:
        """Whether everything that arrived has been read; does not wait for more."""
        return self.position >= len(self.buffer)

    def varint(self) -> int:
        value = shift = 0
        while True:
            self.need(1)
            byte = self.buffer[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise EngineError(UNKNOWN_PACKET, "a number longer than 64 bits")

    def string(self) -> str:
        return self.take(self.varint()).decode("utf-8", "replace")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


def unpacked(source: Reader) -> Reader:
    """A reader of what the compressed frames that follow in `source` contain.

    Raises EngineError for a frame whose hash is wrong or whose method is unknown.
    """

    def more(_: int) -> bytes:
        expected = source.take(16)
        header = source.take(_FRAME.size)
        method, length, size = _FRAME.unpack(header)
        if length < _FRAME.size or size > _LONGEST:
            raise EngineError(UNKNOWN_PACKET, "a compressed frame with an impossible length")
        packed = source.take(length - _FRAME.size)
        source.release()
        if _city_hash(header + packed) != expected:
            raise EngineError(40, "Checksum doesn't match: corrupted data in a compressed frame")
        try:
            return _unpack(method, packed, size)
        except (ValueError, RuntimeError) as error:
            raise EngineError(271, f"Cannot decompress a frame: {error}") from error

    return Reader(more)


def pack(data: bytes, method: int) -> bytes:
    """`data` as compressed frames of at most 1 MiB each."""
    out = bytearray()
    for start in range(0, len(data), _FRAME_BYTES):
        piece = data[start : start + _FRAME_BYTES]
        body = _pack(method, piece)
        body = _FRAME.pack(method, len(body) + _FRAME.size, len(piece)) + body
        out += _city_hash(body) + body
    return bytes(out)


def _city_hash(data: bytes) -> bytes:
    value: int = CityHash128(data)
    # ClickHouse writes the pair (low, high) of a 128-bit number that holds its first word on top.
    return _HASH.pack(value >> 64, value & 0xFFFFFFFFFFFFFFFF)


def _unpack(method: int, packed: bytes, size: int) -> bytes:
    if method == LZ4:
        return bytes(lz4.block.decompress(packed, uncompressed_size=size))
    if method == ZSTD:
        return unpack_zstd(packed)
    if method == _RAW:
        return packed
    raise EngineError(89, f"Unknown compression method {method:#x}")


def unpack_zstd(data: bytes) -> bytes:
    """The contents of all zstd frames in `data`; ValueError when they are broken."""
    try:
        return zstd.decompress(data)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


def _pack(method: int, data: bytes) -> bytes:
    if method == ZSTD:
        return zstd.compress(data, 1)
    return bytes(lz4.block.compress(data, store_size=False))
