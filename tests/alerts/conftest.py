"""A site with the alerts service, and receivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.platform.settings import Common
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import Site, ended
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port


@pytest.fixture
def settings(clickhouse: ClickHouse, migrated: str) -> Common:
    """Settings for a database that has been migrated."""
    return Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)


@pytest.fixture
def site(fresh_broker: Broker, clickhouse: ClickHouse, migrated: str, tmp_path: Path) -> Iterator[Site]:
    """A site whose service has not been started; no channel but the alert topic."""
    with ended(Site(fresh_broker, clickhouse, migrated, tmp_path)) as made:
        made.make_topics()
        yield made


@pytest.fixture
def web() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def smtp() -> Iterator[SmtpReceiver]:
    receiver = SmtpReceiver(free_port())
    yield receiver
    receiver.close()
