"""Agencies' own topics: what is written there comes out as over HTTP; what nearly always fails is stopped."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from cli import feeds as cli_feeds
from schemas.streams import RECEIPT_TOPIC, STREAMS, feed_topic
from services.ingest.agencies import Agencies, add, revoke
from services.ingest.app import create_app
from services.ingest.check import Check, Checker, Refused
from services.ingest.feeds import reader as module
from services.ingest.feeds.breaker import NEWEST, Trip
from services.ingest.feeds.names import feed_group, feed_topics
from services.ingest.feeds.standing import Standings
from services.ingest.receipts import Taking
from services.ingest.records import Record
from services.ingest.settings import BYTES_A_RECORD, IngestSettings
from services.platform import topics
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.plan import load_plan
from services.platform.topics import ensure_topics, topic_ids
from tests.ingest.support import PLAN, Message, event, messages, voucher
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
        self.key = add(settings.agencies, self.agency, set(STREAMS) - {"facility"}, ["532622"], feed=True)
        ensure_topics(settings.kafka)
        ensure_topics(settings.kafka, topics=feed_topics([self.agency]))

    def write(self, values: Sequence[object]) -> None:
        """Write messages as any client would; bytes as they are, the rest as JSON."""
        producer = KafkaProducer(
            bootstrap_servers=self.settings.kafka, enable_idempotence=False, max_request_size=2_000_000
        )
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
        topic = feed_topic(self.agency)
        group = feed_group(self.agency, topic_ids(self.settings.kafka, [topic])[topic])
        reader = KafkaConsumer(bootstrap_servers=self.settings.kafka, group_id=group)
        try:
            return reader.committed(TopicPartition(topic, 0)) or 0
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
def feeding(broker: Broker, clickhouse: ClickHouse, migrated: str, tmp_path: Path) -> Feeding:
    settings = IngestSettings(
        kafka=broker.bootstrap,
        plan=PLAN,
        agencies=tmp_path / "agencies.json",
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
    )
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


async def test_records_too_large_or_too_deep_are_refused_and_the_next_counts(feeding: Feeding) -> None:
    deep = [b'{"data":' + b"[" * levels + b"]" * levels + b"}" for levels in (32, 100_000)]
    [large] = feeding.events(1, campaign="x" * BYTES_A_RECORD)
    feeding.write([large, *deep, b"", *feeding.events(2)])
    async with feeding.running():
        stored = await feeding.stored(5)
    assert sorted(one.value["code"] for one in stored if one.topic != VOUCHERS) == [
        *("not_json", "too_deep", "too_deep", "too_large"),
    ]
    assert {one.key for one in stored if one.topic == VOUCHERS} == {"v-2"}


async def test_too_many_records_a_second_wait_on_the_topic_and_none_is_refused(feeding: Feeding) -> None:
    feeding.write(feeding.events(*range(900)))
    unhurried = feeding.settings
    feeding.settings = unhurried.model_copy(update={"agency_records_per_second": 0.001})
    async with feeding.running() as client:
        read = await eventually_async(
            lambda: asyncio.to_thread(feeding.committed),
            READ_SECONDS,
            "it is read",
            until=lambda n: n > NEWEST,
        )
        for number in range(1_000, 1_005):  # a push over HTTP does not wait for it
            response = await client.post(
                "/v1/streams/consumption-voucher",
                json=voucher(number),
                headers={"authorization": f"Bearer {feeding.key}"},
            )
            assert response.json()["accepted"] == 1
        assert await asyncio.to_thread(feeding.committed) == read < 900
        assert await unread_of(client)() == {}
    feeding.settings = unhurried
    async with feeding.running():
        stored = await feeding.stored(900 + 5)
    assert {one.topic for one in stored} == {VOUCHERS}


async def test_the_list_says_what_waits_and_what_is_not_read(
    feeding: Feeding, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kafka", "clickhouse_port", "clickhouse_database"):
        monkeypatch.setenv(f"MINMAI_{name.upper()}", str(getattr(feeding.settings, name)))

    def listed() -> tuple[str, str]:
        cli_feeds.show(feeding.settings.agencies)
        [line] = [one for one in capsys.readouterr().out.splitlines() if feed_topic(feeding.agency) in one]
        _topic, number, state = line.split(maxsplit=2)
        return number, state

    assert listed()[0] == "0"
    feeding.write(feeding.events(1, 2, 3))
    assert listed() == ("3", "正常 · to be read")
    async with feeding.running():
        await eventually_async(
            lambda: asyncio.to_thread(listed),
            READ_SECONDS,
            "nothing waits",
            until=lambda told: told[0] == "0",
        )
    feeding.write(feeding.events(4))
    feeding.standings.stop(feeding.agency, Trip(200, 190, "not_json", "why"))
    number, state = listed()
    assert number == "1"
    assert "stopped" in state
    feeding.standings.resume(feeding.agency)
    revoke(feeding.settings.agencies, feeding.agency)
    assert "no key of the agency holds" in listed()[1]


async def test_a_topic_that_goes_before_an_offset_is_committed_is_made_again(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COMMIT_SECONDS", 0.5)
    topic = feed_topic(feeding.agency)
    bootstrap = feeding.settings.kafka
    before = topic_ids(bootstrap, [topic])[topic]
    taken: list[bytes] = []

    class Pipeline:
        async def add(
            self, taking: Taking, records: Sequence[Record], check: Check, *, last: bool = False
        ) -> Sequence[Refused]:
            if not taken:
                await asyncio.to_thread(gone)
            taken.extend(one.raw for one in records)
            return []

    def gone() -> None:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        admin.delete_topics([topic])
        admin.close()

    def made_again() -> bool:
        return topic_ids(bootstrap, [topic]).get(topic, before) != before

    agency = Agencies(feeding.settings.agencies).lookup(feeding.key)
    check = Checker(load_plan(PLAN)).events
    own = module.Reader(bootstrap, lambda: agency, feeding.agency, Pipeline(), check, pace=1_000)
    reading = asyncio.create_task(own.run())
    feeding.write([b"1"])
    await eventually_async(lambda: asyncio.to_thread(made_again), READ_SECONDS, "the topic is made again")
    feeding.write([b"2"])
    await eventually_async(lambda: asyncio.sleep(0, b"2" in taken), READ_SECONDS, "it is read")
    reading.cancel()
    await asyncio.wait([reading])


async def test_an_own_topic_has_as_many_copies_as_the_others(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cluster would tell it: there is one broker here, so that the topic is not made."""
    asked: list[tuple[str, int]] = []
    found = topics.describe(feeding.settings.kafka)
    others = {name: replace(state, copies=3) for name, state in found.items() if "feed" not in name}
    monkeypatch.setattr(topics, "describe", lambda *_given, **_named: others)

    def ensure(_bootstrap: str, *, replication: int, topics: Sequence[Any]) -> None:
        asked.extend((one.name, replication) for one in topics)

    monkeypatch.setattr(module, "ensure_topics", ensure)
    agency = Agencies(feeding.settings.agencies).lookup(feeding.key)
    own = module.Reader(
        feeding.settings.kafka,
        lambda: agency,
        "newcomer",
        None,  # type: ignore[arg-type]  # nothing is read
        Checker(load_plan(PLAN)).events,
        pace=1,
    )
    with pytest.raises(KeyError):
        own._life()
    assert asked == [(feed_topic("newcomer"), 3)]


def unread_of(client: httpx.AsyncClient) -> Any:
    async def unread() -> dict[str, str]:
        return dict((await client.get("/readyz")).json().get("feeds_not_read", {}))

    return unread
