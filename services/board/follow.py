"""Reads the topic of changed figures from its end and hands every figure to the hub."""

import asyncio
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC
from services.board.hub import Hub
from services.platform.errors import Unavailable
from services.platform.topics import TopicState, describe

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_SILENCE_SECONDS = 5.0
_ANSWER_SECONDS = 3.0


class Follower:
    """One reader of `topic` for all pages; starts anew by itself whenever the broker is back."""

    def __init__(
        self, bootstrap: str, hub: Hub, *, topic: str = INDICATOR_TOPIC, unreadable: Callable[[], None]
    ) -> None:
        """`unreadable` is called for each record that is not a Figure."""
        self._bootstrap = bootstrap
        self._hub = hub
        self._topic = topic
        self._unreadable = unreadable

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except (Unavailable, KafkaError, OSError) as error:
                if self._hub.source.connected:
                    log.warning("the indicator topic is not read: %s", error)
                self._hub.lost(f"消息总线中断，数字暂停更新 · {error}")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        topic = await self._described()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="minmai-board",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
            retry_backoff_ms=500,
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(self._topic, number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            # The embedded broker answers the start of the last batch instead of the end. What it makes us
            # read again is not newer than the tables, so the pages ignore it; nothing is ever left out.
            for partition, end in (await consumer.end_offsets(partitions)).items():
                consumer.seek(partition, end)
            self._hub.connected()
            log.info("reading %s from its end", self._topic)
            while True:
                batches = await consumer.getmany(timeout_ms=int(_SILENCE_SECONDS * 1000))
                for record in (record for records in batches.values() for record in records):
                    self._deliver(record)
                # A fetch from a dead broker, or from a topic that was made again with lower offsets, is as
                # silent as one that has nothing new.
                if not batches and (await self._described()).id != topic.id:
                    log.warning("%s was made again: starting at its end", self._topic)
                    return
        finally:
            await _stop(consumer)

    async def _described(self) -> TopicState:
        def ask() -> TopicState | None:
            found = describe(self._bootstrap, [self._topic], timeout=_ANSWER_SECONDS)
            return found.get(self._topic)

        found = await asyncio.to_thread(ask)
        if found is None:
            raise Unavailable(f"there is no topic {self._topic}: `minmai topics create` makes it")
        return found

    def _deliver(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        if record.value is None:  # a tombstone: the figure is no longer declared
            return
        try:
            figure = Figure.model_validate_json(record.value)
        except ValidationError as error:
            log.warning(
                "%s/%d/%d is not a figure: %s", record.topic, record.partition, record.offset, error.errors()
            )
            self._unreadable()
            return
        self._hub.figure(figure, id=f"{record.partition}-{record.offset}")


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        # While a broker is away, aiokafka 0.14 lets the cancellation of its own fetch out of `stop`, before
        # it has closed its connections. Taken for ours, it would end the follower without a word.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await consumer._client.close()
