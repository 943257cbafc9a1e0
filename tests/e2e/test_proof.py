"""The proof: records of all streams go over HTTP while the aggregator is killed, and every figure is right.

Right means equal to an independent count in plain Python over what ingest accepted (cli/sample/truth.py),
to the cent: live figures, their history at each month's end, and the voucher money of every hour.
"""

import calendar
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import pairwise
from operator import lt, not_
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from cli.sample.county import BEGIN, sample
from cli.sample.outbox import AGENCIES
from cli.sample.truth import CloudEvent, Count, HourSum, counted, figures, history, today, voucher_hourly
from schemas.streams import INDICATOR_TOPIC, STREAMS
from services.ingest.agencies import add
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.e2e.agencies import Books, at_work
from tests.e2e.pushes import Item, pushes
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

RECORDS = 20_000
END = date(2025, 12, 31)
KILLS = 3

_COUNTED_SECONDS = 300.0


@pytest.fixture
def settings(fresh_broker: Broker, clickhouse: ClickHouse, database: str) -> Common:
    """The settings of an installation that is ready for its services."""
    settings = Common(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=database,
        plan=YANSHAN,
        clock="event",
    )
    migrate(settings)
    ensure_topics(settings.kafka)
    return settings


@pytest.fixture
def db(settings: Common) -> Iterator[platform.ClickHouse]:
    """The database as the services see it."""
    database = platform.ClickHouse(settings)
    yield database
    database.close()


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[dict[str, Service]]:
    """Ingest and the aggregator, not started; their logs are shown when the test fails."""
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock=settings.clock,
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        block_records=400,  # many blocks, so that a kill comes between and amid them
        session_timeout_ms=2_000,  # so that a killed member's partitions are free soon
        rebalance_timeout_ms=2_000,
    )
    both = {name: Service(name, env, tmp_path) for name in ("ingest", "aggregate")}
    yield both
    for service in both.values():
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


@pytest.fixture
def plan() -> Plan:
    return load_plan(YANSHAN)


@pytest.fixture
def keys(tmp_path: Path, plan: Plan) -> dict[str, str]:
    return {
        agency: add(tmp_path / "agencies.json", agency, streams, [plan.county.county])
        for agency, streams in AGENCIES.items()
    }


def test_every_figure_equals_the_independent_count(
    settings: Common, db: platform.ClickHouse, services: dict[str, Service], plan: Plan, keys: dict[str, str]
) -> None:
    ingest, aggregate = services["ingest"], services["aggregate"]
    mine = pushes(list(sample(plan, RECORDS, seed=7, end=END)), seed=7)
    books = Books()
    ingest.start()
    aggregate.start()
    *before_kills, last = _rounds(mine, KILLS + 1)
    for round_ in before_kills:
        before = _records_counted(db)
        with at_work(ingest.url, keys, round_, books):
            eventually(
                lambda: _records_counted(db), 120, "some records are counted", until=partial(lt, before)
            )
            aggregate.kill()
            aggregate.start(ready=False)
    with at_work(ingest.url, keys, last, books):
        aggregate.wait_ready()

    right = counted(books.accepted)
    eventually(
        lambda: _records_counted(db), _COUNTED_SECONDS, "all is counted", until=lambda n: n >= len(right)
    )
    _check_logs(db, right)
    day = today(right, plan)
    wanted = figures(right, plan, day)
    eventually(
        lambda: _differences(_live(db), wanted), _COUNTED_SECONDS, "the live figures are right", until=not_
    )
    assert {as_of for (as_of,) in db.query("SELECT DISTINCT as_of FROM indicator_live FINAL")} == {day}
    months = _month_ends(BEGIN, day)
    wanted_then = history(right, plan, months)
    eventually(
        lambda: [
            (month, difference)
            for month, told in _history(db, months).items()
            for difference in _differences(told, wanted_then[month])
        ],
        60,
        "the figures at each month's end are right",
        until=not_,
    )
    assert _hours(db) == voucher_hourly(right)
    _check_published(settings.kafka, db)
    _check_dead_letters(db, books)
    aggregate.stop()
    ingest.stop()


def _rounds(pushes: dict[str, list[list[Item]]], number: int) -> Iterator[dict[str, list[list[Item]]]]:
    """Cut every agency's pushes into rounds of equal length."""
    for first, last in pairwise(range(number + 1)):
        yield {
            agency: mine[len(mine) * first // number : len(mine) * last // number]
            for agency, mine in pushes.items()
        }


def _records_counted(db: platform.ClickHouse) -> int:
    [(records,)] = db.query("SELECT sum(records) FROM feed_live")
    return int(records)


def _check_logs(db: platform.ClickHouse, right: list[CloudEvent]) -> None:
    """Every accepted record lies in its log once, and nothing else does."""
    for stream in STREAMS.values():
        ids = Counter(db.query(f"SELECT source, id FROM {stream.log_table}"))
        assert ids == Counter(
            (event["source"], event["id"]) for event in right if event["type"] == stream.topic
        )


def _live(db: platform.ClickHouse) -> dict[tuple[str, str], Count]:
    return {
        (indicator, division): Count(*figure)
        for indicator, division, *figure in db.query(
            "SELECT indicator, division, numerator, denominator, value, status FROM indicator_live FINAL"
        )
    }


def _history(db: platform.ClickHouse, days: list[date]) -> dict[date, dict[tuple[str, str], Count]]:
    """The figures that held at the end of each day: those of the newest row up to it."""
    rows: dict[tuple[str, str], list[tuple[date, Count]]] = {}
    for indicator, division, day, *figure in db.query(
        "SELECT indicator, division, day, numerator, denominator, value, status FROM indicator_history FINAL"
        " ORDER BY indicator, division, day"
    ):
        rows.setdefault((indicator, division), []).append((day, Count(*figure)))
    found: dict[date, dict[tuple[str, str], Count]] = {day: {} for day in days}
    for name, told in rows.items():
        for day in days:
            place = bisect_right([since for since, _figure in told], day)
            if place:
                found[day][name] = told[place - 1][1]
    return found


def _differences(told: dict[tuple[str, str], Count], wanted: dict[tuple[str, str], Count]) -> list[str]:
    """Where figures differ: numerators and denominators exactly, values beyond the last digit of a float.

    A figure that was never told is one without data.
    """
    return [
        f"{name}: told {told.get(name)}, counted {right}"
        for name, right in wanted.items()
        if not _same(told.get(name), right)
    ] + [f"{name}: told, and there is no such figure" for name in told.keys() - wanted.keys()]


def _same(told: Count | None, right: Count) -> bool:
    if told is None:
        return right.status == "no_data"
    exact = (told.numerator, told.denominator, told.status) == (
        right.numerator,
        right.denominator,
        right.status,
    )
    return exact and told.value == (None if right.value is None else pytest.approx(right.value, rel=1e-15))


def _hours(db: platform.ClickHouse) -> dict[tuple[Any, ...], HourSum]:
    rows = db.query(
        "SELECT campaign, sector, division, hour, step, sum(records), sum(face_value), sum(order_amount)"
        " FROM voucher_hourly GROUP BY campaign, sector, division, hour, step"
    )
    return {tuple(key): HourSum(*sums) for *key, sums in ((*row[:5], row[5:]) for row in rows)}


def _month_ends(first: date, last: date) -> list[date]:
    """The last day of every month from `first` on that is over on `last`."""
    months = [(year, month) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    ends = [date(year, month, calendar.monthrange(year, month)[1]) for year, month in months]
    return [end for end in ends if first <= end <= last]


def _check_published(kafka: str, db: platform.ClickHouse) -> None:
    """The newest figure of each indicator and division on the topic is the live one."""
    live = {
        f"{indicator}/{division}": (version, str(as_of))
        for indicator, division, version, as_of in db.query(
            "SELECT indicator, division, version, as_of FROM indicator_live FINAL"
        )
    }
    newest: dict[str, tuple[int, str]] = {}
    with KafkaConsumer(bootstrap_servers=kafka, group_id=None, enable_auto_commit=False) as reader:
        partition = TopicPartition(INDICATOR_TOPIC, 0)
        reader.assign([partition])
        reader.seek(partition, 0)

        def read() -> bool:
            for messages in reader.poll(timeout_ms=500).values():
                for message in messages:
                    figure = json.loads(message.value)
                    key = message.key.decode()
                    newest[key] = max(newest.get(key, (0, "")), (figure["version"], figure["as_of"]))
            return newest == live

        eventually(read, 60, "every live figure is on the indicator topic")


def _check_dead_letters(db: platform.ClickHouse, books: Books) -> None:
    """The dead letters are what ingest refused and what the aggregator found in conflict, nothing else."""

    def lies() -> bool:
        told = Counter(
            db.query(
                "SELECT code, record_id FROM dead_letter FINAL"
                " WHERE service = 'ingest' AND code != 'not_object'"
            )
        )
        wanted = Counter(refused for refused in books.refused if refused[0] != "not_object")
        assert told == wanted
        conflicts = db.query("SELECT code, record_id FROM dead_letter FINAL WHERE service = 'aggregate'")
        assert set(conflicts) == {("conflict", id) for id in books.conflicts()}
        return True

    eventually(lies, 60, "the dead letters are those that were refused")
