"""An installation of a test's own: settings, database, plan, and the sample's agencies with their keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.sample.outbox import AGENCIES
from schemas import examples
from schemas.streams import RETRACTION, STREAMS
from services.ingest.agencies import add
from services.platform import clickhouse as platform
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import YANSHAN


@pytest.fixture
def settings(fresh_broker: Broker, clickhouse: ClickHouse, migrated: str) -> Common:
    """The settings of an installation that is ready for its services."""
    settings = Common(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
        plan=YANSHAN,
        clock="event",
    )
    ensure_topics(settings.kafka)
    return settings


@pytest.fixture
def db(settings: Common) -> Iterator[platform.ClickHouse]:
    """The database as the services see it."""
    database = platform.ClickHouse(settings)
    yield database
    database.close()


@pytest.fixture
def plan() -> Plan:
    return load_plan(YANSHAN)


@pytest.fixture
def keys(tmp_path: Path, plan: Plan) -> dict[str, str]:
    """The key of each agency of the sample, and of the examples' one."""
    every_stream = tuple(stream for stream in STREAMS if stream != RETRACTION.name)
    return {
        agency: add(tmp_path / "agencies.json", agency, streams, [plan.county.county])
        for agency, streams in {**AGENCIES, examples.SOURCE: every_stream}.items()
    }
