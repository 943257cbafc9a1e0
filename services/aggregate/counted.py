"""Counted once: which records of a block have been counted before."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.streams import Stream
from services.aggregate.blocks import Block
from services.aggregate.records import Records
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed


class Sifted(NamedTuple):
    """The records of a block: those that count, and those whose identity was seen before."""

    new: Records
    duplicates: Records
    conflicts: Records


_NEW, _DUPLICATE, _CONFLICT = range(3)


def sift(clickhouse: ClickHouse, stream: Stream, block: Block, records: Records) -> Sifted:
    """Split a block's records into new ones, duplicates and conflicts.

    The first record of an identity counts, in the order of the partition; every copy of it lies in the same
    partition. What this very block inserted in an earlier try is not "before": every try must have the
    same outcome.
    """
    seen = _seen(clickhouse, stream, block, records.identity)
    outcome = np.full(len(records), _NEW)
    for row in _doubtful(records.identity[:, 0], seen).tolist():
        name, said = _whole(records.identity[row]), _whole(records.fingerprint[row])
        if name not in seen:
            seen[name] = said
        else:
            outcome[row] = _DUPLICATE if seen[name] == said else _CONFLICT
    kinds = (_NEW, _DUPLICATE, _CONFLICT)
    return Sifted(*(records.take(np.flatnonzero(outcome == kind)) for kind in kinds))


def _doubtful(upper: NDArray[np.uint64], seen: dict[int, int]) -> NDArray[np.int64]:
    """Return the records whose identity was seen, or which are not alone in their block; some others too."""
    ordered = np.sort(upper)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    before = np.fromiter((name >> 64 for name in seen), np.uint64, len(seen))
    return np.flatnonzero(np.isin(upper, np.concatenate([repeated, before])))


def _whole(halves: NDArray[np.uint64]) -> int:
    upper, lower = halves.tolist()
    return int(upper << 64 | lower)


def _seen(clickhouse: ClickHouse, stream: Stream, block: Block, names: NDArray[np.uint64]) -> dict[int, int]:
    if not len(names):
        return {}
    packed = Packed({"name": Column(names)}, {"name": "UUID"})
    rows = clickhouse.query(
        "SELECT identity, argMin(fingerprint, offset) FROM record_identity"
        f" WHERE stream = %(stream)s AND identity IN {packed.source}"
        " AND NOT (topic_id = %(topic_id)s AND partition = %(partition)s AND offset >= %(first)s)"
        " GROUP BY identity",
        {
            "stream": stream.name,
            "topic_id": block.place.topic_id,
            "partition": block.place.partition,
            "first": block.first,
        },
        given=packed.given,
    )
    return {name.int: said.int for name, said in rows}
