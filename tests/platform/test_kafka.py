"""A consumer can be stopped whatever its broker and our own task do."""

import asyncio
import logging

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.platform.kafka import stop_consumer
from services.platform.topics import Topic, ensure_topics
from tests.support.brokers import Broker
from tests.support.waiting import eventually_async

WAIT_SECONDS = 30.0


async def consuming(broker: Broker) -> AIOKafkaConsumer:
    """A consumer that waits for records."""
    await asyncio.to_thread(ensure_topics, broker.bootstrap, topics=[Topic("test.stop", 1)])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, enable_auto_commit=False, retry_backoff_ms=60_000
    )
    await consumer.start()
    consumer.assign([TopicPartition("test.stop", 0)])
    consumer.seek(TopicPartition("test.stop", 0), 0)  # so that the first request is a fetch
    await consumer.getmany(timeout_ms=100)

    async def fetching() -> bool:
        return bool(consumer._fetcher._pending_tasks)

    await eventually_async(fetching, WAIT_SECONDS, "a fetch is under way")
    return consumer


async def cut_off(broker: Broker, heard: pytest.LogCaptureFixture) -> AIOKafkaConsumer:
    """A consumer whose fetch has failed and waits a minute: `stop` cancels it there."""
    consumer = await consuming(broker)
    broker.kill()

    async def failed() -> bool:
        return "Failed fetch messages" in heard.text

    await eventually_async(failed, WAIT_SECONDS, "the fetch has failed")
    return consumer


async def ends(consumer: AIOKafkaConsumer) -> None:
    """Fails unless the consumer has closed its connections and all its tasks end."""
    assert not any(connection.connected() for connection in consumer._client._conns.values())
    assert consumer._client._sync_task is None
    mine = asyncio.current_task()

    async def others() -> set[object]:
        return asyncio.all_tasks() - {mine}

    await eventually_async(others, WAIT_SECONDS, "its tasks have ended", until=lambda tasks: not tasks)


async def test_the_remedy_is_still_needed(fresh_broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    """If this fails, aiokafka has mended it and `stop_consumer` can go."""
    consumer = await cut_off(fresh_broker, caplog)
    with pytest.raises(asyncio.CancelledError):
        await consumer.stop()
    assert consumer._client._sync_task is not None
    await consumer._client.close()


async def test_without_a_broker_it_stops_and_is_no_cancellation(
    fresh_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = await cut_off(fresh_broker, caplog)
    await stop_consumer(consumer)
    await ends(consumer)


async def test_a_cancelled_task_stops_its_consumer_and_stays_cancelled(
    fresh_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = await cut_off(fresh_broker, caplog)

    async def reading() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await stop_consumer(consumer)
            raise AssertionError("stopped, but not cancelled while stopping")

    task = asyncio.create_task(reading())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)  # it is in `stop_consumer` now
    task.cancel()
    await asyncio.wait({task}, timeout=WAIT_SECONDS)
    assert task.cancelled()
    await ends(consumer)


@pytest.mark.parametrize("started", [True, False])
async def test_with_a_broker_or_before_the_start_it_is_an_ordinary_stop(
    fresh_broker: Broker, started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = await consuming(fresh_broker) if started else AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")
    await stop_consumer(consumer)
    await stop_consumer(consumer)
    await ends(consumer)
    # The fixture's own client, kafka-python, warns where the machine is slow.
    said = [record for record in caplog.records if not record.name.startswith("kafka.")]
    assert not [record for record in said if record.levelno >= logging.WARNING]
