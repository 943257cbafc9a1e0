"""Blocks that were in hand when the life of their topic ended: nobody reads them again, so they are completed
from what the log table has of them.

A broker whose log is in memory ends all topics with itself. A worker that dies amid an insert about then may
leave rows in the log table that are in none of its views. Ingest's journal brings their records again, and
whether they have been counted is asked of a view: they would come to lie in the log twice.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

import numpy as np

from schemas.streams import Stream
from services.aggregate.blocks import Block, Place
from services.aggregate.columns import uuid_column
from services.aggregate.records import Records, inserted_once
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column

log = logging.getLogger(__name__)


def unfinished(clickhouse: ClickHouse, stream: Stream, topic_id: UUID) -> list[Block]:
    """Return the blocks of former lives of a stream's topic that may not have been counted to their end.

    Only the newest claimed block of a partition may be such a one; it is done when it has been told.
    """
    rows = clickhouse.query(
        """
        SELECT former, partition, max(first_offset) AS newest, argMax(ends, first_offset) FROM (
            SELECT topic_id AS former, partition, first_offset, argMin(last_offset, claimed_at) AS ends,
                min(claimed_at) AS claimed
            FROM block WHERE topic = %(topic)s AND topic_id != %(topic_id)s
            GROUP BY former, partition, first_offset
        )
        GROUP BY former, partition
        HAVING (former, partition, newest) NOT IN (SELECT topic_id, partition, first_offset FROM touch)
            AND max(claimed) > now() - INTERVAL 1 DAY -- touches are kept for one""",
        {"topic": stream.topic, "topic_id": topic_id},
    )
    return [Block(Place(stream.topic, former, number), first, last) for former, number, first, last in rows]


def complete(clickhouse: ClickHouse, stream: Stream, block: Block) -> Records:
    """Let the views have what the log table has of a block, under its token; return those records.

    Of their columns only those that tell what the block touched.
    """
    where = "topic_id = %(topic_id)s AND partition = %(partition)s AND offset BETWEEN %(first)s AND %(last)s"
    place = block.place
    params = {
        "topic_id": place.topic_id,
        "partition": place.partition,
        "first": block.first,
        "last": block.last,
    }
    names = ", ".join(clickhouse.types(stream.log_table))
    clickhouse.query(
        f"INSERT INTO {stream.log_table} ({names}) SELECT {names} FROM {stream.log_table} WHERE {where}",
        params,
        settings=inserted_once(block),
    )
    told = [
        name for name in ("division", "stream", "retracted") if name in clickhouse.types(stream.log_table)
    ]
    rows = clickhouse.query(
        f"SELECT identity, subject, toUnixTimestamp64Micro(time), {', '.join(told) or '1'}"
        f" FROM {stream.log_table} WHERE {where}",
        params,
    )
    if rows:
        log.warning("%s: %d records of a former life were not told of: they are now", place, len(rows))
    identity, subject, time, *others = zip(*rows, strict=True) if rows else ((), (), (), *((),) * len(told))
    columns = {
        "identity": _uuids(identity),
        "subject": Column(subject),
        "time": Column(np.array(time, np.int64)),
        **{name: Column(values) for name, values in zip(told, others, strict=False) if name != "retracted"},
    }
    if "retracted" in told:
        columns["retracted"] = _uuids(others[told.index("retracted")])
    return Records([b""] * len(rows), columns)


def _uuids(values: Sequence[UUID]) -> Column:
    return uuid_column(b"".join(value.bytes for value in values))
