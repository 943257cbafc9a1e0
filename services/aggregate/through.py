"""How far each partition has been counted through, for whoever compares tables meanwhile."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from services.platform.clickhouse import ClickHouse

HASHED = "cityHash64(topic_id, partition)"
"""How `voucher_hourly.newest` names a partition."""


class Through(NamedTuple):
    """A partition, and the first of its offsets that may not have been counted with all that follows."""

    topic_id: UUID
    partition: int
    hashed: int
    limit: int


def counted_through(clickhouse: ClickHouse, topics: Collection[str]) -> list[Through]:
    """Return the partitions of some topics of which anything has been claimed.

    Blocks are counted one after another, so only the newest claimed one may be unfinished: it is done when it
    has been told.
    """
    rows = clickhouse.query(
        f"""
        SELECT topic_id, partition, {HASHED}, max(first_offset) AS newest, argMax(ends, first_offset) + 1,
            (topic_id, partition, newest) IN (SELECT topic_id, partition, first_offset FROM touch)
            OR max(claimed) < now() - INTERVAL 1 DAY -- touches are kept for one
        FROM (
            SELECT topic_id, partition, first_offset, argMin(last_offset, claimed_at) AS ends,
                min(claimed_at) AS claimed
            FROM block WHERE topic IN %(topics)s GROUP BY topic_id, partition, first_offset
        )
        GROUP BY topic_id, partition""",
        {"topics": tuple(topics)},
    )
    return [
        Through(topic_id, partition, hashed, end if told else first)
        for topic_id, partition, hashed, first, end, told in rows
    ]
