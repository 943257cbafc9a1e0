"""The way to the broker: messages in, acknowledgements out.

Copies are counted once downstream, so the producer needs no idempotence of its own. The embedded broker has
none (it refuses InitProducerId), and with it aiokafka would try for ever while a broker is away.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.envelope import partition_of
from services.ingest.message import Message

_BATCH_BYTES = 900_000

Place = tuple[str, int]
"""Topic and partition."""


class Outlet:
    """A producer, connected when first needed; every wait for the broker ends after `timeout` seconds."""

    def __init__(self, bootstrap: str, timeout: float) -> None:
        self._bootstrap = bootstrap
        self._timeout = timeout
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self.reached: dict[Place, int] = {}
        """The offset after what was acknowledged last, by place."""

    async def send(self, messages: Sequence[Message]) -> list[Exception | None]:
        """Return, for each message, None once all in-sync replicas have it, or why that is not known."""
        try:
            async with asyncio.timeout(self._timeout):
                async with self._connecting:
                    producer = await self._connected()
                partitions = {
                    topic: len(await producer.partitions_for(topic))
                    for topic in {message.topic for message in messages}
                }
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            return [error] * len(messages)
        numbers: dict[Place, list[int]] = defaultdict(list)
        for number, message in enumerate(messages):
            partition = partition_of(message.identity, partitions[message.topic])
            numbers[message.topic, partition].append(number)
        sent = await asyncio.gather(
            *(
                self._send_to(producer, place, [messages[number] for number in those])
                for place, those in numbers.items()
            )
        )
        outcome: list[Exception | None] = [None] * len(messages)
        for those, trouble in zip(numbers.values(), sent, strict=True):
            for number in those:
                outcome[number] = trouble
        return outcome

    async def close(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id="minmai-ingest",
                acks="all",
                request_timeout_ms=int(self._timeout * 1000),
                max_batch_size=_BATCH_BYTES,
                max_request_size=4 * _BATCH_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _send_to(
        self, producer: AIOKafkaProducer, place: Place, messages: Sequence[Message]
    ) -> Exception | None:
        topic, partition = place
        rest = list(reversed(messages))
        try:
            async with asyncio.timeout(self._timeout):
                while rest:
                    batch = producer.create_batch()
                    while rest and batch.append(key=rest[-1].key, value=rest[-1].value, timestamp=None):
                        rest.pop()
                    batch.close()
                    lies = await (await producer.send_batch(batch, topic, partition=partition))
                    self.reached[place] = lies.offset + batch.record_count()
        except (KafkaError, OSError) as error:
            return error
        return None
