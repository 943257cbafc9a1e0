"""The aggregator as a process: fed with what is no record, telling what changed."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.streams import DEAD_LETTER_TOPIC, INDICATOR_TOPIC, STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.aggregate.test_counted_once import money, voucher
from tests.support.brokers import Broker
from tests.support.services import Service, environment
from tests.support.waiting import eventually

VOUCHERS = STREAMS["consumption-voucher"].topic


@pytest.fixture
def aggregate(fresh_broker: Broker, pool: ClickHouse, settings: Common, tmp_path: Path) -> Iterator[Service]:
    ensure_topics(fresh_broker.bootstrap, partitions=2)
    env = environment(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="event",
        session_timeout_ms=2000,
        block_records=500,
        block_interval_ms=0,
    )
    service = Service("aggregate", env, tmp_path)
    yield service
    if service.running:
        service.kill()


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for number, value in enumerate(values):
            await producer.send(topic, value, partition=number % 2 if topic == VOUCHERS else 0)
        await producer.flush()
    finally:
        await producer.stop()


async def published(bootstrap: str) -> dict[str, dict[str, Any]]:
    """The newest message of each key on the indicator topic so far."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    newest: dict[str, dict[str, Any]] = {}
    try:
        consumer.assign([TopicPartition(INDICATOR_TOPIC, 0)])
        while batch := await consumer.getmany(timeout_ms=500):
            for messages in batch.values():
                newest.update({message.key.decode(): json.loads(message.value) for message in messages})
    finally:
        await consumer.stop()
    return newest


def figure(pool: ClickHouse) -> str:
    rows = pool.query(
        "SELECT toString(numerator) FROM indicator_live FINAL"
        " WHERE indicator = 'voucher_issued_value' AND division = '532622'"
    )
    return str(rows[0][0]) if rows else ""


def test_changed_figures_are_published_after_the_table_has_them(
    aggregate: Service, fresh_broker: Broker, pool: ClickHouse
) -> None:
    asyncio.run(produce(fresh_broker.bootstrap, VOUCHERS, [orjson.dumps(voucher(n)) for n in range(3)]))
    aggregate.start()
    eventually(lambda: figure(pool), 60, "the figure is in the table", until=lambda seen: seen == "60")

    def told() -> dict[str, Any]:
        return asyncio.run(published(fresh_broker.bootstrap)).get("voucher_issued_value/532622", {})

    message = eventually(told, 60, "the figure is published", until=lambda one: one.get("numerator") == "60")
    assert message["value"] == 60.0
    assert message["as_of"] == "2024-05-01"


def test_what_it_cannot_read_is_a_dead_letter_in_the_table(
    aggregate: Service, fresh_broker: Broker, pool: ClickHouse
) -> None:
    good = orjson.dumps(voucher(1))
    asyncio.run(produce(fresh_broker.bootstrap, VOUCHERS, [b"not json", b"{}", good]))
    asyncio.run(produce(fresh_broker.bootstrap, DEAD_LETTER_TOPIC, [b"not a letter"]))
    aggregate.start()

    def letters() -> list[tuple[str, str]]:
        rows = pool.query("SELECT code, raw FROM dead_letter FINAL ORDER BY code, raw")
        return [(code, raw) for code, raw in rows]

    wanted = [("not_a_dead_letter", "not a letter"), ("not_an_event", "not json"), ("not_an_event", "{}")]
    eventually(letters, 60, "the dead letters are in the table", until=lambda seen: seen == wanted)
    assert money(pool)[0] == 1


def test_an_error_of_ours_stops_it_with_nothing_acknowledged(
    aggregate: Service, fresh_broker: Broker, pool: ClickHouse
) -> None:
    """A missing table is no data error: no dead letter, no progress, an exit code that tells."""
    asyncio.run(produce(fresh_broker.bootstrap, VOUCHERS, [orjson.dumps(voucher(1))]))
    pool.query("RENAME TABLE consumption_voucher_log TO hidden")
    with contextlib.suppress(AssertionError):
        aggregate.start(ready=False)
    eventually(lambda: not aggregate.running, 60, "it ends by itself")
    assert pool.query("SELECT count() FROM dead_letter") == [(0,)]
    pool.query("RENAME TABLE hidden TO consumption_voucher_log")
    aggregate.start()
    eventually(lambda: money(pool)[0] == 1, 60, "the record is counted after all")
