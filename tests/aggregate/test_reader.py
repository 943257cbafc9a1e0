"""What the reader does with fetches that do not go on where it stands."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.aggregate.blocks import Block
from services.aggregate.reader import Owned, Reader
from services.aggregate.settings import AggregateSettings
from tests.aggregate.support import Message, place

WHERE = place("facility")
PARTITION = TopicPartition(WHERE.topic, 0)


@dataclass
class Path:
    """Notes the blocks it is asked to count; claims are granted as wanted, or end at `agreed`."""

    agreed: int | None = None
    newest: Block | None = None
    counted: list[tuple[int, int, list[int]]] = field(default_factory=list)

    def forget(self) -> None:
        self.counted.clear()

    async def claim(self, wanted: Block) -> Block:
        if self.newest is not None:
            return self.newest
        return Block(wanted.place, wanted.first, self.agreed if self.agreed is not None else wanted.last)

    async def count(self, block: Block, messages: list[Message]) -> None:
        self.counted.append((block.first, block.last, [message.offset for message in messages]))
        self.agreed = None


@dataclass
class Consumer:
    begins: int = 0
    sought: list[int] = field(default_factory=list)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition == PARTITION
        self.sought.append(offset)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.begins)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        pass


def reader(path: Path, consumer: Consumer, position: int) -> Reader:
    one = Reader(AggregateSettings(), path, lambda _keeping: None)  # type: ignore[arg-type]
    one._consumer = consumer  # type: ignore[assignment]
    one._owned[PARTITION] = Owned(WHERE, position)
    return one


async def take(one: Reader, fetch: dict[TopicPartition, list[Any]]) -> None:
    await one._move(await one._accept(fetch))


def fetched(*offsets: int) -> dict[TopicPartition, list[Any]]:
    return {PARTITION: [Message(offset, b"") for offset in offsets]}


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
    moved = [*await one._accept(fetched(10, 11)), *await one._accept(fetched(12, 13))]
    await one._move(moved)
    assert path.counted == [(10, 13, [10, 11, 12, 13])]
    moved = await one._accept(fetched(14))
    one._owned.clear()
    await one._move(moved)
    assert len(path.counted) == 1


async def test_what_it_does_not_own_is_left_alone() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 0)
    one._owned.clear()
    await take(one, fetched(0, 1))
    assert path.counted == []


async def test_it_stops_in_the_middle_of_a_rebalance() -> None:
    one = reader(Path(), Consumer(), 0)

    class Client:
        async def close(self) -> None:
            pass

    class Rebalancing(Consumer):
        _client = Client()

        async def stop(self) -> None:
            """As aiokafka does: what gives the partitions up is waited for."""
            await one.disown([PARTITION])

    one._consumer = Rebalancing()  # type: ignore[assignment]
    stopped, _still = await asyncio.wait({asyncio.create_task(one.on_stop())}, timeout=10)
    assert stopped
    assert not one._owned
