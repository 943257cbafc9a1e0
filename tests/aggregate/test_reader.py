"""What the reader does with fetches that do not go on where it stands."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition

from schemas.streams import STREAMS
from services.aggregate.blocks import Block, Place
from services.aggregate.membership import Assignment, Membership
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


async def ticks() -> None:
    """Let everything that can go on do so."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_what_it_does_not_own_is_left_alone() -> None:
    path, consumer = Path(), Consumer()
    one = reader(path, consumer, 0)
    one._owned.clear()
    await take(one, fetched(0, 1))
    assert path.counted == []


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
