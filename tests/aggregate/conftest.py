"""A migrated database and the pool the services use, for the aggregate tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse as Server

PLAN = Path(__file__).parents[2] / "plans" / "yanshan"


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(PLAN)


@pytest.fixture
def settings(clickhouse: Server, migrated: str) -> Common:
    return Common(
        clickhouse_host=clickhouse.host,
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
        plan=PLAN,
        clock="event",
    )


@pytest.fixture
def pool(settings: Common) -> Iterator[ClickHouse]:
    pool = ClickHouse(settings)
    yield pool
    pool.close()
