"""A Bloom filter over uniform 64-bit keys, by whole arrays or one by one.

Some bits of a key choose two words of 64 bits, others which of their bits stand for it. A filter that is full
gets another layer of twice the size beside it, since what it holds cannot be read back out of it; a key may
have been before if any layer says so.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

KEY_BITS = 32
"""Of memory: a full layer then suspects one of some 50,000 new keys."""
_LEAST_BYTES = 4096
_PATTERN_BITS = 12
_FIRST, _SECOND, _SECOND_PATTERN = 12, 39, 27
"""Where in a key the places of the two words begin (for up to 2^25 words), and the second pattern."""


def _patterns() -> Keys:
    """Return words with six bits set, each different places."""
    places = np.random.default_rng(0).permuted(np.tile(np.arange(64), (1 << _PATTERN_BITS, 1)), axis=1)[:, :6]
    bits = np.left_shift(np.uint64(1), places.astype(np.uint64))
    return np.asarray(np.bitwise_or.reduce(bits, axis=1), np.uint64)


_PATTERNS = _patterns()
_ONE_BY_ONE = _PATTERNS.tolist()


class _Layer:
    """Words of 64 bits, a power of two of them."""

    def __init__(self, size: int) -> None:
        self.words = np.zeros(size // 8, np.uint64)  # memory that is not written to is not taken
        self.one_by_one = self.words.data
        self.last = np.uint64(len(self.words) - 1)
        self.room = size * 8 // KEY_BITS
        self.held = 0

    @classmethod
    def within(cls, keys: int, most_bytes: int) -> Self | None:
        """Return a layer for so many keys, or more than half; a smaller one, or None, if memory ends."""
        if most_bytes < _LEAST_BYTES:
            return None
        size = min(max(_LEAST_BYTES, keys * KEY_BITS // 8), most_bytes)
        return cls(1 << size.bit_length() - 1)


class Bloom:
    """Remembers keys; it may suspect one that it has not had, and never overlooks one that it has.

    For one thread at a time. Beyond `most_bytes` it grows no more, and suspects more and more.
    """

    def __init__(self, most_bytes: int, *, room: int) -> None:
        """`most_bytes`: at least 4096; `room`: keys of the first layer."""
        layer = _Layer.within(room, most_bytes)
        if layer is None:
            raise ValueError(f"a filter needs at least {_LEAST_BYTES} bytes, not {most_bytes}")
        self._most_bytes = most_bytes
        self._layers = [layer]

    @property
    def held(self) -> int:
        """Keys it has had; some fewer, since one that was suspected is not counted again."""
        return sum(layer.held for layer in self._layers)

    @property
    def bytes(self) -> int:
        """Memory it takes at most."""
        return sum(layer.words.nbytes for layer in self._layers)

    def expect(self, keys: int) -> None:
        """Make room for about so many more keys if there is none."""
        newest = self._layers[-1]
        if newest.held + keys > newest.room:
            self._grow(keys)

    def suspects(self, keys: Keys) -> NDArray[np.bool_]:
        """Return which keys may have been here before this call, and remember all."""
        first, second = keys >> np.uint64(_FIRST), keys >> np.uint64(_SECOND)
        pattern, other = _pattern(keys), _pattern(keys >> np.uint64(_SECOND_PATTERN))
        suspected = np.zeros(len(keys), np.bool_)
        for layer in self._layers:
            found = layer.words[first & layer.last] & pattern == pattern
            found &= layer.words[second & layer.last] & other == other
            suspected |= found
        new = np.flatnonzero(~suspected)
        newest = self._layers[-1]
        if newest.held + len(new) > newest.room:
            newest = self._grow(max(2 * newest.room, len(new))) or newest
        np.bitwise_or.at(newest.words, first[new] & newest.last, pattern[new])
        np.bitwise_or.at(newest.words, second[new] & newest.last, other[new])
        newest.held += len(new)
        return suspected

    def suspects_one(self, key: int) -> bool:
        """Return whether a key may have been here before, and remember it: a few are cheaper so."""
        pattern = _ONE_BY_ONE[key % len(_ONE_BY_ONE)]
        other = _ONE_BY_ONE[(key >> _SECOND_PATTERN) % len(_ONE_BY_ONE)]
        first, second = key >> _FIRST, key >> _SECOND
        for layer in self._layers:
            words, number = layer.one_by_one, len(layer.one_by_one)
            if words[first % number] & pattern == pattern and words[second % number] & other == other:
                return True
        newest = self._layers[-1]
        if newest.held == newest.room:
            newest = self._grow(2 * newest.room) or newest
        words, number = newest.one_by_one, len(newest.one_by_one)
        words[first % number] |= pattern
        words[second % number] |= other
        newest.held += 1
        return False

    def _grow(self, keys: int) -> _Layer | None:
        layer = _Layer.within(keys, self._most_bytes - self.bytes)
        if layer is not None:
            self._layers.append(layer)
        return layer


def _pattern(keys: Keys) -> Keys:
    return np.take(_PATTERNS, keys & np.uint64(len(_PATTERNS) - 1))
