"""Boards and their databases: one filled county that tests share and only read, others of their own."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from services.board.app import create_app
from services.board.pipeline import Board
from services.board.settings import BoardSettings
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board import ledger, places_judge
from tests.board.county import PLAN, fill, write_alerts
from tests.board.running import RunningBoard, following, make_topic
from tests.support.brokers import Broker, new_broker
from tests.support.clickhouse import ClickHouse


@pytest.fixture(scope="session")
def board_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker for boards alone: they read the one topic of all figures."""
    own = new_broker(broker_kind, tmp_path_factory.mktemp("board_broker"))
    own.start()
    make_topic(own.bootstrap)
    yield own
    own.stop()


def filled(settings: Common) -> platform.ClickHouse:
    """The database of `settings`, migrated and filled with the county; close what this returns."""
    migrate(settings)
    pool = platform.ClickHouse(settings)
    fill(pool)
    return pool


@pytest.fixture(scope="session")
def county(clickhouse: ClickHouse) -> Common:
    """Settings for a county with figures and alerts, without a broker. It is shared: write nothing there."""
    name = "board_county"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name, plan=PLAN)
    pool = filled(settings)
    write_alerts(pool)
    pool.close()
    return settings


@pytest.fixture
def settings(clickhouse: ClickHouse, migrated: str) -> Common:
    """Settings for a database of this test's own without rows, without a broker."""
    return Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated, plan=PLAN)


@pytest.fixture
def tables(settings: Common) -> Iterator[platform.ClickHouse]:
    """The test's own database, filled with the county; it may be written to."""
    pool = filled(settings)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def board(
    county: Common, board_broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBoard]:
    """A running board of the shared county."""
    running = RunningBoard(following(county, board_broker), tmp_path_factory.mktemp("board") / "board.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def placed_events() -> list[ledger.Event]:
    """The records of the county of `placed`, in the order in which they were received."""
    return places_judge.all_events()


@pytest.fixture(scope="session")
def placed(clickhouse: ClickHouse, placed_events: list[ledger.Event]) -> TestClient:
    """The API of a county that has records and nothing else. It is shared: write nothing there."""
    name = "board_places"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name, plan=PLAN, clock="event")
    migrate(settings)
    pool = platform.ClickHouse(settings)
    ledger.write(pool, placed_events)
    pool.close()
    own = BoardSettings.model_validate(settings.model_dump())
    return TestClient(create_app(Board(own, share_seconds=0)), own.board_url)
