"""Many workers: however many there are, and whoever comes and goes, the figures equal a count by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import pairwise
from operator import lt, not_
from pathlib import Path
from typing import Any

import pytest

from cli.sample.county import BEGIN, sample
from cli.sample.truth import CloudEvent, counted, history, months_over, today
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.plan import Plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.e2e import judging
from tests.e2e.agencies import Books, at_work
from tests.e2e.pushes import Item, pushes
from tests.support import web
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

RECORDS = 2_500
END = date(2024, 3, 31)
PARTITIONS = 8
SECONDS = 240.0


class Worker(Service):
    """An aggregator beside others."""

    def __init__(self, number: int, env: dict[str, str], directory: Path) -> None:
        super().__init__("aggregate", env, directory, log=f"aggregate-{number}")

    def partitions(self) -> float:
        """How many partitions it owns."""
        text = web.get(f"{self.url}/metrics", timeout=10).text
        [line] = [one for one in text.splitlines() if one.startswith("minmai_aggregate_partitions ")]
        return float(line.split()[1])


@pytest.fixture
def settings(fresh_broker: Broker, clickhouse: ClickHouse, migrated: str) -> Common:
    """An installation with eight partitions a stream."""
    settings = Common(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
        plan=YANSHAN,
        clock="event",
    )
    ensure_topics(settings.kafka, partitions=PARTITIONS)
    return settings


@pytest.fixture
def new_worker(tmp_path: Path) -> Iterator[Callable[[Common], Worker]]:
    """Makes workers, not started; at the end they are ended, and their logs shown when the test failed."""
    workers: list[Worker] = []

    def make(settings: Common) -> Worker:
        env = environment(
            kafka=settings.kafka,
            clickhouse_port=settings.clickhouse_port,
            database=settings.clickhouse_database,
            clock=settings.clock,
            block_records=100,  # many blocks, so that partitions move amid them
            session_timeout_ms=3_000,
            rebalance_timeout_ms=3_000,
        )
        workers.append(Worker(len(workers), env, tmp_path))
        return workers[-1]

    yield make
    for worker in workers:
        worker.kill()
        print(worker.tail())


@pytest.fixture
def ingest(settings: Common, tmp_path: Path) -> Iterator[Service]:
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock=settings.clock,
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
    )
    service = Service("ingest", env, tmp_path)
    service.start()
    yield service
    service.kill()
    print(service.tail())


@contextmanager
def new_database(settings: Common, clickhouse: ClickHouse, name: str) -> Iterator[platform.ClickHouse]:
    """Another empty installation on the same topics."""
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    migrate(settings)
    database = platform.ClickHouse(settings)
    yield database
    database.close()
    with clickhouse.client() as client:
        client.execute(f"DROP DATABASE {name} SYNC")


def judge(db: platform.ClickHouse, plan: Plan, accepted: list[CloudEvent]) -> None:
    """Wait until all is counted; every figure is right."""
    right = counted(accepted)
    eventually(
        lambda: judging.records_counted(db), SECONDS, "all is counted", until=lambda n: n >= len(right)
    )
    assert judging.log_differences(db, right) == []
    day = today(plan, right)
    wanted = history(plan, right, [*months_over(BEGIN, day), *judging.dues_over(day), day])
    eventually(
        lambda: judging.live_differences(db, wanted, day), SECONDS, "the live figures are right", until=not_
    )
    # A late record may change the past alone, so that the live figures were right without it.
    eventually(lambda: judging.history_differences(db, wanted), SECONDS, "the history is right", until=not_)
    eventually(
        lambda: judging.task_differences(db, plan, right, day), SECONDS, "the tasks are right", until=not_
    )
    assert judging.hour_differences(db, right) == []


def figures(db: platform.ClickHouse) -> list[tuple[Any, ...]]:
    return db.query(
        "SELECT indicator, division, as_of, numerator, denominator, value, target, status"
        " FROM indicator_live FINAL ORDER BY ALL"
    )


def claimants(db: platform.ClickHouse) -> int:
    """How many workers have claimed blocks."""
    return int(db.query("SELECT uniq(worker) FROM block")[0][0])


def test_one_two_and_four_workers_come_to_the_same_figures(  # noqa: PLR0917 - fixtures
    settings: Common,
    clickhouse: ClickHouse,
    ingest: Service,
    plan: Plan,
    keys: dict[str, str],
    new_worker: Callable[[Common], Worker],
) -> None:
    """The same topics are counted into one empty database after the other."""
    books = Books()
    with at_work(ingest.url, keys, pushes(list(sample(plan, RECORDS, seed=3, end=END)), seed=3), books):
        pass
    ingest.stop()  # it would write again what is read past, and not counted in its own database
    came_to = []
    for number in (1, 2, 4):
        own = settings.model_copy(update={"clickhouse_database": f"{settings.clickhouse_database}_{number}"})
        with new_database(own, clickhouse, own.clickhouse_database) as db:
            workers = [new_worker(own) for _ in range(number)]
            for worker in workers:
                worker.start(ready=False)
            for worker in workers:
                worker.wait_ready()
            judge(db, plan, books.accepted)
            came_to.append(figures(db))
            for worker in workers:
                worker.stop()
    assert came_to[0]
    assert came_to[0] == came_to[1] == came_to[2]


def test_workers_come_and_go_amid_the_records(  # noqa: PLR0917 - fixtures
    settings: Common,
    db: platform.ClickHouse,
    ingest: Service,
    plan: Plan,
    keys: dict[str, str],
    new_worker: Callable[[Common], Worker],
) -> None:
    books = Books()
    rounds = _rounds(pushes(list(sample(plan, RECORDS, seed=4, end=END)), seed=4), 4)
    first, second, third, fourth = (new_worker(settings) for _ in range(4))

    def some_counted() -> None:
        before = judging.records_counted(db)
        eventually(
            lambda: judging.records_counted(db), SECONDS, "some are counted", until=partial(lt, before)
        )

    first.start()
    assert first.partitions() == PARTITIONS * 7 + 3
    with at_work(ingest.url, keys, rounds[0], books):
        some_counted()
        second.start()
        assert second.partitions() > 0
    with at_work(ingest.url, keys, rounds[1], books):
        some_counted()
        third.start()
        fourth.start()
    everybody = (first, second, third, fourth)
    eventually(
        lambda: [one.partitions() for one in everybody],
        SECONDS,
        "each has its share",
        until=lambda shares: sum(shares) == PARTITIONS * 7 + 3 and min(shares) > 0,
    )
    with at_work(ingest.url, keys, rounds[2], books):
        some_counted()
        first.stop()
        second.kill()
    with at_work(ingest.url, keys, rounds[3], books):
        some_counted()
        second.start()
    judge(db, plan, books.accepted)
    assert claimants(db) == 5, "each of the four, and the second in its second life"
    assert "of them as before" in third.tail(2000)


def _rounds(mine: dict[str, list[list[Item]]], number: int) -> list[dict[str, list[list[Item]]]]:
    """Split the pushes of each agency into stretches, in their order: what contradicts comes after."""
    rounds: list[dict[str, list[list[Item]]]] = [{} for _ in range(number)]
    for agency, batches in mine.items():
        ends = [len(batches) * one // number for one in range(number + 1)]
        for round, (begin, end) in zip(rounds, pairwise(ends), strict=True):
            if begin < end:
                round[agency] = batches[begin:end]
    return rounds
