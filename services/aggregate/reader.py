"""Reading: a Faust service that hands whole fetches to the pipeline.

Faust's own consumer moves one event at a time, some 10,000 a second here; aiokafka's `getmany`, which lies
below it, some 350,000. So this service consumes with aiokafka itself, and Faust keeps what it is best at: the
life cycle, the pages, the producer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from mode import Service
from mode.utils.locks import Event

from schemas.streams import DEAD_LETTER_TOPIC
from services.aggregate import metrics
from services.aggregate.blocks import Block, Place
from services.aggregate.membership import Assignment, Membership
from services.aggregate.owned import Owned
from services.aggregate.pipeline import BY_TOPIC, LANES, TOPICS, BlockPath
from services.aggregate.progress import Standing
from services.aggregate.settings import AggregateSettings
from services.aggregate.stretch import Stretch
from services.platform.kafka import stop_consumer
from services.platform.offsets import Partition
from services.platform.topics import topic_ids

log = logging.getLogger(__name__)

KEEPER = TopicPartition(DEAD_LETTER_TOPIC, 0)
"""Whoever owns this partition keeps the figures: the group has one owner for it."""

_MANY = 5_000
"""Records of a fetch that tell of a backlog, if a block may have as many: it is fetched and read ahead."""
_AHEAD = 3
"""Blocks that may be in memory: one being counted, one being read, one being fetched."""

AUDIT_SECONDS = 1.0
"""How often receipts, refused pushes and dead letters are read: a block of them costs as much as any."""

_BREATH_SECONDS = 0.02
"""Between two fetches while no backlog waits. Longer, and a round begins with what came long before it."""

_REST = 0.25
"""A lane rests for so much of the time its round took, while no backlog waits: what else is counted and
refreshed on the same machine then waits less."""
_LONGEST_REST_SECONDS = 0.3
"""A round that waited for ClickHouse says nothing of what the next one costs."""
_ENOUGH_A_SECOND = 2_500
"""Where more come, a round begins before its time: it costs ClickHouse the same for one record as for 500."""


@dataclass
class Lane:
    """Topics whose partitions are counted round by round, beside the rounds of other lanes.

    `moving` is held while a round is under way, `come` set when something waits; `passed`: another worker has
    counted what was not seen here.
    """

    topics: frozenset[str]
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)
    come: Event = field(default_factory=Event)
    passed: bool = False


class Reader(Service):
    """Owns partitions and moves them forward, block by block; `keep` hears who keeps the figures."""

    def __init__(
        self, settings: AggregateSettings, path: BlockPath, keep: Callable[[bool], None], **options: Any
    ) -> None:
        super().__init__(**options)
        self._settings = settings
        self._many = min(_MANY, settings.block_records)
        self._path = path
        self._keep = keep
        self._membership = Membership(settings)
        self._owned: dict[TopicPartition, Owned] = {}
        self._lanes = [Lane(topics) for topics in LANES]
        self._lane_of = {topic: lane for lane in self._lanes for topic in lane.topics}
        self._freed = Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._audit_again_at = 0.0
        self.joined = False
        self.behind = False

    async def on_start(self) -> None:
        """Join the consumer group."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka,
            client_id="minmai-aggregate",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Some 19,000 vouchers. Small fetches are small blocks, and each block has its price; a large one
            # is in memory three times while it comes in.
            max_partition_fetch_bytes=8 << 20,
            fetch_max_wait_ms=20,  # the embedded broker lets a waiting fetch sleep through what comes in
        )
        await self._consumer.start()
        self._consumer.assign([])
        await self._membership.join()

    async def on_stop(self) -> None:
        """Leave the group, after the blocks in hand."""
        async with self._standing_still():
            for owned in self._owned.values():
                owned.drop_ahead()
            await self._membership.leave()
            if self._consumer is not None:
                await stop_consumer(self._consumer)

    @asynccontextmanager
    async def _standing_still(self) -> AsyncIterator[None]:
        """Hold every lane between two rounds."""
        async with AsyncExitStack() as held:
            for lane in self._lanes:
                await held.enter_async_context(lane.moving)
            yield

    @property
    def alone(self) -> bool:
        """Whether this worker owns every partition."""
        known = (
            [self._consumer.partitions_for_topic(topic) or () for topic in TOPICS] if self._consumer else []
        )
        return all(known) and sum(map(len, known)) == len(self._owned)

    def standings(self) -> dict[Partition, Standing]:
        """Return how far each partition has been counted, and up to where it is fetched; from any thread."""
        return {
            (partition.topic, partition.partition): Standing(owned.position, owned.wanted)
            for partition, owned in list(self._owned.items())
        }

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            await self.own(await self._membership.change())

    @Service.task
    async def _stay(self) -> None:
        while not self.should_stop:
            await self._membership.stay()

    @Service.task
    async def _fetch(self) -> None:
        """Fetch what is new; of a backlog also what comes after the blocks in hand."""
        consumer = self._consumer
        assert consumer is not None
        while not self.should_stop:
            self._freed.clear()
            room = _AHEAD * self._settings.block_records - sum(
                len(one.waiting) for one in self._owned.values()
            )
            due = self._due(self.loop.time())
            if room <= 0:  # a block that another worker has claimed may be larger than any of ours
                due = [one for one in due if self._owned[one].is_short]
            found = 0
            if due or room > 0:
                most = min(max(room, self._many), self._settings.block_records)
                fetched = await consumer.getmany(*due, timeout_ms=500, max_records=most)
                found = await self._accept(fetched)
            if not (due or room > 0):
                await self.wait(self._freed)
            elif 0 < found < self._many:
                await self.sleep(_BREATH_SECONDS)

    @Service.task
    async def _count_on(self) -> None:
        """Count what has come, in every lane at its own pace."""
        lanes = [asyncio.ensure_future(self._rounds(lane)) for lane in self._lanes]
        try:
            await asyncio.gather(*lanes)
        finally:
            for one in lanes:
                one.cancel()

    async def _rounds(self, lane: Lane) -> None:
        """Count what has come in a lane, round by round: one block of each partition."""
        while not self.should_stop:
            await self.wait(lane.come)
            async with lane.moving:
                if self.should_stop:
                    return
                began = self.loop.time()
                lane.come.clear()
                await self._move(lane)
                self._freed.set()
            waiting = [one for one in self._owned.values() if one.waiting and not one.is_short]
            self.behind = sum(len(one.waiting) for one in waiting) >= self._many
            if any(one.place.topic in lane.topics for one in waiting):
                lane.come.set()
            if not self.behind:
                now = self.loop.time()
                await self.sleep(min(_REST * (now - began), _LONGEST_REST_SECONDS))
                await self._gather(lane, began + self._settings.block_interval_ms / 1000)

    async def _gather(self, lane: Lane, until: float) -> None:
        """Let records come in up to a moment, or until they are enough for a round."""
        enough = min(self._many, _ENOUGH_A_SECOND * self._settings.block_interval_ms / 1000)
        while (left := until - self.loop.time()) > 0 and not self.should_stop:
            come = (len(one.waiting) for one in self._owned.values() if one.place.topic in lane.topics)
            if sum(come) >= enough:
                return
            await self.sleep(min(left, _BREATH_SECONDS))

    def _due(self, now: float) -> list[TopicPartition]:
        """Return the partitions to read: the audit changes no figure, and is read in a slower step.

        Between its steps it is not fetched either: what lies in the client unread holds up its next fetch.
        """
        assert self._consumer is not None
        streams = [one for one in self._owned if one.topic in BY_TOPIC]
        audit = [one for one in self._consumer.assignment() if one.topic not in BY_TOPIC]
        if streams and now < self._audit_again_at:
            self._consumer.pause(*audit)
            return streams
        self._audit_again_at = now + AUDIT_SECONDS
        self._consumer.resume(*audit)
        return list(self._owned)

    async def _accept(self, fetched: dict[TopicPartition, list[Any]]) -> int:
        """Take in what a fetch brought; returns how many records of it are to be counted."""
        assert self._consumer is not None
        found = 0
        for partition, messages in fetched.items():
            owned = self._owned.get(partition)
            if owned is None:
                continue
            wanted = owned.wanted
            new = [message for message in messages if message.offset >= wanted]
            if new and new[0].offset > wanted and not await self._has_gap(partition, owned, new[0].offset):
                # Fetched before partitions moved: the owner has begun anew at an earlier offset since.
                self._consumer.seek(partition, owned.wanted)
                owned.sought = owned.wanted
                continue
            if self._owned.get(partition) is not owned or owned.wanted != wanted:
                continue  # it has moved while the broker was asked, and what it wants now is fetched again
            owned.waiting.extend(new)
            found += len(new)
            if new:
                self._lane_of[partition.topic].come.set()
        return found

    async def _move(self, lane: Lane) -> None:
        """Count the next block of each partition of a lane."""
        moved = [one for one in self._owned.values() if one.waiting and one.place.topic in lane.topics]
        if lane.passed:  # what others have counted since has not been seen here
            self._path.forget(lane.topics)
            lane.passed = False
        await asyncio.gather(*(self._advance(owned) for owned in moved))
        offsets = {TopicPartition(one.place.topic, one.place.partition): one.position for one in moved}
        await self._membership.commit(offsets)

    async def _has_gap(self, partition: TopicPartition, owned: Owned, found: int) -> bool:
        """Whether nothing lies between the wanted offset and the one found."""
        wanted = owned.wanted
        if owned.sought == wanted:  # fetched from there, and this is what comes next
            log.warning(
                "%s/%d has no records %d to %d, as where a write failed half-way: going on after them",
                *(partition.topic, partition.partition, wanted, found - 1),
            )
            return True
        return await self._deleted(partition, wanted)

    async def _deleted(self, partition: TopicPartition, wanted: int) -> bool:
        """Whether the broker no longer has a record that has not been counted."""
        assert self._consumer is not None
        begins = (await self._consumer.beginning_offsets([partition]))[partition]
        if begins > wanted:
            log.error(
                "%s/%d: the broker has deleted records %d to %d before they were counted; "
                "keep the topics longer, or run more aggregators",
                *(partition.topic, partition.partition, wanted, begins - 1),
            )
        return bool(begins > wanted)

    async def _advance(self, owned: Owned) -> None:
        """Count the next block, if all of it is here; what has been fetched after it is read meanwhile."""
        most = self._settings.block_records
        if owned.agreed is None:
            owned.ahead = owned.ahead or self._path.read(owned.place, owned.waiting[:most])
            agreed = await self._path.claim(Block(owned.place, owned.position, owned.ahead.last))
            if agreed.first != owned.position:
                self._begin_anew(owned, agreed)
                return
            owned.agreed = agreed.last
        if owned.is_short:
            return
        stretch, owned.ahead = owned.ahead, None
        if stretch is None or stretch.last != owned.agreed:
            inside = [message for message in owned.waiting if message.offset <= owned.agreed]
            stretch = self._path.read(owned.place, inside)
        after = owned.waiting[len(stretch.messages) :][:most]
        if len(after) >= self._many:
            owned.ahead = self._path.read(owned.place, after)
        await self._count(owned, stretch, owned.agreed)

    def _begin_anew(self, owned: Owned, newest: Block) -> None:
        """Leave what others have counted meanwhile, and go on from the newest claim, as a new owner does."""
        assert self._consumer is not None
        partition = TopicPartition(owned.place.topic, owned.place.partition)
        log.warning(
            "%s/%d has been counted by another worker from %d up to %d: going on from there",
            *(partition.topic, partition.partition, owned.position, newest.first),
        )
        self._lane_of[owned.place.topic].passed = True
        owned.drop_ahead()
        owned.position, owned.agreed, owned.waiting, owned.begun = newest.first, newest.last, [], True
        owned.sought = None
        self._consumer.seek(partition, owned.position)

    async def _count(self, owned: Owned, stretch: Stretch, last: int) -> None:
        inside = stretch.messages
        written_at = _written_at(inside[0]) if inside and not owned.begun else None
        with metrics.BLOCK_SECONDS.time():
            await self._path.count(Block(owned.place, owned.position, last, written_at), stretch)
        metrics.BLOCK_RECORDS.observe(len(inside))
        owned.waiting = owned.waiting[len(inside) :]
        owned.position, owned.agreed, owned.begun = last + 1, None, False
        partition = TopicPartition(owned.place.topic, owned.place.partition)
        metrics.LAG.counted(partition, owned.position, inside[-1].timestamp / 1000 if inside else None)

    async def own(self, assignment: Assignment) -> None:
        """Count these partitions and no others from now on: new ones from their newest claimed block."""
        consumer = self._consumer
        assert consumer is not None
        async with self._standing_still():
            if self.should_stop:
                return
            # Asked anew: a broker whose log is in memory begins another life without this worker's ending.
            topics = {partition.topic for partition in assignment.partitions}
            self._path.forget(TOPICS)
            ids = await asyncio.to_thread(topic_ids, self._settings.kafka, topics)
            kept = {
                partition: owned
                for partition, owned in self._owned.items()
                if partition in assignment.kept and owned.place.topic_id == ids[partition.topic]
            }
            for partition in self._owned.keys() - kept.keys():
                metrics.LAG.disown(partition)
                self._owned[partition].drop_ahead()
            self._owned = dict(kept)
            self._freed.set()
            if KEEPER not in kept:
                self._keep(False)
            new = assignment.partitions - kept.keys()
            for topic in {partition.topic for partition in new}:
                await self._path.complete_former(topic, ids[topic])
            for partition in new:
                place = Place(partition.topic, ids[partition.topic], partition.partition)
                begun = await self._path.newest_claim(place)
                owned = Owned(place, begun.first, begun.last, begun=True) if begun else Owned(place, 0)
                self._owned[partition] = owned
                metrics.LAG.own(partition, owned.position)
            if self._owned.keys() != kept.keys() or self._owned.keys() != consumer.assignment():
                consumer.assign(list(self._owned))
                for partition, owned in self._owned.items():
                    consumer.seek(partition, owned.wanted)
            if KEEPER in self._owned and KEEPER not in kept:
                self._keep(True)
            self.joined = True
            metrics.PARTITIONS.set(len(self._owned))
            log.info("counts %d partitions, %d of them as before", len(self._owned), len(kept))
            await self._membership.commit({partition: owned.position for partition, owned in kept.items()})


def _written_at(message: Any) -> datetime:
    return datetime.fromtimestamp(message.timestamp / 1000, UTC)
