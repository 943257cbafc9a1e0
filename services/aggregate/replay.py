"""Replaying a topic: records that its log table has lost are put on it again, and counted like any other.

The workers own the partitions and go on; nothing of theirs is moved back. A record goes to the partition it
came from, as it came, so whatever holds of records holds of it: its identity makes it count once, its receipt
and the time it was received stay. What the log has, and what was refused as a conflict, is not sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.streams import STREAMS, Stream
from services.aggregate.blocks import Place
from services.aggregate.records import decode, uuids
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.kafka import stop_consumer
from services.platform.through import counted_through
from services.platform.topics import topic_ids

_BATCH = 10_000
_NAMED = 2_000
"""Identities named in one statement: its length has a limit."""
_EVER = 1 << 64
_PAUSE_SECONDS = 0.2


class _Record(NamedTuple):
    """A record on a partition."""

    offset: int
    identity: UUID
    fingerprint: UUID


@dataclass
class Replayed:
    """What a replay of one stream found: messages read, and the records its log has lost."""

    read: int = 0
    lost: list[UUID] = field(default_factory=list)


def restore_identities(clickhouse: ClickHouse) -> None:
    """Write down again the identities of counted records that `record_identity` has lost.

    Harmless at any time: of several rows of one identity the first counts, and they say the same.
    """
    for stream in STREAMS.values():
        clickhouse.query(
            "INSERT INTO record_identity (stream, identity, fingerprint, topic_id, partition, offset)"
            " SELECT %(stream)s, identity, fingerprint, topic_id, partition, offset"
            f" FROM {stream.log_table} WHERE identity NOT IN"
            " (SELECT identity FROM record_identity WHERE stream = %(stream)s)",
            {"stream": stream.name},
        )


@dataclass(frozen=True)
class Replay:
    """Sends again what topics have had since a moment and the logs have lost; in a dry run only looks."""

    clickhouse: ClickHouse
    kafka: str
    since: datetime
    _: KW_ONLY
    dry_run: bool

    async def of(self, streams: Collection[Stream]) -> dict[str, Replayed]:
        """Return what was found, by stream, when the broker has acknowledged all that was sent.

        Repeatable. Raises Unavailable while a neighbour is away.
        """
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all")
        try:
            await producer.start()
            return {stream.name: await self._of(stream, producer) for stream in streams}
        except KafkaError as error:
            raise Unavailable(f"the Kafka broker at {self.kafka} cannot do this now: {error!r}") from error
        finally:
            await producer.stop()

    async def _of(self, stream: Stream, producer: AIOKafkaProducer) -> Replayed:
        found, known = Replayed(), set[UUID]()
        ids = await asyncio.to_thread(topic_ids, self.kafka, [stream.topic])
        through = await asyncio.to_thread(counted_through, self.clickhouse, [stream.topic])
        limits = {one.partition: one.limit for one in through if one.topic_id == ids.get(stream.topic)}
        if not limits:
            return found
        async for partition, messages in _messages(self.kafka, stream.topic, limits, self.since):
            found.read += len(messages)
            place = Place(stream.topic, ids[stream.topic], partition)
            records, _strange = await asyncio.to_thread(decode, stream, place, messages)
            new = []
            offsets = records.columns["offset"].numbers.tolist()
            named = zip(offsets, uuids(records.identity), uuids(records.fingerprint), strict=True)
            for record in map(_Record._make, named):  # what follows it is a copy, or a conflict with it
                if record.identity not in known:
                    known.add(record.identity)
                    new.append(record)
            lost = await asyncio.to_thread(_lost, self.clickhouse, stream, new, dry_run=self.dry_run)
            found.lost += [record.identity for record in lost]
            if not self.dry_run:
                again = {record.offset for record in lost}
                await _send(producer, partition, [one for one in messages if one.offset in again])
        return found


async def _send(producer: AIOKafkaProducer, partition: int, messages: Sequence[Any]) -> None:
    sent = [
        await producer.send(one.topic, one.value, key=one.key, partition=partition, headers=list(one.headers))
        for one in messages
    ]
    for acknowledged in sent:
        await acknowledged


def wait_until_counted(clickhouse: ClickHouse, found: Mapping[str, Replayed]) -> None:
    """Return when every record that was sent again lies in its log."""
    for stream, one in found.items():
        for names in _cut(one.lost):
            while len(_in_log(clickhouse, STREAMS[stream], names)) < len(names):
                time.sleep(_PAUSE_SECONDS)


async def _messages(
    kafka: str, topic: str, limits: Mapping[int, int], since: datetime
) -> AsyncIterator[tuple[int, list[Any]]]:
    """Yield the messages of each partition from a moment up to its limit, in order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = {TopicPartition(topic, number): limit for number, limit in limits.items()}
        consumer.assign(list(partitions))
        moment = int(since.timestamp() * 1000)
        begins = await consumer.offsets_for_times(dict.fromkeys(partitions, moment))
        for partition, limit in partitions.items():
            begin = begins[partition]
            if begin is None or begin.offset >= limit:
                continue
            consumer.seek(partition, begin.offset)
            while await consumer.position(partition) < limit:
                fetched = await consumer.getmany(partition, timeout_ms=1000, max_records=_BATCH)
                messages = [one for one in fetched.get(partition, []) if one.offset < limit]
                if messages:
                    yield partition.partition, messages
    finally:
        await stop_consumer(consumer)


def _lost(
    clickhouse: ClickHouse, stream: Stream, records: Sequence[_Record], *, dry_run: bool
) -> list[_Record]:
    """Return the records that count and that the log has not; their identities are made free to be counted.

    An identity of a block in flight is left alone: its log row is on the way.
    """
    if not records:
        return []
    places = counted_through(clickhouse, [stream.topic])
    limits = {(one.topic_id, one.partition): one.limit for one in places}
    names = [record.identity for record in records]
    held = _held(clickhouse, stream, names)
    there = _in_log(clickhouse, stream, names)  # after the identities: what they say of a block done is in it
    lost, left = [], []
    for record in records:
        first = min(held.get(record.identity, ()), key=lambda one: one.offset, default=None)
        if record.identity in there or (first and first.fingerprint != record.fingerprint):
            continue
        if any(
            one.offset >= limits.get((one.topic_id, one.partition), _EVER)
            for one in held.get(record.identity, ())
        ):
            continue
        lost.append(record)
        if first:
            left.append(record.identity)
    if not dry_run:
        for some in _cut(left, _NAMED):  # else they would pass for duplicates of what the log had
            clickhouse.query(
                "DELETE FROM record_identity WHERE stream = %(stream)s AND identity IN %(left)s",
                {"stream": stream.name, "left": tuple(some)},
            )
    return lost


class _Held(NamedTuple):
    """A row of `record_identity`."""

    fingerprint: UUID
    topic_id: UUID
    partition: int
    offset: int


def _held(clickhouse: ClickHouse, stream: Stream, names: Sequence[UUID]) -> dict[UUID, list[_Held]]:
    found: dict[UUID, list[_Held]] = {}
    for name, *row in clickhouse.query(
        "SELECT identity, fingerprint, topic_id, partition, offset FROM record_identity"
        " WHERE stream = %(stream)s AND identity IN (SELECT name FROM names)",
        {"stream": stream.name},
        given={"names": {"name UUID": list(names)}},
    ):
        found.setdefault(name, []).append(_Held(*row))
    return found


def _in_log(clickhouse: ClickHouse, stream: Stream, names: Sequence[UUID]) -> set[UUID]:
    rows = clickhouse.query(
        f"SELECT identity FROM {stream.log_table} WHERE identity IN (SELECT name FROM names)",
        given={"names": {"name UUID": list(names)}},
    )
    return {name for (name,) in rows}


def _cut(names: Sequence[UUID], size: int = _BATCH) -> Iterator[Sequence[UUID]]:
    for begin in range(0, len(names), size):
        yield names[begin : begin + size]
