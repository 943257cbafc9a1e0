"""What the reader does with fetches, those that do not go on where it stands among them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from schemas.streams import STREAMS
from services.aggregate.blocks import Block, Place
from services.aggregate.membership import Assignment
from services.aggregate.owned import Owned
from services.aggregate.stretch import Stretch
from tests.aggregate.readers import (
    PARTITION,
    WHERE,
    Assigned,
    Consumer,
    Path,
    count_all,
    fetched,
    reader,
    take,
    ticks,
)
from tests.aggregate.support import Message


async def test_a_fetch_from_before_a_rebalance_is_not_counted_over_the_gap() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 50)
    await take(one, fetched(100, 101))
    assert (path.counted, consumer.sought) == ([], [50])
    await take(one, fetched(50, 51))
    assert path.counted == [(50, 51, [50, 51])]


async def test_offsets_that_nothing_lies_at_are_said_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    """The embedded broker has such where a write failed; to seek them for ever would stop the partition."""
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 50)
    await take(one, fetched(100, 101))
    await take(one, fetched(100, 101))
    assert (path.counted, consumer.sought) == ([(50, 101, [100, 101])], [50])
    assert "no records 50 to 99" in caplog.text
    await take(one, fetched(110))
    assert consumer.sought == [50, 102], "another gap is looked at anew"


async def test_records_that_the_broker_deleted_are_said_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    path, consumer = Path(), Consumer(begins=100)
    await take(reader(path, consumer, 50), fetched(100, 101))
    assert path.counted == [(50, 101, [100, 101])]
    assert "deleted records 50 to 99" in caplog.text


async def test_a_superseded_worker_leaves_what_others_have_counted() -> None:
    class Superseded(Path):
        async def claim(self, wanted: Block) -> Block:
            return Block(wanted.place, 20, 29) if wanted.first < 20 else wanted

    path, consumer = Superseded(), Consumer()
    one = reader(path, consumer, 10)
    await take(one, fetched(10, 11))
    assert (path.counted, consumer.sought) == ([], [20])
    await take(one, fetched(20, 29))
    assert path.counted == [(20, 29, [20, 29])]


async def test_one_that_others_have_passed_forgets_what_it_knew() -> None:
    """Else it would take for new what they have counted."""
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 50)
    await take(one, fetched(50, 51))
    path.newest = Block(WHERE, 60, 61)
    await take(one, fetched(52, 53))
    assert consumer.sought == [60]
    path.newest = None
    await take(one, fetched(60, 61, 62))
    assert path.counted == [(60, 61, [60, 61]), (62, 62, [62])], "forgotten before anything else is counted"


async def test_what_comes_twice_is_taken_once() -> None:
    path, consumer = Path(agreed=14), Consumer()
    one = reader(path, consumer, 10)
    await take(one, fetched(10, 11))
    await take(one, fetched(10, 11, 12))
    assert path.counted == [], "the agreed block is not complete yet"
    await take(one, fetched(13, 14, 15))
    assert path.counted == [(10, 14, [10, 11, 12, 13, 14]), (15, 15, [15])]


async def test_several_fetches_are_one_block_of_what_is_still_owned() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 10)
    await one._accept(fetched(10, 11))
    await one._accept(fetched(12, 13))
    await count_all(one)
    assert path.counted == [(10, 13, [10, 11, 12, 13])]
    await one._accept(fetched(14))
    one._owned.clear()
    await count_all(one)
    assert len(path.counted) == 1


async def test_the_next_block_is_read_while_one_is_counted_and_claimed_after_it() -> None:
    """Else a worker that dies could leave two blocks unfinished, and the next owner completes only one."""
    steps: list[str] = []

    class Noted(Path):
        def read(self, place: Place, messages: list[Message]) -> Stretch:
            steps.append(f"read {messages[0].offset} to {messages[-1].offset}")
            return super().read(place, messages)

        async def claim(self, wanted: Block) -> Block:
            steps.append(f"claim {wanted.first} to {wanted.last}")
            return await super().claim(wanted)

        async def count(self, block: Block, stretch: Stretch) -> None:
            steps.append(f"count {block.first}")
            await super().count(block, stretch)
            await one._accept(fetched(*range(next_one[0], next_one.pop(0) + 2)))
            steps.append(f"counted {block.first}")

    path, next_one = Noted(), [14, 16, 18, 20]
    one = reader(path, Consumer(), 10, block_records=2)
    await one._accept(fetched(10, 11, 12, 13))
    for _ in range(3):
        await one._move(one._lane_of[WHERE.topic])
    assert steps == [
        *("read 10 to 11", "claim 10 to 11", "read 12 to 13", "count 10", "counted 10"),
        *("claim 12 to 13", "read 14 to 15", "count 12", "counted 12"),
        *("claim 14 to 15", "read 16 to 17", "count 14", "counted 14"),
    ]


async def test_what_was_read_ahead_is_read_again_where_another_block_was_agreed_on() -> None:
    path = Path()
    one = reader(path, Consumer(), 10, block_records=2)
    await one._accept(fetched(10, 11, 12, 13, 14))
    await one._move(one._lane_of[WHERE.topic])
    path.agreed = 14
    await count_all(one)
    assert path.counted == [(10, 11, [10, 11]), (12, 14, [12, 13, 14])]
    assert path.begun == [(10, 11), (12, 13), (12, 14)]


async def test_what_was_read_ahead_is_not_counted_by_one_that_others_have_passed() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 10, block_records=2)
    await one._accept(fetched(10, 11, 12, 13))
    await one._move(one._lane_of[WHERE.topic])
    path.newest = Block(WHERE, 20, 21)
    await one._move(one._lane_of[WHERE.topic])
    path.newest = None
    await take(one, fetched(20, 21))
    assert path.counted == [(20, 21, [20, 21])]
    assert path.begun == [(10, 11), (12, 13), (20, 21)]


async def test_what_comes_while_a_round_is_counted_is_fetched_before_the_next() -> None:
    """A round began with what had been fetched when the one before it did: everything waited twice."""

    class OneByOne(Consumer):
        given = 0

        async def getmany(
            self, *_partitions: TopicPartition, timeout_ms: int, max_records: int
        ) -> dict[TopicPartition, list[Any]]:
            self.given += 1
            if self.given == 5:
                come.set()
                await asyncio.Event().wait()
            return fetched(self.given)

    class Slow(Path):
        async def count(self, block: Block, stretch: Stretch) -> None:
            await come.wait()
            await super().count(block, stretch)
            if block.last == 4:
                done.set()

    path, come, done = Slow(), asyncio.Event(), asyncio.Event()
    one = reader(path, OneByOne(), 1)
    tasks = [asyncio.create_task(part.fun(one)) for part in (one._fetch, one._count_on)]  # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(30):
            await done.wait()
    finally:
        for task in tasks:
            task.cancel()
    assert [offsets for _, _, offsets in path.counted] == [[1], [2, 3, 4]]


async def test_enough_records_are_a_round_before_its_time() -> None:
    """Under load the records of a round waited for its time, though it costs the same for many."""

    class Told(Path):
        async def count(self, block: Block, stretch: Stretch) -> None:
            rounds.put_nowait((block.first, block.last))

    rounds: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
    one = reader(Told(), Consumer(), 0, block_records=500, block_interval_ms=60_000)
    counting = asyncio.create_task(one._count_on.fun(one))  # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(30):
            await one._accept(fetched(0))
            assert await rounds.get() == (0, 0)
            await one._accept(fetched(1))
            await ticks()
            assert rounds.empty()
            await one._accept(fetched(*range(2, 501)))
            assert await rounds.get() == (1, 500)
    finally:
        counting.cancel()


class Backlog(Consumer):
    """A topic without end; notes how far it was fetched."""

    fetched_to = 0

    async def getmany(
        self, *_partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        first, self.fetched_to = self.fetched_to, self.fetched_to + max_records
        return fetched(*range(first, self.fetched_to))


async def test_of_a_backlog_three_blocks_are_in_memory_and_a_longer_one_that_was_agreed_on() -> None:
    consumer = Backlog()
    one = reader(Path(), consumer, 0, block_records=10)
    fetching = asyncio.create_task(one._fetch.fun(one))  # type: ignore[attr-defined]
    await ticks()
    assert consumer.fetched_to == 30
    one._owned[PARTITION].agreed = 99
    one._freed.set()
    await ticks()
    assert consumer.fetched_to == 100
    await one._move(one._lane_of[WHERE.topic])
    one._freed.set()
    await ticks()
    assert consumer.fetched_to == 130
    fetching.cancel()


async def test_what_fills_the_memory_may_be_counted_in_one_round() -> None:
    """Fetching waited for room then, and counting for what is fetched: neither came."""

    class ThreeTopics(Consumer):
        """Gives each partition a block, and then another."""

        given = 0

        async def getmany(
            self, *_partitions: TopicPartition, timeout_ms: int, max_records: int
        ) -> dict[TopicPartition, list[Any]]:
            await asyncio.sleep(0)
            if self.given == 2:
                return {}
            self.given += 1
            offsets = range(10 * self.given - 10, 10 * self.given)
            return {one: [Message(offset, b"") for offset in offsets] for one in three}

    class Slow(Path):
        async def count(self, block: Block, stretch: Stretch) -> None:
            await ticks()  # so long that fetching looks for room meanwhile
            await super().count(block, stretch)
            if sum(len(offsets) for _, _, offsets in self.counted) == 60:
                done.set()

    three = [TopicPartition(WHERE.topic, number) for number in range(3)]
    path, done = Slow(), asyncio.Event()
    one = reader(path, ThreeTopics(), 0, block_records=10)
    one._owned = {name: Owned(WHERE, 0) for name in three}
    tasks = [asyncio.create_task(part.fun(one)) for part in (one._fetch, one._count_on)]  # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(30):
            await done.wait()
    finally:
        for task in tasks:
            task.cancel()


async def test_what_is_told_of_a_place_does_not_wait_behind_vouchers_and_a_rebalance_waits_for_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Held(Path):
        async def count(self, block: Block, stretch: Stretch) -> None:
            if block.place == campaign:
                begun.set()
                await counted.wait()
            await super().count(block, stretch)
            if block.place == WHERE:
                told.set()

    monkeypatch.setattr("services.aggregate.reader.topic_ids", lambda *_: {})
    begun, told, counted = asyncio.Event(), asyncio.Event(), asyncio.Event()
    campaign = Place(STREAMS["consumption-voucher"].topic, UUID(int=2), 0)
    one = reader(Held(), Assigned(), 0)
    one._owned[TopicPartition(campaign.topic, 0)] = Owned(campaign, 0, waiting=[Message(0, b"")])
    one._lane_of[campaign.topic].come.set()
    counting = asyncio.create_task(one._count_on.fun(one))  # type: ignore[attr-defined]
    moving = None
    try:
        async with asyncio.timeout(30):
            await begun.wait()
            await one._accept(fetched(0))
            await told.wait()
            moving = asyncio.create_task(one.own(Assignment(frozenset(), frozenset())))
            await ticks()
            assert one._owned
            assert not moving.done()
            counted.set()
            await moving
        assert not one._owned
    finally:
        counting.cancel()
        if moving is not None:
            moving.cancel()


async def test_what_it_does_not_own_is_left_alone() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 0)
    one._owned.clear()
    await take(one, fetched(0, 1))
    assert path.counted == []
