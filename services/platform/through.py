"""How far each partition has been counted through, for whoever compares tables meanwhile."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from services.platform.clickhouse import ClickHouse

HASHED = "cityHash64(topic_id, partition)"
"""How `voucher_hourly.newest` names a partition."""


class Through(NamedTuple):
    """A partition, and the first of its offsets that may not have been counted with all that follows.

    `newest`: where its newest block begins.
    """

    topic_id: UUID
    partition: int
    hashed: int
    limit: int
    newest: int


def counted_through(
    clickhouse: ClickHouse,
    topics: Collection[str],
    since: Mapping[tuple[UUID, int], int] | None = None,
) -> list[Through]:
    """Return the partitions of some topics of which anything has been claimed.

    Blocks are counted one after another, so only the newest claimed one may be unfinished: it is done when it
    has been told. With `since` only partitions named there are looked at, and of each the blocks that begin
    at an offset or after it: who asks again and again needs not read all blocks each time.
    """
    beginning = " OR ".join(
        f"(topic_id = '{topic_id}' AND partition = {partition} AND first_offset >= {first})"
        for (topic_id, partition), first in (since or {}).items()
    )
    rows = clickhouse.query(
        f"""
        SELECT topic_id, partition, {HASHED}, max(first_offset) AS newest, argMax(ends, first_offset) + 1,
            (topic_id, partition, newest) IN (SELECT topic_id, partition, first_offset FROM touch)
            OR max(claimed) < now() - INTERVAL 1 DAY -- touches are kept for one
        FROM (
            SELECT topic_id, partition, first_offset, argMin(last_offset, claimed_at) AS ends,
                min(claimed_at) AS claimed
            FROM block WHERE topic IN %(topics)s AND ({beginning or since is None})
            GROUP BY topic_id, partition, first_offset
        )
        GROUP BY topic_id, partition""",
        {"topics": tuple(topics)},
    )
    return [
        Through(topic_id, partition, hashed, end if told else first, first)
        for topic_id, partition, hashed, first, end, told in rows
    ]
