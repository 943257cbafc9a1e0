"""What tells a record that is certainly new from one that may have been before: a Bloom filter in memory.

An identity is a uniform hash already, so its bits are taken as they are: some choose two words of 64 bits,
others which of their bits stand for the record. A filter that is full gets another layer of twice the size
beside it, since what it holds cannot be read back out of it; a record may have been before if any layer says
so.
"""

import mmap
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Self

from schemas.streams import STREAMS
from services.ingest.receipts import Name

FIRST_ROOM = 1 << 20
"""Records for which the first layer is built."""

_WORD_BITS = 64
_RECORD_BITS = 32
"""Of memory: a full layer then suspects one of 50,000 new records, so that few batches have any."""
_PATTERN_BITS = 12
_FIRST, _SECOND, _SECOND_PATTERN = 12, 39, 27
"""Where in a key the places of the two words begin (for up to 2^25 words), and the second pattern."""


def _pattern(number: int) -> int:
    """Return a word with six bits set."""
    places = dict.fromkeys(byte % _WORD_BITS for byte in blake2b(number.to_bytes(2)).digest())
    return sum(1 << place for place in list(places)[:6])


_PATTERNS = [_pattern(number) for number in range(1 << _PATTERN_BITS)]
_PATTERNS_LAST = len(_PATTERNS) - 1
_SALTS = {
    name: int.from_bytes(blake2b(name.encode(), digest_size=_WORD_BITS // 8).digest()) for name in STREAMS
}
"""What makes one identity in two streams two records."""


class _Layer:
    """Words of 64 bits, a power of two of them; memory that is not written to is not taken."""

    def __init__(self, size: int) -> None:
        self.words = memoryview(mmap.mmap(-1, size)).cast("Q")
        self.last = len(self.words) - 1
        self.room = size * 8 // _RECORD_BITS
        self.held = 0

    @classmethod
    def within(cls, records: int, most_bytes: int) -> Self | None:
        """Return a layer for so many records, or more than half; a smaller one, or None, if memory ends."""
        if most_bytes < mmap.PAGESIZE:
            return None
        size = min(max(mmap.PAGESIZE, records * _RECORD_BITS // 8), most_bytes)
        return cls(1 << size.bit_length() - 1)


class Filter:
    """Remembers records; it may suspect one that it has not had, and never overlooks one that it has.

    For one thread. Beyond `most_bytes` it grows no more, and suspects more and more.
    """

    def __init__(self, most_bytes: int, *, room: int = FIRST_ROOM) -> None:
        """`most_bytes`: at least one page of memory; `room`: records of the first layer."""
        layer = _Layer.within(room, most_bytes)
        if layer is None:
            raise ValueError(f"a filter needs at least {mmap.PAGESIZE} bytes, not {most_bytes}")
        self._most_bytes = most_bytes
        self._layers = [layer]

    @property
    def held(self) -> int:
        """Records it has had; some fewer, since one that was suspected is not counted again."""
        return sum(layer.held for layer in self._layers)

    @property
    def bytes(self) -> int:
        """Memory it takes at most."""
        return sum(layer.words.nbytes for layer in self._layers)

    def expect(self, records: int) -> None:
        """Make room for about so many more records if there is none."""
        newest = self._layers[-1]
        if newest.held + records > newest.room:
            self._grow(records)

    def suspects(self, names: Iterable[Name]) -> list[Name]:
        """Return those that may have been here before, and remember all."""
        return [name for name in names if self._remember((name[1].int >> _WORD_BITS) ^ _SALTS[name[0]])]

    def add(self, stream: str, halves: Sequence[int]) -> None:
        """Remember records of a stream by the upper 64 bits of their identities."""
        salt = _SALTS[stream]
        for half in halves:
            self._remember(half ^ salt)

    def _remember(self, key: int) -> bool:
        """Whether a record may have been here before; it has, from now on."""
        pattern = _PATTERNS[key & _PATTERNS_LAST]
        other = _PATTERNS[key >> _SECOND_PATTERN & _PATTERNS_LAST]
        first, second = key >> _FIRST, key >> _SECOND
        for layer in self._layers:
            words, last = layer.words, layer.last
            if words[first & last] & pattern == pattern and words[second & last] & other == other:
                return True
        layer.words[first & layer.last] |= pattern
        layer.words[second & layer.last] |= other
        layer.held += 1
        if layer.held == layer.room:
            self._grow(2 * layer.room)
        return False

    def _grow(self, records: int) -> None:
        layer = _Layer.within(records, self._most_bytes - self.bytes)
        if layer is not None:
            self._layers.append(layer)
