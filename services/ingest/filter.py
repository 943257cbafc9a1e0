"""What tells a record that is certainly new from one that may have been before: a Bloom filter in memory.

An identity is a uniform hash already, so half of it is the key; the stream makes it another's.
"""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from itertools import compress

import numpy as np

from schemas.streams import STREAMS
from services.ingest.receipts import Name
from services.platform.bloom import Bloom

FIRST_ROOM = 1 << 20
"""Records for which the first layer is built."""

_FEW = 32
"""Records that are looked for one by one: an array costs as much as so many of them."""

_KEY_BITS = 64
_SALTS = {
    name: int.from_bytes(blake2b(name.encode(), digest_size=_KEY_BITS // 8).digest()) for name in STREAMS
}
"""What makes one identity in two streams two records."""


class Filter:
    """Remembers records; it may suspect one that it has not had, and never overlooks one that it has.

    For one thread. Beyond `most_bytes` it grows no more, and suspects more and more.
    """

    def __init__(self, most_bytes: int, *, room: int = FIRST_ROOM) -> None:
        """`most_bytes`: at least 4096; `room`: records of the first layer."""
        self._bloom = Bloom(most_bytes, room=room)

    @property
    def held(self) -> int:
        """Records it has had; some fewer, since one that was suspected is not counted again."""
        return self._bloom.held

    @property
    def bytes(self) -> int:
        """Memory it takes at most."""
        return self._bloom.bytes

    def expect(self, records: int) -> None:
        """Make room for about so many more records if there is none."""
        self._bloom.expect(records)

    def suspects(self, names: Collection[Name]) -> list[Name]:
        """Return those that may have been here before, and remember all."""
        keys = [(identity >> _KEY_BITS) ^ _SALTS[stream] for stream, identity in names]
        if len(keys) <= _FEW:
            return [name for name, key in zip(names, keys, strict=True) if self._bloom.suspects_one(key)]
        return [*compress(names, self._bloom.suspects(np.array(keys, np.uint64)))]

    def add(self, stream: str, halves: Sequence[int]) -> None:
        """Remember records of a stream by the upper 64 bits of their identities."""
        self._bloom.suspects(np.array(halves, np.uint64) ^ np.uint64(_SALTS[stream]))
