"""A gzip stream whose parts are the same for all who are sent them, whatever each has been sent before.

A part refers to nothing before it and ends at a whole byte, so parts make a stream in any order and number.
The stream has no end: what closes it, a checksum of all that was in it, would be another for each.
"""

import zlib

BEGINNING = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""The header (RFC 1952): deflate, no time, no name, no particular system."""


def part(content: bytes) -> bytes:
    """Return `content` as a part of any such stream; who reads it has all of it at once."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
