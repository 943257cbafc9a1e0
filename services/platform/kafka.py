"""What aiokafka 0.14 needs help with."""

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import PartitionRecords


def fetch_bare_records() -> None:
    """Let every consumer of this process hand on records as they were parsed.

    They have `offset`, `timestamp`, `key`, `value` and `headers`, and no topic nor partition, which `getmany`
    tells anyway. To make a ConsumerRecord of each costs as much as all the rest of a fetch.
    """

    def bare(_records: PartitionRecords, _partition: Any, record: Any) -> Any:
        return record

    PartitionRecords._consumer_record = bare


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, started or not, and leave nothing of it behind, be its broker there or away.

    While a broker is away `consumer.stop()` raises the CancelledError of a fetch that it has cancelled
    itself, before it has closed its connections; taken for a cancellation of ours, that would end the caller
    without a word. In a task of its own the two cannot be confused.

    If the calling task is cancelled meanwhile, the consumer is stopped all the same, then CancelledError is
    raised; only a second cancellation does not wait.
    """
    stopping = asyncio.create_task(_stop(consumer))
    try:
        await asyncio.wait({stopping})
    except asyncio.CancelledError:
        await asyncio.wait({stopping})
        raise
    stopping.result()


def member_of(consumer: AIOKafkaConsumer) -> tuple[str, int]:
    """Return a consumer's member id in its group, and the generation of the group that it knows of."""
    coordinator = consumer._coordinator
    return str(coordinator.member_id), int(coordinator.generation)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await consumer.stop()
    finally:
        await consumer._client.close()  # does nothing if `stop` came that far
