"""Membership: which partitions the consumer group has this worker count.

The group decides, nothing else: records come over another consumer (`reader.py`), which no rebalance stops.
aiokafka's group protocol takes every partition from every member whenever one comes or goes; its sticky
assignor gives nearly all of them back to whom they were taken from, and those are counted on meanwhile. Two
workers that count one partition for a moment do no harm: blocks are claimed.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from services.aggregate.pipeline import TOPICS
from services.aggregate.settings import AggregateSettings
from services.platform.errors import MinmaiError, Unavailable
from services.platform.kafka import member_of, stop_consumer
from services.platform.topics import AGGREGATE_GROUP, member_with_instance

log = logging.getLogger(__name__)

_MOMENT_MS = 500


class Replaced(MinmaiError):
    """Another worker has joined under the name of this one."""


@dataclass(frozen=True)
class Assignment:
    """What the group has this worker count.

    `kept`: those of them that nobody else can have counted since `change` last returned one.
    """

    partitions: frozenset[TopicPartition]
    kept: frozenset[TopicPartition]


class Membership:
    """A member of the group of all workers."""

    def __init__(self, settings: AggregateSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._member = ""
        self._generation: int | None = None
        self._rebalancing = True
        self._newest = Assignment(frozenset(), frozenset())
        self._held: frozenset[TopicPartition] = frozenset()
        self._changed = asyncio.Event()
        self._failure: Exception | None = None

    async def join(self) -> None:
        """Ask to be a member; `changes` tells when and with what."""
        settings = self._settings
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka,
            group_id=AGGREGATE_GROUP,
            client_id=f"minmai-aggregate-{socket.gethostname()}-{os.getpid()}",
            group_instance_id=settings.aggregate_instance or None,
            enable_auto_commit=False,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            rebalance_timeout_ms=settings.rebalance_timeout_ms,
            heartbeat_interval_ms=min(max(settings.session_timeout_ms // 6, 100), 1_000),
        )
        await self._consumer.start()
        self._consumer.subscribe(TOPICS, listener=_Listener(self))

    async def leave(self) -> None:
        """Leave the group; with an instance of its own, a worker only falls silent, to be back in time."""
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    async def change(self) -> Assignment:
        """Return the next assignment once there is one; of several that came meanwhile, the newest.

        Raises Replaced if another worker has taken this one's name.
        """
        await self._changed.wait()
        self._changed.clear()
        if self._failure is not None:
            raise self._failure
        self._held = self._newest.partitions
        return self._newest

    async def stay(self) -> None:
        """Show for a moment that the member lives; raises KafkaError for what the broker refuses for good."""
        assert self._consumer is not None
        await self._consumer.getmany(timeout_ms=_MOMENT_MS)  # all is paused: nothing is fetched

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Write down offsets for those who watch the lag; nothing of the aggregator's rests on them."""
        # To commit into another generation than the group's would cost the membership.
        if self._consumer is None or self._rebalancing:
            return
        mine = {one: offset for one, offset in offsets.items() if one in self._newest.partitions}
        if not mine:
            return
        try:
            await self._consumer.commit(mine)
        except KafkaError as error:
            log.warning(
                "offsets not committed (%s); nothing is lost, ClickHouse knows what is counted", error
            )

    async def rejoining(self) -> None:
        """Take note of a rebalance; fail if another member of the group has this worker's instance by now."""
        self._rebalancing = True
        instance = self._settings.aggregate_instance
        if not instance or self._generation is None:
            return
        try:
            member = await asyncio.to_thread(
                member_with_instance, self._settings.kafka, AGGREGATE_GROUP, instance
            )
        except Unavailable as error:
            log.warning("whether another worker is called %s cannot be told: %s", instance, error)
            return
        if member is not None and member != self._member:
            self._failure = Replaced(
                f"another worker has joined as {instance!r}, the name of this one, which ends: "
                "give each worker a MINMAI_AGGREGATE_INSTANCE of its own"
            )
            self._changed.set()
            # aiokafka would join again and take the place back; it lets nothing else than this through.
            raise asyncio.CancelledError

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Take note of a new assignment."""
        assert self._consumer is not None
        self._consumer.pause(*partitions)
        self._member, generation = member_of(self._consumer)
        # A generation that this worker missed may have had others count what it held, and gets again now.
        next_one = self._generation is not None and generation == self._generation + 1
        self._held = self._held & frozenset(partitions) if next_one else frozenset()
        self._newest = Assignment(frozenset(partitions), self._held)
        self._generation, self._rebalancing = generation, False
        self._changed.set()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types here
    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._membership.rejoining()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._membership.assigned(assigned)
