"""One agency's topic: read a bounded number, forward, commit; again and again.

Offsets are committed only when the broker has acknowledged what was forwarded, so a crash repeats records
and loses none. Whatever was in doubt is read again from the committed offset rather than from memory: an
offset of a topic's former life must never be committed to its present one.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.streams import feed_topic
from services.ingest.agencies import Agency
from services.ingest.check import Check, Checked, Push, Refused
from services.ingest.faults import Problem, Refusal, shown
from services.ingest.feeds.breaker import NEWEST, Breaker, Trip
from services.ingest.feeds.names import feed_group, feed_topics
from services.ingest.receipts import Origin, Taking
from services.ingest.records import Record, from_json
from services.platform.bucket import Bucket
from services.platform.errors import Unavailable
from services.platform.kafka import stop_consumer
from services.platform.topics import copies, ensure_topics, topic_ids

log = logging.getLogger(__name__)

RECEIPT_SECONDS = 60.0
_RECEIPT_RECORDS = 20_000
"""A receipt remembers the identities it has had: so it ends before its minute when very much comes."""
_AT_ONCE = NEWEST
"""No more is forwarded before the breaker has looked, and pushes over HTTP have had their turn."""
_RETRY_SECONDS = 1.0
_COMMIT_SECONDS = 10.0
_SILENCE_SECONDS = 3.0
_DOUBT_SECONDS = 30.0


class Pipeline(Protocol):
    """What is needed of `services.ingest.pipeline.Pipeline`."""

    async def add(
        self, taking: Taking, records: Sequence[Record], check: Check, *, last: bool = False
    ) -> Sequence[Refused]: ...


class Reader:
    """Reads one feed until it is cancelled or its breaker trips."""

    def __init__(
        self,
        bootstrap: str,
        agency: Callable[[], Agency | None],
        name: str,
        pipeline: Pipeline,
        check: Check,
        *,
        pace: float,
    ) -> None:
        """`agency` gives the agency of this name as it may push now; `check`: that of an event; `pace`: at
        most so many records a second.
        """
        self.trouble = "connecting to the broker"
        """Why it does not read now; empty if it does."""
        self._bootstrap = bootstrap
        self._agency = agency
        self._topic = feed_topic(name)
        self._name = name
        self._pipeline = pipeline
        self._check = events_only(check)
        self._breaker = Breaker()
        self._bucket = Bucket(pace, _AT_ONCE, asyncio.get_running_loop().time())
        self._taking: Taking | None = None
        self._began = 0.0

    async def run(self) -> Trip:
        """Read; return why the feed is to be stopped. What was not forwarded then is not committed."""
        while True:
            try:
                if (trip := await self._follow()) is not None:
                    return trip
            except (Unavailable, Problem, KafkaError, OSError) as error:
                reason = str(error) or type(error).__name__
                if reason != self.trouble:
                    log.warning("the feed of %s is not read: %s", self._name, reason)
                self.trouble = reason
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> Trip | None:
        """Return None when the topic has been made again."""
        life = await asyncio.to_thread(self._life)
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._bootstrap,
            group_id=feed_group(self._name, life),
            client_id="minmai-ingest-feeds",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,  # the embedded broker lets a waiting fetch sleep through what comes in
            session_timeout_ms=6_000,  # the embedded broker lets a group wait half of it for a new member
            rebalance_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=3_600_000,  # a broker that does not take records is no reason to rebalance
            request_timeout_ms=10_000,
            retry_backoff_ms=500,
        )
        try:
            await consumer.start()
            self.trouble = ""
            log.info("reading the feed of %s", self._name)
            return await self._read(consumer, life)
        finally:
            await stop_consumer(consumer)

    async def _read(self, consumer: AIOKafkaConsumer, life: UUID) -> Trip | None:
        time = asyncio.get_running_loop().time
        sure = time()
        while True:
            await asyncio.sleep(self._bucket.wait(time(), 0))  # what waits on a topic need not be refused
            fetched = await consumer.getmany(timeout_ms=int(_SILENCE_SECONDS * 1000), max_records=_AT_ONCE)
            for partition, messages in fetched.items():
                refused = await self._forward(messages)
                self._bucket.take(len(messages))  # what is not forwarded comes again
                await self._commit(consumer, {partition: messages[-1].offset + 1})
                if (trip := self._breaker.look(len(messages), refused)) is not None:
                    return trip
            # A broker that is away, or has begun anew at lower offsets, is as silent as a feed without news.
            if not fetched or time() - sure > _DOUBT_SECONDS:
                if await asyncio.to_thread(self._life) != life:
                    log.warning("%s was made again: beginning anew", self._topic)
                    return None
                sure = time()

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        # aiokafka tries for ever while the topic is gone, and nobody but this reader makes it again.
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await consumer.commit(offsets)
        except TimeoutError:
            raise Unavailable(f"no offset of {self._topic} can be committed") from None

    async def _forward(self, messages: Sequence[Any]) -> Sequence[Refused]:
        """Return what was refused. Raises Problem 503 when the broker does not take the rest."""
        agency = self._agency()
        if agency is None:
            raise Unavailable(f"{self._name} may no longer feed")
        taking = self._receipt(agency)
        begin = taking.counts.received
        records = [record_of(begin + number, one.value or b"") for number, one in enumerate(messages)]
        # The receipt goes out with every part: one that is written again replaces itself, and a crash
        # leaves no record without its receipt.
        return await self._pipeline.add(taking, records, self._check, last=True)

    def _receipt(self, agency: Agency) -> Taking:
        now = asyncio.get_running_loop().time()
        taking = self._taking
        over = now - self._began > RECEIPT_SECONDS
        if taking is None or over or taking.counts.received >= _RECEIPT_RECORDS or taking.agency != agency:
            if taking is not None:
                log_receipt(taking)
            taking = self._taking = Taking(agency, Origin("feed", "", self._topic))
            self._began = now
        taking.push = replace(taking.push, received=datetime.now(UTC))  # each part came when it came
        return taking

    def _life(self) -> UUID:
        ids = topic_ids(self._bootstrap, [self._topic])
        if self._topic not in ids:
            ensure_topics(
                self._bootstrap, replication=copies(self._bootstrap), topics=feed_topics([self._name])
            )
            ids = topic_ids(self._bootstrap, [self._topic])
        return ids[self._topic]


def record_of(index: int, raw: bytes) -> Record:
    """Return the record that a message is: one event a message."""
    if not raw.strip():
        text = "消息没有内容 · the message is empty"
        return Record(index, raw, Refusal("not_json", text))
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        text = "一条消息只能有一个事件，不能是数组 · one event a message, not an array"
        return Record(index, raw, Refusal("not_object", text))
    [record] = from_json(raw)
    return Record(index, raw, record.content)


def events_only(check: Check) -> Check:
    """Return the check that refuses one record where the given one refuses a whole push."""

    def checked(push: Push, record: Record) -> Checked | Refused:
        try:
            [found] = check(push, [record])
        except Problem as problem:
            content = record.content if isinstance(record.content, dict) else {}
            refusal = Refusal(problem.code, problem.message, "type")
            return Refused(record, "", shown(content.get("id", "")), refusal)
        return found

    return lambda push, records: [checked(push, record) for record in records]


def log_receipt(taking: Taking) -> None:
    """Log the line of a minute."""
    one = taking.counts
    log.info(
        "receipt %s, feed of %s: %d received, %d accepted, %d duplicate, %d rejected",
        *(taking.push.receipt, taking.agency.name),
        *(one.received, one.accepted, one.duplicate, one.rejected),
    )
