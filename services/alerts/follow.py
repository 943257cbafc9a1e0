"""Follows the figures: all of them as they stand at first, then every change, with no gap between.

A figure is in `indicator_live` before it is on the topic. So: note where the topic ends, read the table, then
read the topic from the noted place on. After any doubt (a broker that was away, a topic that was made again,
a ClickHouse that did not answer) the same begins anew, which repeats figures but leaves none out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC
from services.alerts.metrics import Metrics
from services.platform.errors import Unavailable
from services.platform.topics import TopicState, answers, describe

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_SILENCE_SECONDS = 3.0
_ANSWER_SECONDS = 3.0


class Follower:
    """One reader of the indicator topic; `trouble` says why it does not read now, empty if it does."""

    def __init__(
        self,
        bootstrap: str,
        *,
        begin: Callable[[], Awaitable[None]],
        figures: Callable[[list[Figure]], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        """`begin` takes the table in, `figures` what comes after, in order; both may raise Unavailable."""
        self.trouble = "connecting to the broker"
        self._bootstrap = bootstrap
        self._begin = begin
        self._figures = figures
        self._metrics = metrics

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except (Unavailable, KafkaError, OSError) as error:
                if self.trouble != str(error):
                    log.warning("figures are not followed: %s", error)
                self._report(str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        topic = await self._described()
        # No group: a join would wait for others, and where to begin is not the broker's to remember.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="minmai-alerts",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            # The embedded broker answers the start of the last batch instead of the end: a few repeats.
            for partition, end in (await consumer.end_offsets(partitions)).items():
                consumer.seek(partition, end)
            await self._begin()
            self._report("")
            log.info("following %s", topic.name)
            while True:
                batches = await consumer.getmany(timeout_ms=int(_SILENCE_SECONDS * 1000))
                records = [record for batch in batches.values() for record in batch]
                await self._figures([figure for record in records if (figure := self._read(record))])
                # A dead broker, or a topic made again with lower offsets, is as silent as one with no news.
                if not records and (await self._described()).id != topic.id:
                    log.warning("%s was made again", topic.name)
                    return
        finally:
            # Without a broker it raises the CancelledError of a task of its own, which is not ours.
            await asyncio.wait({asyncio.ensure_future(consumer.stop())})

    async def _described(self) -> TopicState:
        def ask() -> TopicState | None:
            answers(self._bootstrap, _ANSWER_SECONDS)
            return describe(self._bootstrap, [INDICATOR_TOPIC]).get(INDICATOR_TOPIC)

        found = await asyncio.to_thread(ask)
        if found is None:
            raise Unavailable(f"there is no topic {INDICATOR_TOPIC}: `minmai topics create` makes it")
        return found

    def _read(self, record: "ConsumerRecord[bytes, bytes]") -> Figure | None:
        if record.value is None:  # a tombstone: the figure is no longer declared, its alerts stay as they are
            return None
        try:
            return Figure.model_validate_json(record.value)
        except ValidationError as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("%s is not a figure and is passed over: %s", place, error.errors(include_url=False))
            self._metrics.unreadable.inc()
            return None

    def _report(self, trouble: str) -> None:
        self.trouble = trouble
        self._metrics.connected.set(int(not trouble))
