"""A worker that lives and counts nothing: it is seen, it ends itself, and the next one counts everything."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.aggregate.watch import EXIT_STUCK
from services.platform.clickhouse import ClickHouse
from services.platform.offsets import ends, has_record
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.aggregate.stuck import TOPIC
from tests.aggregate.test_counted_once import money, voucher
from tests.aggregate.test_service import VOUCHERS, produce
from tests.support import web
from tests.support.brokers import Broker
from tests.support.services import Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long


class Poisoned(Service):
    """An aggregator whose facilities are stuck as long as `poison` is there."""

    def __init__(self, env: dict[str, str], directory: Path) -> None:
        self.poison = Path(env["STUCK_FILE"])
        self.poison.touch()
        super().__init__("aggregate", env, directory, module="tests.aggregate.stuck")

    def missing(self) -> list[str]:
        """What `/readyz` says is missing."""
        response = web.get(f"{self.url}/readyz", timeout=10)
        assert (response.status_code == 503) == bool(response.json()["missing"])
        return list(response.json()["missing"])

    def stuck(self) -> float:
        """The metric."""
        text = web.get(f"{self.url}/metrics", timeout=10).text
        [line] = [line for line in text.splitlines() if line.startswith("minmai_aggregate_stuck ")]
        return float(line.split()[1])


@pytest.fixture
def env(fresh_broker: Broker, pool: ClickHouse, settings: Common, tmp_path: Path) -> dict[str, str]:
    ensure_topics(fresh_broker.bootstrap, partitions=2)
    environ = environment(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="event",
        session_timeout_ms=2000,
        stuck_seconds=3,
        stuck_restart_seconds=3600,
    )
    return environ | {"STUCK_HOW": "waits", "STUCK_FILE": str(tmp_path / "poison")}


@pytest.fixture
def running() -> Iterator[list[Service]]:
    """What a test appends is ended after it."""
    services: list[Service] = []
    yield services
    for service in services:
        service.kill()


def send(broker: Broker, vouchers: int = 0, unreadable_facilities: int = 0) -> None:
    asyncio.run(produce(broker.bootstrap, VOUCHERS, [orjson.dumps(voucher(n)) for n in range(vouchers)]))
    asyncio.run(produce(broker.bootstrap, TOPIC, [b"{}"] * unreadable_facilities))


def letters(pool: ClickHouse) -> int:
    return int(pool.query("SELECT count() FROM dead_letter FINAL")[0][0])


def test_a_stuck_partition_is_told_by_name(
    env: dict[str, str], fresh_broker: Broker, pool: ClickHouse, tmp_path: Path, running: list[Service]
) -> None:
    worker = Poisoned(env, tmp_path)
    running.append(worker)
    worker.start()
    send(fresh_broker, unreadable_facilities=2)
    missing = eventually(worker.missing, 60, "it is seen to be stuck")
    assert missing[0].startswith(f"stuck: {TOPIC}/0: at 0 of "), missing
    assert worker.stuck() >= 1
    assert worker.running
    worker.kill()  # it cannot end in order while it is stuck
    worker.poison.unlink()
    worker.start()
    eventually(lambda: letters(pool) == 2, 60, "what it could not read is refused")
    eventually(lambda: not worker.missing(), 60, "it is ready")
    worker.stop()


@pytest.mark.parametrize("how", ["waits", "holds"])
def test_it_ends_itself_and_the_next_one_counts_everything(  # noqa: PLR0917 - fixtures
    how: str,
    env: dict[str, str],
    fresh_broker: Broker,
    pool: ClickHouse,
    tmp_path: Path,
    running: list[Service],
) -> None:
    send(fresh_broker, vouchers=20, unreadable_facilities=2)
    worker = Poisoned(env | {"STUCK_HOW": how, "MINMAI_STUCK_RESTART_SECONDS": "1"}, tmp_path)
    running.append(worker)
    worker.start(ready=False)
    eventually(lambda: not worker.running, 60, "it ends by itself")
    assert worker.code == EXIT_STUCK
    assert "stuck for good: minmai." in worker.tail(400)
    assert "most recent call first" in worker.tail(400), "where its threads stood"
    successor = Poisoned(env, tmp_path)
    running.append(successor)
    successor.poison.unlink()
    successor.start()
    eventually(lambda: money(pool)[:2], 60, "all is counted", until=lambda seen: seen == (20, 20))
    eventually(lambda: letters(pool) == 2, 60, "what it could not read is refused")
    successor.stop()


def test_a_clickhouse_that_is_away_is_said_and_is_no_reason_to_end(  # noqa: PLR0917 - fixtures
    env: dict[str, str],
    fresh_broker: Broker,
    pool: ClickHouse,
    clickhouse: Any,
    tmp_path: Path,
    running: list[Service],
) -> None:
    worker = Poisoned(env, tmp_path)
    running.append(worker)
    worker.poison.unlink()
    worker.start()
    before = worker.tail(4000).count("stuck:")
    clickhouse.kill()
    send(fresh_broker, vouchers=20)
    missing = eventually(worker.missing, 60, "it says what it waits for")
    assert missing[0].startswith("waiting for ClickHouse: ClickHouse at 127.0.0.1:"), missing
    # The pauses double: by this one it has waited for longer than a stuck worker may.
    eventually(lambda: "next try in 5.0 s" in worker.tail(4000), 60, "it goes on trying")
    assert (worker.stuck(), worker.tail(4000).count("stuck:")) == (0, before)
    clickhouse.start()
    eventually(lambda: money(pool)[:2], 60, "all is counted", until=lambda seen: seen == (20, 20))
    eventually(lambda: not worker.missing(), 60, "it is ready again")
    worker.stop()


def test_an_end_that_nothing_lies_at_is_told_apart(fresh_broker: Broker) -> None:
    ensure_topics(fresh_broker.bootstrap, partitions=2)
    asyncio.run(produce(fresh_broker.bootstrap, VOUCHERS, [b"1", b"2", b"3"]))
    found = ends(fresh_broker.bootstrap, [(VOUCHERS, 0), (VOUCHERS, 1), (TOPIC, 0)])
    assert found.keys() == {(VOUCHERS, 0), (VOUCHERS, 1), (TOPIC, 0)}
    assert found[VOUCHERS, 0] <= 2
    assert found[TOPIC, 0] == 0
    assert has_record(fresh_broker.bootstrap, (VOUCHERS, 0), 1)
    assert not has_record(fresh_broker.bootstrap, (VOUCHERS, 0), 2)
    assert ends(fresh_broker.bootstrap, []) == {}
