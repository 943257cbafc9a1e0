"""Counted once: which records of a block have been counted before."""

from typing import NamedTuple
from uuid import UUID

from schemas.streams import Stream
from services.aggregate.blocks import Block
from services.aggregate.records import Record
from services.platform.clickhouse import ClickHouse


class Sifted(NamedTuple):
    """The records of a block: those that count, and those whose identity was seen before."""

    new: list[Record]
    duplicates: list[Record]
    conflicts: list[Record]


def sift(clickhouse: ClickHouse, stream: Stream, block: Block, records: list[Record]) -> Sifted:
    """Split a block's records into new ones, duplicates and conflicts.

    The first record of an identity counts, in the order of the partition; every copy of it lies in the same
    partition. What this very block inserted in an earlier try is not "before": every try must have the
    same outcome.
    """
    seen = _seen(clickhouse, stream, block, [record.identity for record in records])
    new: list[Record] = []
    duplicates: list[Record] = []
    conflicts: list[Record] = []
    for record in records:
        before = seen.get(record.identity)
        if before is None:
            seen[record.identity] = record.event.fingerprint
            new.append(record)
        elif before == record.event.fingerprint:
            duplicates.append(record)
        else:
            conflicts.append(record)
    return Sifted(new, duplicates, conflicts)


def _seen(clickhouse: ClickHouse, stream: Stream, block: Block, names: list[UUID]) -> dict[UUID, UUID]:
    if not names:
        return {}
    rows = clickhouse.query(
        "SELECT identity, argMin(fingerprint, offset) FROM record_identity"
        " WHERE stream = %(stream)s AND identity IN (SELECT name FROM names)"
        " AND NOT (topic_id = %(topic_id)s AND partition = %(partition)s AND offset >= %(first)s)"
        " GROUP BY identity",
        {
            "stream": stream.name,
            "topic_id": block.place.topic_id,
            "partition": block.place.partition,
            "first": block.first,
        },
        given={"names": {"name UUID": names}},
    )
    return dict(rows)
