"""Touches are taken once each, however long nothing new is told."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.aggregate.touches import OVERLAP, Touches
from services.platform.clickhouse import ClickHouse


def test_a_touch_that_the_overlap_has_just_left_behind_is_not_taken_again(pool: ClickHouse) -> None:
    last = datetime.now(UTC).replace(microsecond=900_000)
    before = last - OVERLAP - timedelta(milliseconds=300)  # in the second in which the overlap begins
    pool.insert(
        "touch",
        {
            "topic_id": [uuid4(), uuid4()],
            "partition": [0, 0],
            "first_offset": [0, 0],
            "stream": ["facility", "facility"],
            "subjects": [["F1"], ["F2"]],
            "days": [[last.date()], [last.date()]],
            "counted": [[], []],
            "told_at": [before, last],
        },
    )
    touches = Touches(pool)
    touches._since = last - 2 * OVERLAP
    assert {name for name, _ in touches.new()["facility"]} == {"F1", "F2"}
    assert touches.new() == {}
    assert touches.new() == {}
