"""Agencies' own topics: what is written there comes out as over HTTP; what nearly always fails is stopped."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.streams import RECEIPT_TOPIC, STREAMS, feed_topic
from services.ingest.agencies import add
from services.ingest.app import create_app
from services.ingest.feeds.names import feed_group, feed_topics
from services.ingest.feeds.standing import Standings
from services.ingest.settings import IngestSettings
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.topics import ensure_topics
from tests.ingest.support import PLAN, Message, event, messages
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually_async

VOUCHERS = "minmai.consumption-voucher.v1"
READ_SECONDS = 40


class Feeding:
    """An agency with a topic of its own, and an ingest that reads it while `running`."""

    def __init__(self, settings: IngestSettings) -> None:
        self.settings = settings
        self.agency = f"commerce-{secrets.token_hex(4)}"
        self.pool = Pool(settings)
        self.standings = Standings(self.pool)
        add(settings.agencies, self.agency, set(STREAMS) - {"facility"}, ["532622"], feed=True)
        ensure_topics(settings.kafka)
        ensure_topics(settings.kafka, topics=feed_topics([self.agency]))

    def write(self, values: Sequence[object]) -> None:
        """Write messages as any client would; bytes as they are, the rest as JSON."""
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka, enable_idempotence=False)
        for value in values:
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            producer.send(feed_topic(self.agency), raw)
        producer.flush(20)
        producer.close()

    def events(self, *numbers: int, **changes: Any) -> list[dict[str, Any]]:
        return [event(number, source=self.agency, **changes) for number in numbers]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(self.settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client,
        ):
            yield client

    async def stored(self, number: int) -> list[Message]:
        """Records and dead letters of this agency, once there are so many."""
        return await asyncio.to_thread(
            messages,
            self.settings.kafka,
            number,
            wanted=lambda value: value["source"] == self.agency,
        )

    def committed(self) -> int:
        reader = KafkaConsumer(bootstrap_servers=self.settings.kafka, group_id=feed_group(self.agency))
        try:
            return reader.committed(TopicPartition(feed_topic(self.agency), 0)) or 0
        finally:
            reader.close()

    def receipts(self) -> dict[str, dict[str, Any]]:
        """The receipts of this agency, of each id the newest."""
        return {
            one["receipt"]: one
            for one in map(json.loads, everything(self.settings.kafka, RECEIPT_TOPIC))
            if one["agency"] == self.agency
        }


def everything(bootstrap: str, topic: str) -> list[bytes]:
    """All that lies on a topic of one partition; a marker is not needed: polled until twice nothing came."""
    reader = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    )
    try:
        reader.assign([TopicPartition(topic, 0)])
        reader.seek_to_beginning()
        found: list[bytes] = []
        quiet = 0
        while quiet < 2:
            batch = [one.value for those in reader.poll(timeout_ms=400).values() for one in those]
            quiet = 0 if batch else quiet + 1
            found += batch
        return found
    finally:
        reader.close()


@pytest.fixture
def feeding(broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path) -> Feeding:
    settings = IngestSettings(
        kafka=broker.bootstrap,
        plan=PLAN,
        agencies=tmp_path / "agencies.json",
        clickhouse_port=clickhouse.port,
        clickhouse_database=database,
    )
    migrate(settings)
    return Feeding(settings)


async def test_what_is_written_to_a_feed_comes_out_as_over_http(feeding: Feeding) -> None:
    good = feeding.events(1, 2)
    feeding.write(
        [
            *good,
            good[0],
            event(3, source="somebody-else"),
            b"not json",
            good,
            {**good[0], "id": "f-1", "type": "minmai.facility.v1"},
        ]
    )
    async with feeding.running():
        stored = await feeding.stored(2 + 4)
        await eventually_async(
            lambda: asyncio.to_thread(feeding.committed),
            READ_SECONDS,
            "all is committed",
            until=lambda n: n == 7,
        )
    assert {one.key for one in stored if one.topic == VOUCHERS} == {"v-1", "v-2"}
    assert sorted(one.value["code"] for one in stored if one.topic != VOUCHERS) == [
        *("forbidden_stream", "not_json", "not_object", "wrong_source"),
    ]
    receipts = await asyncio.to_thread(feeding.receipts)
    totals = {
        name: sum(one[name] for one in receipts.values())
        for name in ("received", "accepted", "duplicate", "rejected")
    }
    assert totals == {"received": 7, "accepted": 2, "duplicate": 1, "rejected": 4}
    assert {one["kind"] for one in receipts.values()} == {"feed"}
    assert {one.value["receipt"] for one in stored} == receipts.keys()


async def test_a_minute_has_one_receipt_which_grows(feeding: Feeding) -> None:
    async with feeding.running():
        feeding.write(feeding.events(1))
        await feeding.stored(1)
        feeding.write(feeding.events(2, 3))
        stored = await feeding.stored(3)
    [receipt] = (await asyncio.to_thread(feeding.receipts)).values()
    assert receipt["accepted"] == 3
    assert {one.value["receipt"] for one in stored} == {receipt["receipt"]}


async def test_the_next_process_goes_on_where_the_last_had_committed(feeding: Feeding) -> None:
    feeding.write(feeding.events(1, 2))
    async with feeding.running():
        await feeding.stored(2)
        await eventually_async(
            lambda: asyncio.to_thread(feeding.committed),
            READ_SECONDS,
            "2 are committed",
            until=lambda n: n == 2,
        )
    feeding.write(feeding.events(3))
    async with feeding.running():
        stored = await feeding.stored(3)
    assert {one.key for one in stored} == {"v-1", "v-2", "v-3"}


async def test_a_feed_of_which_nearly_all_fails_is_stopped_and_goes_on_when_resumed(feeding: Feeding) -> None:
    bad = [{**one, "source": "somebody-else"} for one in feeding.events(*range(1, 191))]
    feeding.write([*feeding.events(*range(1001, 1011)), *bad])
    async with feeding.running() as client:
        await eventually_async(
            unread_of(client),
            READ_SECONDS,
            "the feed is stopped",
            until=lambda told: "190/200 wrong_source" in told.get(feeding.agency, ""),
        )
        feeding.write(feeding.events(5001, 5002))
        assert (await client.get("/readyz")).status_code == 200
        assert (
            f'minmai_ingest_feed_stopped{{agency="{feeding.agency}"}} 1.0'
            in (await client.get("/metrics")).text
        )
    assert feeding.committed() == 200

    async with feeding.running() as client:  # it stays stopped over a restart
        await eventually_async(
            unread_of(client), READ_SECONDS, "it is stopped", until=lambda told: feeding.agency in told
        )
        await asyncio.to_thread(feeding.standings.resume, feeding.agency)
        stored = await feeding.stored(10 + 190 + 2)
    assert {"v-5001", "v-5002"} <= {one.key for one in stored}
    assert feeding.standings.all()[feeding.agency].state == "running"


def unread_of(client: httpx.AsyncClient) -> Any:
    async def unread() -> dict[str, str]:
        return dict((await client.get("/readyz")).json().get("feeds_not_read", {}))

    return unread
