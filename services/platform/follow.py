"""Follows the topic of changed figures from its end, for services whose truth lies in the tables.

A figure is in `indicator_live` before it is on the topic. So: note where the topic ends, let the service
look at the tables, then read the topic from the noted place on. After any doubt (a broker that was away, a
topic that was made again, a service that could not take what it was given) the same begins anew, which
repeats figures but leaves none out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC
from services.platform.errors import Unavailable
from services.platform.kafka import stop_consumer
from services.platform.topics import TopicState, describe

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_SILENCE_SECONDS = 3.0
_ANSWER_SECONDS = 3.0
_DOUBT_SECONDS = 30.0


@dataclass(frozen=True)
class News:
    """A changed figure; `id` is `{partition}-{offset}` of its record."""

    id: str
    figure: Figure


class Follower:
    """One reader of the topic; `trouble` says why it does not read now, empty if it does."""

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        begin: Callable[[], Awaitable[None]],
        take: Callable[[Sequence[News]], Awaitable[None]],
        lost: Callable[[str], None] = lambda reason: None,
        unreadable: Callable[[], None],
    ) -> None:
        """`begin` is called whenever reading begins anew, before any record is taken; `take` gets what comes
        after, in the order of each partition. Both may raise Unavailable. `lost` is called with the reason
        each time reading fails, `unreadable` for each record that is not a figure.
        """
        self.trouble = "connecting to the broker"
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._begin = begin
        self._take = take
        self._lost = lost
        self._unreadable = unreadable

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._follow()
            except (Unavailable, KafkaError, OSError) as error:
                reason = str(error) or type(error).__name__
                if reason != self.trouble:
                    log.warning("figures are not followed: %s", reason)
                self.trouble = reason
                self._lost(reason)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        """Return when the topic has been made again."""
        topic = await self._described()
        # No group: a join would wait for others, and where to begin is not the broker's to remember.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
            retry_backoff_ms=500,
            fetch_max_wait_ms=50,  # the embedded broker lets a waiting fetch sleep through what comes in
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            # The embedded broker answers the start of the last batch instead of the end: a few repeats.
            for partition, end in (await consumer.end_offsets(partitions)).items():
                consumer.seek(partition, end)
            await self._begin()
            self.trouble = ""
            log.info("following %s", topic.name)
            await self._read(consumer, topic)
        finally:
            await stop_consumer(consumer)

    async def _read(self, consumer: AIOKafkaConsumer, topic: TopicState) -> None:
        time = asyncio.get_running_loop().time
        sure = time()
        while True:
            batches = await consumer.getmany(timeout_ms=int(_SILENCE_SECONDS * 1000))
            records = [record for batch in batches.values() for record in batch]
            if news := [one for record in records if (one := self._news(record))]:
                await self._take(news)
            # A dead broker, or a topic made again with lower offsets, is as silent as one with no news; and
            # one made again that has grown past our offsets meanwhile is not even silent.
            if not records or time() - sure > _DOUBT_SECONDS:
                if (await self._described()).id != topic.id:
                    log.warning("%s was made again: beginning anew", topic.name)
                    return
                sure = time()

    async def _described(self) -> TopicState:
        found = await asyncio.to_thread(describe, self._bootstrap, [INDICATOR_TOPIC], timeout=_ANSWER_SECONDS)
        if INDICATOR_TOPIC not in found:
            raise Unavailable(f"there is no topic {INDICATOR_TOPIC}: `minmai topics create` makes it")
        return found[INDICATOR_TOPIC]

    def _news(self, record: "ConsumerRecord[bytes, bytes]") -> News | None:
        if record.value is None:  # a tombstone: the figure is no longer declared
            return None
        try:
            figure = Figure.model_validate_json(record.value)
        except ValidationError as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("%s is not a figure and is passed over: %s", place, error.errors(include_url=False))
            self._unreadable()
            return None
        return News(f"{record.partition}-{record.offset}", figure)
