"""Follows the topic of changed figures from its end, for services whose truth lies in the tables.

A figure is in `indicator_live` before it is on the topic. So: note where the topic ends, let the service
look at the tables, then read the topic from the noted place on. After any doubt (a broker that was away, a
topic that was made again, a service that could not take what it was given) the same begins anew, which
repeats figures but leaves none out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

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
_LOOK_SECONDS = 0.2
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
        """Return when the topic has been made again."""
        doubt = _Doubt(self._described_at_last)
        try:
            while True:
                batches = await consumer.getmany(timeout_ms=int(1000 * doubt.patience))
                records = [record for batch in batches.values() for record in batch]
                if news := [one for record in records if (one := self._news(record))]:
                    await self._take(news)
                found = doubt.resolve(heard=bool(records))
                if found is not None and found.id != topic.id:
                    log.warning("%s was made again: beginning anew", topic.name)
                    return
        finally:
            doubt.cancel()

    async def _described(self) -> TopicState:
        found = await asyncio.to_thread(describe, self._bootstrap, [INDICATOR_TOPIC], timeout=_ANSWER_SECONDS)
        if INDICATOR_TOPIC not in found:
            raise Unavailable(f"there is no topic {INDICATOR_TOPIC}: `minmai topics create` makes it")
        return found[INDICATOR_TOPIC]

    async def _described_at_last(self) -> TopicState:
        try:
            return await self._described()
        except Unavailable:  # a busy machine takes its time
            return await self._described()

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


class _Doubt:
    """Asks now and then whether the topic is still the one that is read, while it is read.

    A dead broker, or a topic made again with lower offsets, is as silent as one with no news; and one made
    again that has grown past our offsets meanwhile is not even silent.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, TopicState]]) -> None:
        self._ask = ask
        self._asked: asyncio.Task[TopicState] | None = None
        self._heard = False
        self._sure = monotonic()

    @property
    def patience(self) -> float:
        """Seconds for which to wait for records before `resolve` is called again."""
        return _SILENCE_SECONDS if self._asked is None else _LOOK_SECONDS

    def resolve(self, *, heard: bool) -> TopicState | None:
        """Return the topic if it has been told; `heard`: whether there were records since the last call.

        Raises Unavailable if nobody tells, and there were no records meanwhile: a broker that is only busy
        still hands out records.
        """
        if self._asked is None:
            if not heard or monotonic() - self._sure > _DOUBT_SECONDS:
                self._asked, self._heard = asyncio.create_task(self._ask()), False
            return None
        self._heard |= heard
        if not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        self._sure = monotonic()
        if self._heard and isinstance(asked.exception(), Unavailable):
            return None
        return asked.result()

    def cancel(self) -> None:
        """Ask no more."""
        if self._asked is not None:
            self._asked.cancel()
