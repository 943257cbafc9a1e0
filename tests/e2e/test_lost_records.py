"""What ingest has answered comes to the tables, even if the broker acknowledges it and gives it to nobody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from deploy.embedded.broker import EmbeddedBroker
from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, STREAMS
from services.ingest.agencies import add
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.ingest.support import voucher
from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

STREAM = STREAMS["consumption-voucher"]
HIDING = 60
_SECONDS = 90


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """One whose offsets 0 to HIDING - 1 are taken and will be given out again, of every partition in use."""
    broker = EmbeddedBroker(free_port(), log=tmp_path / "broker.log")
    broker.start()
    yield broker
    broker.kill()


async def _take_offsets(broker: EmbeddedBroker) -> None:
    """Write to topics before they are made, as whoever knew them in a former life of the broker may."""
    ensure_topics(broker.bootstrap, partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    await producer.start()
    try:
        topics = [STREAM.topic, DEAD_LETTER_TOPIC, RECEIPT_TOPIC]
        for topic in topics:
            await producer.partitions_for(topic)
        broker.kill()
        broker.start()
        for topic in topics:
            batch = producer.create_batch()
            for _ in range(HIDING):
                batch.append(key=b"", value=b"of no service of ours", timestamp=None)
            batch.close()
            lies = await (await producer.send_batch(batch, topic, partition=0))
            assert lies.offset == 0
    finally:
        await producer.stop()
    ensure_topics(broker.bootstrap, partitions=1)


def test_what_was_answered_comes_to_the_tables_without_anything_being_started_again(
    broker: EmbeddedBroker,
    clickhouse: ClickHouse,
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    asyncio.run(_take_offsets(broker))
    settings = Common(
        kafka=broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=database, plan=YANSHAN
    )
    migrate(settings)
    key = add(tmp_path / "agencies.json", "commerce", [STREAM.name], ["532622"])
    env = environment(
        kafka=broker.bootstrap,
        clickhouse_port=clickhouse.port,
        database=database,
        clock="wall",
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        journal_segment_bytes=1_000,
    )
    ingest, aggregate = (Service(name, env, tmp_path) for name in ("ingest", "aggregate"))
    for service in (ingest, aggregate):
        request.addfinalizer(service.kill)
        service.start()

    def pushed() -> httpx.Response:
        return httpx.post(
            f"{ingest.url}/v1/streams/{STREAM.name}",
            json=[*(voucher(number, id=str(number)) for number in range(3)), voucher(9, face_value="many")],
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    answer = eventually(
        pushed, _SECONDS, "the push is answered", until=lambda one: one.status_code == 207
    ).json()
    assert (answer["accepted"], answer["rejected"]) == (3, 1)

    db = platform.ClickHouse(settings)
    request.addfinalizer(db.close)
    for what, query, wanted in (
        ("the records", f"SELECT count() FROM {STREAM.log_table}", 3),
        ("the dead letter", "SELECT count() FROM dead_letter FINAL WHERE service = 'ingest'", 1),
        (
            "the receipt",
            f"SELECT uniqExact(receipt) FROM receipt WHERE receipt = '{answer['receipt']}'",
            1,
        ),
    ):
        eventually(
            lambda query=query: db.query(query), _SECONDS, f"{what} are stored", until=[(wanted,)].__eq__
        )
    eventually(
        lambda: list((tmp_path / "journal").glob("*.journal")),
        _SECONDS,
        "the journal has nothing left to keep",
        until=lambda left: not left,
    )
    assert "read past and not counted" in ingest.log.read_text()
