"""Touches are taken once each, however long nothing new is told."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np

from services.aggregate.blocks import Block
from services.aggregate.touches import OVERLAP, Told, Touches
from services.platform.clickhouse import ClickHouse
from tests.aggregate.support import place


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
    assert {name for name, _ in touches.new(look=True)["facility"]} == {"F1", "F2"}
    assert touches.new(look=True) == {}
    assert touches.new(look=True) == {}


def test_what_was_heard_is_not_taken_again_from_the_table(pool: ClickHouse) -> None:
    day, block = datetime.now(UTC).date(), Block(place("facility"), 0, 9)
    told = Told(block, "facility", {"facility": {("F1", day)}}, np.array([7], np.uint64))
    other = Told(
        Block(place("facility"), 0, 9), "facility", {"facility": {("F2", day)}}, np.array([], np.uint64)
    )
    touches = Touches(pool)
    touches.begin()
    touches.hear(told)
    assert touches.new(look=False) == {"facility": {("F1", day)}}
    assert told.name in touches.unshown
    Touches(pool).tell([told, other])
    assert touches.new(look=False) == {}
    assert touches.new(look=True) == {"facility": {("F2", day)}}
    touches.hear(other)
    assert touches.new(look=True) == {}
