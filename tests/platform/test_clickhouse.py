"""The pool of clients: what a server that cannot now is taken for."""

from collections.abc import Iterator

import pytest
from clickhouse_driver.errors import ErrorCodes, ServerException

from services.platform.clickhouse import ClickHouse as Pool
from services.platform.errors import Unavailable
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse
from tests.support.services import YANSHAN

SLOW = "SELECT sum(sleepEachRow(0.1)) FROM numbers(20)"
LARGE = "SELECT count() FROM (SELECT number FROM numbers(1000000) ORDER BY number DESC LIMIT 900000)"


@pytest.fixture
def pool(clickhouse: ClickHouse) -> Iterator[Pool]:
    pool = Pool(Common(clickhouse_port=clickhouse.port, clickhouse_database="default", plan=YANSHAN))
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("sql", "limit", "code"),
    [
        (SLOW, {"max_execution_time": 0.2}, ErrorCodes.TIMEOUT_EXCEEDED),
        (LARGE, {"max_memory_usage": 1_000_000}, ErrorCodes.MEMORY_LIMIT_EXCEEDED),
    ],
)
def test_a_server_that_cannot_now_is_busy(pool: Pool, sql: str, limit: dict[str, float], code: int) -> None:
    with pytest.raises(Unavailable, match=f"busy .code {code}: .*try again") as caught:
        pool.query(sql, settings=limit)
    assert caught.value.code == code
    assert pool.query("SELECT 1") == [(1,)], "its client is not used again"


def test_what_is_wrong_itself_is_not_waited_for(pool: Pool) -> None:
    with pytest.raises(ServerException) as caught:
        pool.query("SELECT nothing FROM nowhere")
    assert caught.value.code == ErrorCodes.UNKNOWN_TABLE
