"""When records are received: by the wall clock, or by the newest event time accepted so far."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.ingest.app import create_app
from services.ingest.received import ByEventClock, ByWallClock, received_for
from services.ingest.settings import IngestSettings
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.ingest.support import PLAN, Service, messages, of_receipt, voucher
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse as Server
from tests.support.ports import free_port
from tests.support.waiting import eventually, eventually_async

DAY = datetime(2024, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def settings(clickhouse: Server, migrated: str) -> Common:
    return Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated, clock="event")


@pytest.fixture
def pool(settings: Common) -> Iterator[ClickHouse]:
    pool = ClickHouse(settings)
    yield pool
    pool.close()


def count(pool: ClickHouse, stream: str, newest: datetime) -> None:
    """Do what the aggregator does with the feeds when it counts a record of that time."""
    row = {"source": ["a"], "stream": [stream], "records": [1], "newest_time": [newest], "received_at": [NOW]}
    pool.insert("feed_live", row)


def test_the_wall_clock_is_the_moment_of_the_push() -> None:
    clock = received_for(Common(), ClickHouse(Common()))
    assert isinstance(clock, ByWallClock)
    clock.begin()
    assert clock.stamps([DAY, DAY + timedelta(days=1)], NOW) == [NOW, NOW]


@given(st.lists(st.integers(0, 500), max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_only_the_order_of_the_records_counts_not_the_pushes(days: list[int], cuts: list[int]) -> None:
    times = [DAY + timedelta(days=day) for day in days]
    whole, parted = (ByEventClock(ClickHouse(Common())) for _ in range(2))
    ends = [*sorted(cuts), len(times)]
    pieces = [times[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    stamps = [stamp for piece in pieces for stamp in parted.stamps(piece, NOW)]
    assert stamps == whole.stamps(times, NOW) == [max(times[: at + 1]) for at in range(len(times))]


def test_a_new_process_begins_at_what_has_been_counted_of_any_stream(pool: ClickHouse) -> None:
    first = ByEventClock(pool)
    first.begin()
    assert first.stamps([DAY], NOW) == [DAY]
    count(pool, "facility", DAY + timedelta(days=1))
    count(pool, "retraction", DAY + timedelta(days=3))
    count(pool, "task-report", DAY + timedelta(days=2))
    first.begin()  # it has begun
    assert first.stamps([DAY], NOW) == [DAY]
    second = ByEventClock(pool)
    second.begin()
    assert second.stamps([DAY, DAY + timedelta(days=4), DAY], NOW) == [
        DAY + timedelta(days=3),
        DAY + timedelta(days=4),
        DAY + timedelta(days=4),
    ]


def test_it_does_not_begin_without_clickhouse() -> None:
    with pytest.raises(Unavailable):
        ByEventClock(ClickHouse(Common(clickhouse_port=free_port()))).begin()


@pytest.fixture
async def client(broker: Broker, settings: Common, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway on the county's clock, which is ready."""
    ensure_topics(broker.bootstrap)
    own = IngestSettings(
        kafka=broker.bootstrap,
        plan=PLAN,
        agencies=tmp_path / "agencies.json",
        clock="event",
        clickhouse_port=settings.clickhouse_port,
        clickhouse_database=settings.clickhouse_database,
    )
    key = add(own.agencies, "commerce", STREAMS, ["532622"])
    app = create_app(own)
    headers = {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ingest", headers=headers) as client,
    ):

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await eventually_async(ready, 20, "ingest is ready")
        yield client


@pytest.fixture
def counted_before(pool: ClickHouse) -> datetime:
    count(pool, "facility", DAY)
    return DAY


@pytest.mark.usefixtures("counted_before")
async def test_accepted_records_carry_the_county_s_clock(broker: Broker, client: httpx.AsyncClient) -> None:
    old, new, newer = (DAY + timedelta(days=days) for days in (-30, 10, 20))
    records = [
        voucher(1, time=old.isoformat()),
        voucher(2, time=new.isoformat()),
        voucher(3, time=(DAY + timedelta(days=15)).isoformat(), face_value=-1),
        voucher(4, time=old.isoformat()),
        {"time": newer.isoformat(), "op": "retract", "retracts": "x", "reason": "重复"},
        voucher(5, time=new.isoformat()),
    ]
    answer = (await client.post("/v1/streams/consumption-voucher", json=records)).json()
    assert (answer["accepted"], answer["rejected"]) == (5, 1)
    topics = ["minmai.consumption-voucher.v1", "minmai.retraction.v1"]
    stored = await asyncio.to_thread(
        messages, broker.bootstrap, 5, wanted=of_receipt(answer["receipt"]), topics=topics
    )
    found = {
        message.value["subject"]: datetime.fromisoformat(message.value["receivedtime"]) for message in stored
    }
    assert found == {
        "v-1": DAY,
        "v-2": new,
        "v-4": new,
        "consumption-voucher/x": newer,
        "v-5": newer,
    }


def test_ingest_on_the_county_s_clock_waits_for_clickhouse(
    broker: Broker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ensure_topics(broker.bootstrap)
    service = Service(broker.bootstrap, tmp_path, MINMAI_CLOCK="event")
    request.addfinalizer(service.kill)
    service.start(ready=False)

    def says_why() -> bool:
        answer = service.get("/readyz")
        return answer.status_code == 503 and "ClickHouse" in answer.json()["detail"]

    eventually(says_why, 20, "ingest says that it waits for ClickHouse")
