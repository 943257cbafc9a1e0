"""What a rebalance gives: what is counted on, and what begins anew at its claim."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition

from services.aggregate.blocks import Block, Place
from services.aggregate.membership import Assignment, Membership
from services.aggregate.reader import Reader
from services.aggregate.settings import AggregateSettings
from services.aggregate.stretch import Stretch
from tests.aggregate.readers import (
    PARTITION,
    WHERE,
    Assigned,
    Group,
    take,
)
from tests.aggregate.support import Message


@dataclass
class Given:
    """A reader that is given partitions: what it does, and what it says of keeping the figures."""

    claims: dict[int, Block]
    consumer: Assigned = field(default_factory=Assigned)
    keeps: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = Reader(AggregateSettings(), self, self.keeps.append)  # type: ignore[arg-type]
        self.reader._consumer = self.consumer  # type: ignore[assignment]
        self.reader._membership = Group()  # type: ignore[assignment]

    def forget(self, topics: Iterable[str]) -> None:
        pass

    async def complete_former(self, _topic: str, _topic_id: UUID) -> None:
        pass

    async def newest_claim(self, place: Place) -> Block | None:
        return self.claims.get(place.partition)

    async def claim(self, wanted: Block) -> Block:
        return wanted

    def read(self, _place: Place, messages: list[Message]) -> Stretch:
        return Stretch(messages)

    async def count(self, block: Block, stretch: Stretch) -> None:
        pass

    async def give(self, *numbers: int, kept: Iterable[int] | None = None) -> None:
        """Assign partitions; `kept`: those nobody else can have counted, by default those it has."""
        held = self.positions() if kept is None else kept
        partitions = [TopicPartition(WHERE.topic, number) for number in numbers]
        await self.reader.own(
            Assignment(frozenset(partitions), frozenset(one for one in partitions if one.partition in held))
        )

    def positions(self) -> dict[int, int]:
        return {number: one.position for (_topic, number), one in self.reader.standings().items()}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    monkeypatch.setattr("services.aggregate.reader.topic_ids", lambda *_: {WHERE.topic: WHERE.topic_id})
    monkeypatch.setattr("services.aggregate.reader.KEEPER", TopicPartition(WHERE.topic, 0))
    return Given({number: Block(WHERE, 10 * number, 10 * number + 9) for number in (1, 2)})


async def test_what_stays_is_counted_on_from_where_it_is_and_what_comes_begins_at_its_claim(
    given: Given,
) -> None:
    await given.give(0, 1)
    assert given.positions() == {0: 0, 1: 10}
    await take(given.reader, {PARTITION: [Message(0, b""), Message(1, b"")]})
    given.consumer.sought.clear()
    await given.give(0, 2)
    assert given.positions() == {0: 2, 2: 20}
    assert sorted(given.consumer.sought) == [2, 20]
    assert given.keeps == [False, True], "the figures stay with it too"
    given.consumer.sought.clear()
    await given.give(0, 2)
    assert given.consumer.sought == [], "where nothing changes nothing is fetched again"
    await given.give()
    assert given.keeps == [False, True, False]
    assert given.positions() == {}
    assert given.consumer.partitions == set()


async def test_after_an_assignment_that_it_missed_it_begins_everything_anew(given: Given) -> None:
    """Another worker may have counted on, and kept the figures, meanwhile."""
    await given.give(0)
    await take(given.reader, {PARTITION: [Message(0, b""), Message(1, b"")]})
    given.claims[0] = Block(WHERE, 90, 99)
    await given.give(0, kept=())
    assert given.positions() == {0: 90}
    assert given.keeps == [False, True, False, True]


async def test_in_another_life_of_the_broker_it_begins_everything_anew(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    await given.give(0)
    await take(given.reader, {PARTITION: [Message(0, b""), Message(1, b"")]})
    monkeypatch.setattr("services.aggregate.reader.topic_ids", lambda *_: {WHERE.topic: uuid4()})
    await given.give(0)
    assert given.positions() == {0: 0}
    assert given.keeps == [False, True, False, True]


class Member:
    """aiokafka's consumer, as far as a membership looks at it."""

    def __init__(self) -> None:
        self.committed: dict[TopicPartition, int] = {}

    def pause(self, *partitions: TopicPartition) -> None:
        pass

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed |= offsets


@pytest.fixture
def membership(monkeypatch: pytest.MonkeyPatch) -> tuple[Membership, Callable[..., None]]:
    """A membership, and what tells it of a generation of the group."""
    one = Membership(AggregateSettings())
    one._consumer = Member()  # type: ignore[assignment]

    def told(generation: int, *numbers: int) -> None:
        monkeypatch.setattr("services.aggregate.membership.member_of", lambda _: ("me", generation))
        one.assigned([TopicPartition(WHERE.topic, number) for number in numbers])

    return one, told


def kept(assignment: Assignment) -> set[int]:
    return {one.partition for one in assignment.kept}


async def test_a_partition_is_kept_only_from_one_generation_to_the_next(
    membership: tuple[Membership, Callable[..., None]],
) -> None:
    one, told = membership
    told(4, 0, 1, 2)
    assert kept(await one.change()) == set()
    told(5, 1, 2, 3)
    assert kept(await one.change()) == {1, 2}
    told(7, 1, 2, 3)
    assert kept(await one.change()) == set(), "generation 6 may have had others count them"


async def test_what_it_lost_and_got_again_before_it_looked_is_not_kept(
    membership: tuple[Membership, Callable[..., None]],
) -> None:
    one, told = membership
    told(4, 0, 1, 2)
    await one.change()
    told(5, 0, 1)
    told(6, 0, 1, 2)
    seen = await one.change()
    assert {each.partition for each in seen.partitions} == {0, 1, 2}
    assert kept(seen) == {0, 1}


async def test_nothing_is_committed_while_the_group_is_rebalanced_nor_what_another_has(
    membership: tuple[Membership, Callable[..., None]],
) -> None:
    one, told = membership
    member: Any = one._consumer
    other = TopicPartition(WHERE.topic, 1)
    told(4, 0)
    await one.commit({PARTITION: 7, other: 9})
    assert member.committed == {PARTITION: 7}
    await one.rejoining()
    await one.commit({PARTITION: 8})
    assert member.committed == {PARTITION: 7}
    told(5, 0)
    await one.commit({PARTITION: 8})
    assert member.committed == {PARTITION: 8}
