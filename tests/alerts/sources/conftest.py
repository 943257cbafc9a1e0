"""A database into which a real worker counts what a test says."""

from collections.abc import Iterator

import pytest

from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from tests.alerts.sources.county import County


@pytest.fixture
def county(settings: Common) -> Iterator[County]:
    pool = ClickHouse(settings)
    yield County(pool)
    pool.close()
