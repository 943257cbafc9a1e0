"""Counted once: which records of a block have been counted before.

Nearly every record is new, and to ask ClickHouse about 20,000 of 10 million identities is to read nearly all
of its table. So each worker has in memory, for the streams of its partitions, a Bloom filter of what has been
counted; only a record that may be in it is asked about. The filter errs to one side: it may suspect a new
record, which costs a question, and never overlooks one that was counted before.

It cannot be out of date. Every copy of a record lies in the partition of the record, and all blocks of a
partition before the newest claimed one are in ClickHouse. Whoever takes a partition over, or finds that
others have passed it, begins at that block, and forgets what it knew: what was counted before it reads anew,
what comes after it counts itself, block by block. Another worker that still believes to own the partition
writes only the very same blocks. Copies that came with a
former life of the topic are in ClickHouse by then as well, unless a worker has outlived its broker and still
holds a block of it; so where there was a former life, the filter is filled only after OUTLIVED_SECONDS.
"""

from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from schemas.streams import Stream
from services.aggregate.blocks import Block, Place
from services.aggregate.records import Records
from services.platform.bloom import Bloom
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed

OUTLIVED_SECONDS = 60.0
"""After so long a worker has counted the block that it had in hand when its broker ended."""
_PAGE = 200_000
_FEW = 1_000
"""Records of a block that is rather asked about whole than kept waiting for the filter."""


class Sifted(NamedTuple):
    """The records of a block: those that count, and those whose identity was seen before."""

    new: Records
    duplicates: Records
    conflicts: Records


_NEW, _DUPLICATE, _CONFLICT = range(3)


class Sieve:
    """Sifts the blocks of one worker; from any thread."""

    def __init__(self, clickhouse: ClickHouse, most_bytes: int) -> None:
        """`most_bytes`: memory of each stream's filter; beyond it more and more records are asked about."""
        self._clickhouse = clickhouse
        self._most_bytes = most_bytes
        self._memories: dict[Stream, _Memory] = {}

    def forget(self, streams: Iterable[Stream]) -> None:
        """Know nothing of these streams; call it whenever partitions of theirs are taken over, and while no
        block of theirs is in hand.
        """
        for stream in streams:
            self._memories.pop(stream, None)

    def sift(self, stream: Stream, block: Block, records: Records) -> Sifted:
        """Split a block's records into new ones, duplicates and conflicts.

        The first record of an identity counts, in the order of the partition; every copy of it lies in the
        same partition. What this very block inserted in an earlier try is not "before": every try must have
        the same outcome.
        """
        upper = records.identity[:, 0]
        memory = self._memories.get(stream)
        if memory is None:
            memory = self._memories.setdefault(stream, _Memory(self._clickhouse, stream, self._most_bytes))
        asked = np.flatnonzero(memory.suspects(block.place, upper))
        seen = _seen(self._clickhouse, stream, block, records.take(asked))
        outcome = np.full(len(records), _NEW)
        for row in _doubtful(upper, seen).tolist():
            name, said = _whole(records.identity[row]), _whole(records.fingerprint[row])
            if name not in seen:
                seen[name] = said
            else:
                outcome[row] = _DUPLICATE if seen[name] == said else _CONFLICT
        kinds = (_NEW, _DUPLICATE, _CONFLICT)
        return Sifted(*(records.take(np.flatnonzero(outcome == kind)) for kind in kinds))


class _Memory:
    """The identities of one stream that have been counted, by their upper halves."""

    def __init__(self, clickhouse: ClickHouse, stream: Stream, most_bytes: int) -> None:
        self._clickhouse = clickhouse
        self._stream = stream
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._bloom: Bloom | None = None
        self._read_to = UUID(int=0)
        self._complete = False
        self._not_before = 0.0

    def suspects(self, place: Place, upper: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which records may have been counted before; all are remembered."""
        with self._lock:
            bloom = self._bloom or self._begin(place)
            while not self._complete and monotonic() >= self._not_before:
                self._read_page(bloom)
                if len(upper) <= _FEW:
                    break
            suspected = bloom.suspects(upper)
            return suspected if self._complete else np.ones(len(upper), np.bool_)

    def _begin(self, place: Place) -> Bloom:
        [(standing, former)] = self._clickhouse.query(
            "SELECT (SELECT count() FROM record_identity WHERE stream = %(stream)s),"
            " (SELECT count() FROM block WHERE topic = %(topic)s AND topic_id != %(topic_id)s)",
            {"stream": self._stream.name, "topic": place.topic, "topic_id": place.topic_id},
        )
        self._not_before = monotonic() + (OUTLIVED_SECONDS if former else 0)
        self._bloom = Bloom(self._most_bytes, room=max(2 * standing, _PAGE))
        return self._bloom

    def _read_page(self, bloom: Bloom) -> None:
        [(upper, last)] = self._clickhouse.query(
            "SELECT groupArray(reinterpretAsUInt64(identity)), max(identity) FROM"
            " (SELECT identity FROM record_identity WHERE stream = %(stream)s AND identity > %(after)s"
            f" ORDER BY identity LIMIT {_PAGE})",
            {"stream": self._stream.name, "after": self._read_to},
        )
        bloom.suspects(np.array(upper, np.uint64))
        self._read_to = last
        self._complete = len(upper) < _PAGE


def _doubtful(upper: NDArray[np.uint64], seen: dict[int, int]) -> NDArray[np.int64]:
    """Return the records whose identity was seen, or which are not alone in their block; some others too."""
    ordered = np.sort(upper)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    before = np.fromiter((name >> 64 for name in seen), np.uint64, len(seen))
    return np.flatnonzero(np.isin(upper, np.concatenate([repeated, before])))


def _whole(halves: NDArray[np.uint64]) -> int:
    upper, lower = halves.tolist()
    return int(upper << 64 | lower)


def _seen(clickhouse: ClickHouse, stream: Stream, block: Block, records: Records) -> dict[int, int]:
    """Return the fingerprints of those identities that were counted before this block.

    From its first offset on, the partition's rows are those of an earlier try of this block; unless another
    record stands there in it. The embedded broker takes what is written to a topic before that is made, and
    then gives the same offsets again: a block may hold records from beyond its last offset.
    """
    if not len(records):
        return {}
    packed = Packed({"name": Column(records.identity)}, {"name": "UUID"})
    rows = clickhouse.query(
        "WITH topic_id = %(topic_id)s AND partition = %(partition)s AND offset >= %(first)s AS own"
        " SELECT identity, countIf(NOT own), argMinIf(fingerprint, offset, NOT own),"
        " groupArrayIf((offset, fingerprint), own) FROM record_identity"
        f" WHERE stream = %(stream)s AND identity IN {packed.source} GROUP BY identity",
        {
            "stream": stream.name,
            "topic_id": block.place.topic_id,
            "partition": block.place.partition,
            "first": block.first,
        },
        given=packed.given,
    )
    seen = {name.int: said.int for name, before, said, _own in rows if before}
    if any(own for *_, own in rows):
        offsets = records.columns["offset"].numbers.tolist()
        here = {(_whole(name), offset) for name, offset in zip(records.identity, offsets, strict=True)}
        for name, _before, _said, own in rows:
            for offset, said in own:
                if (name.int, offset) not in here:
                    seen.setdefault(name.int, said.int)
    return seen
