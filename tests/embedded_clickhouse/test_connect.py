"""An unmodified clickhouse-connect against the HTTP interface."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.clickhouse import ClickHouse

AT = dt.datetime(2026, 11, 24, 8, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(params=[False, "gzip", "lz4", "zstd"], ids=str)
def client(clickhouse: ClickHouse, database: str, request: pytest.FixtureRequest) -> Iterator[Client]:
    own = clickhouse_connect.get_client(
        host=clickhouse.host, port=clickhouse.http_port, database=database, compress=request.param
    )
    yield own
    own.close()


def test_insert_and_query(client: Client) -> None:
    client.command(
        "CREATE TABLE t (a UInt64, s LowCardinality(String), m Decimal(18, 2), at DateTime('Asia/Shanghai')) "
        "ENGINE = MergeTree ORDER BY a"
    )
    # More rows than clickhouse-connect puts into one block.
    rows = [[number, f"s{number % 9}", Decimal(number) / 100, AT] for number in range(60_000)]
    summary = client.insert("t", rows, column_names=["a", "s", "m", "at"])
    assert summary.written_rows == 60_000
    got = client.query("SELECT a, s, m, at FROM t ORDER BY a")
    assert got.column_names == ("a", "s", "m", "at")
    assert [list(row) for row in got.result_rows] == rows
    assert client.query("SELECT a FROM t WHERE a = {a:UInt64}", parameters={"a": 7}).result_rows == [(7,)]
    assert client.query("SELECT a FROM t WHERE a > 100000").result_rows == []
    with client.query_row_block_stream("SELECT a FROM t ORDER BY a") as stream:
        assert sum(row[0] for block in stream for row in block) == sum(range(60_000))
    assert client.raw_query("SELECT 1 AS x FORMAT JSONEachRow") == b'{"x":1}\n'
    client.raw_insert("t", ["a", "s"], b"70000,raw\n", fmt="CSV")
    assert client.command("SELECT s FROM t WHERE a = 70000") == "raw"


def test_errors_settings_and_sessions(client: Client) -> None:
    with pytest.raises(DatabaseError, match="code: 60"):
        client.query("SELECT * FROM nowhere")
    assert client.ping()
    value = "SELECT getSetting('max_block_size')"
    assert client.query(value, settings={"max_block_size": 77}).result_rows == [(77,)]
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[1]], column_names=["a"])
    assert client.query("SELECT a FROM mine").result_rows == [(1,)]
