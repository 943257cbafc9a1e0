"""What a worker knows from memory: only a record that may have been counted before is asked about."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.aggregate import counted
from services.aggregate.blocks import Place
from services.aggregate.pipeline import TOPICS
from services.platform.clickhouse import ClickHouse
from tests.aggregate.support import Message, Worker, event, messages, place

NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)


def reports(*numbers: int, percent: int = 40, first: int = 0) -> list[Message]:
    said = {"task": 7, "percent": percent, "status": "done"}
    return messages((event("task-report", "bureau", str(number), NOON, said) for number in numbers), first)


@pytest.fixture
def asked(pool: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each question was about."""
    numbers: list[int] = []
    seen = counted._seen

    def noted(clickhouse: ClickHouse, stream: Any, block: Any, records: Any) -> dict[int, int]:
        numbers.append(len(records))
        return seen(clickhouse, stream, block, records)

    monkeypatch.setattr(counted, "_seen", noted)
    return numbers


def stands(pool: ClickHouse) -> int:
    [(number,)] = pool.query("SELECT count() FROM task_report_log")
    return int(number)


async def test_only_what_may_have_been_counted_is_asked_about(pool: ClickHouse, asked: list[int]) -> None:
    where, worker = place("task-report"), Worker(pool)
    await worker.count(where, reports(*range(100)))
    await worker.count(where, reports(*range(90, 200), first=100))
    assert asked == [0, 10]
    assert stands(pool) == 200


@pytest.mark.parametrize("page", [7, 100, 101])
async def test_a_new_owner_reads_what_was_counted_page_by_page(
    pool: ClickHouse, asked: list[int], monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Until it has read all, it asks about every record; a large block is rather kept waiting."""
    monkeypatch.setattr(counted, "_PAGE", page)
    where = place("task-report")
    await Worker(pool).count(where, reports(*range(100)))
    asked.clear()
    other = Worker(pool)
    await other.count(where, reports(3, 300, first=100))
    assert asked == [1 if page > 100 else 2]
    monkeypatch.setattr(counted, "_FEW", 1)
    await other.count(where, reports(4, 300, 301, first=102))
    assert asked[1:] == [2]
    assert stands(pool) == 102
    assert not other.letters


async def test_who_takes_over_again_knows_what_another_has_counted(
    pool: ClickHouse, asked: list[int]
) -> None:
    where, one, other = place("task-report"), Worker(pool), Worker(pool)
    await one.count(where, reports(1, 2))
    await other.count(where, reports(3, 4, first=2))
    one.path.forget(TOPICS)
    await one.count(where, reports(3, first=4))
    await one.count(where, reports(4, first=5, percent=50))
    assert stands(pool) == 4
    assert [letter.code for letter in one.letters] == ["conflict"]


async def test_beside_a_former_life_of_the_topic_everything_is_asked_about(
    pool: ClickHouse, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has outlived its broker may still hold a block; for so long none is taken for new."""
    former = place("task-report")
    await Worker(pool).count(former, reports(1))
    asked.clear()
    worker, now = Worker(pool), Place(former.topic, uuid4(), 0)
    await worker.count(now, reports(2))
    await Worker(pool).count(former, reports(3, first=1))  # by the worker that has outlived it
    await worker.count(now, reports(3, first=1))
    assert stands(pool) == 3
    monkeypatch.setattr(counted, "monotonic", lambda: float("inf"))
    asked.clear()
    await worker.count(now, reports(1, 4, first=2))
    assert asked == [1]
    assert stands(pool) == 4


async def test_with_too_little_memory_more_is_asked_about_and_nothing_goes_wrong(
    pool: ClickHouse, asked: list[int]
) -> None:
    where, worker = place("task-report"), Worker(pool, counted_memory=4096)
    for first in range(0, 10_000, 2_500):
        await worker.count(where, reports(*range(first, first + 2_500), first=first))
    await worker.count(where, reports(*range(100), first=10_000))
    assert asked[-1] == 100
    assert stands(pool) == 10_000


async def test_offsets_that_were_given_twice_count_nothing_twice(pool: ClickHouse) -> None:
    """As by a broker that took records for a topic before it was made: they lie across the next ones."""
    where, worker = place("task-report"), Worker(pool)
    across = reports(100, 101, 102, 103, first=1)
    await worker.count(where, [*across, *reports(0, 1, 2)])
    assert across[-1].offset == 4, "beyond the block, which ends at 2"
    second = [*reports(3, 4, 5, first=3), *reports(102, 103, 5, first=6)]
    await worker.count(where, second)
    await Worker(pool).count(where, second)  # by whoever takes over
    assert stands(pool) == 10
