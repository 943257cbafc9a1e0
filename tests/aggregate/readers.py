"""A reader on stand-ins for the broker, the group and the path of a block."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from services.aggregate.blocks import Block, Place
from services.aggregate.owned import Owned
from services.aggregate.reader import Reader
from services.aggregate.settings import AggregateSettings
from services.aggregate.stretch import Stretch
from tests.aggregate.support import Message, place

WHERE = place("facility")
PARTITION = TopicPartition(WHERE.topic, 0)


@dataclass
class Path:
    """Notes what it is asked to read and count; claims are granted as wanted, or end at `agreed`."""

    agreed: int | None = None
    newest: Block | None = None
    counted: list[tuple[int, int, list[int]]] = field(default_factory=list)
    begun: list[tuple[int, int]] = field(default_factory=list)

    def read(self, _place: Place, messages: list[Message]) -> Stretch:
        if messages:
            self.begun.append((messages[0].offset, messages[-1].offset))
        return Stretch(messages)

    def forget(self, topics: Iterable[str]) -> None:
        assert WHERE.topic in topics
        self.counted.clear()

    async def claim(self, wanted: Block) -> Block:
        if self.newest is not None:
            return self.newest
        return Block(wanted.place, wanted.first, self.agreed if self.agreed is not None else wanted.last)

    async def count(self, block: Block, stretch: Stretch) -> None:
        self.counted.append((block.first, block.last, [message.offset for message in stretch.messages]))
        self.agreed = None


@dataclass
class Consumer:
    begins: int = 0
    sought: list[int] = field(default_factory=list)

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def pause(self, *partitions: TopicPartition) -> None:
        assert PARTITION not in partitions

    def resume(self, *partitions: TopicPartition) -> None:
        assert PARTITION not in partitions

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition == PARTITION
        self.sought.append(offset)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.begins)


def reader(
    path: Path, consumer: Consumer, position: int, block_records: int = 50_000, block_interval_ms: int = 200
) -> Reader:
    settings = AggregateSettings(block_records=block_records, block_interval_ms=block_interval_ms)
    one = Reader(settings, path, lambda _keeping: None)  # type: ignore[arg-type]
    one._consumer = consumer  # type: ignore[assignment]
    one._membership = Group()  # type: ignore[assignment]
    one._owned[PARTITION] = Owned(WHERE, position)
    return one


async def take(one: Reader, fetch: dict[TopicPartition, list[Any]]) -> None:
    await one._accept(fetch)
    await count_all(one)


async def count_all(one: Reader) -> None:
    """Count what has come, as long as there is a whole block of it."""
    while any(owned.waiting and not owned.is_short for owned in one._owned.values()):
        await one._move(one._lane_of[WHERE.topic])


def fetched(*offsets: int) -> dict[TopicPartition, list[Any]]:
    return {PARTITION: [Message(offset, b"") for offset in offsets]}


async def ticks() -> None:
    """Let everything that can go on do so."""
    for _ in range(100):
        await asyncio.sleep(0)


@dataclass
class Group:
    """A membership that only notes what it is told."""

    committed: dict[TopicPartition, int] = field(default_factory=dict)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed |= offsets


@dataclass
class Assigned(Consumer):
    """A consumer that notes what it is assigned."""

    partitions: set[TopicPartition] = field(default_factory=set)

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    def assignment(self) -> set[TopicPartition]:
        return self.partitions

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.partitions = set(partitions)
