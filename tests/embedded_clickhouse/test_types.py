"""Every type that minmai's tables use, and their neighbours, in by rows and by columns, out the same."""

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.support.clickhouse import ClickHouse

_AT = dt.datetime(2026, 11, 24, 15, 0, 0, 123000, tzinfo=dt.UTC)
_LATER = _AT + dt.timedelta(days=1)
_IDS = [uuid.UUID(int=7), uuid.UUID("e0f1c1f0-6f5c-4a7e-8f0f-0123456789ab")]

CASES: dict[str, list[Any]] = {
    "Decimal(18, 2)": [Decimal("-0.01"), Decimal("9999999999999999.99")],
    "Decimal(9, 4)": [Decimal("1.2345"), Decimal("-1.2345")],
    "Decimal(38, 10)": [Decimal("1.0000000001"), Decimal("-5")],
    "UUID": _IDS,
    "DateTime64(3, 'UTC')": [_AT, _LATER],
    "DateTime('UTC')": [_AT.replace(microsecond=0), _LATER.replace(microsecond=0)],
    "Date": [dt.date(2026, 11, 24), dt.date(1970, 1, 2)],
    "Date32": [dt.date(2026, 11, 24), dt.date(1950, 1, 2)],
    "LowCardinality(String)": ["沿山", "", ] * 300 + ["沿山县"],
    "LowCardinality(Nullable(String))": ["a", None, "b", None],
    "Nullable(UInt64)": [None, 2**64 - 1],
    "Nullable(String)": [None, "", "x" * 300],
    "Nullable(Decimal(18, 2))": [None, Decimal("1.50")],
    "Array(String)": [[], ["a", "乡镇" * 100], [""]],
    "Array(Array(UInt8))": [[], [[1], []], [[], [2, 3]]],
    "Array(LowCardinality(String))": [["a"], [], ["b", "a"]],
    "Array(Nullable(Int16))": [[None, -1], []],
    "Enum8('below' = -1, 'met' = 1)": ["below", "met"],
    "Enum16('a, b' = 1, 'it\\'s (c)' = 300)": ["a, b", "it's (c)"],
    "UInt128": [0, 2**128 - 1],
    "Int256": [-(2**255), 5],
    "FixedString(16)": ["0123456789abcdef", "民脉0123456789"],
    "String": ["", "a", "b" * 127, "c" * 128, "d" * 20_000, "\0\n'"],
    "Bool": [True, False],
    "Float64": [0.5, -1e300],
    "Map(String, UInt64)": [{}, {"a": 1, "b": 2}],
    "Tuple(String, Array(UInt8))": [("a", [1]), ("", [])],
    "Tuple(name String, size Nullable(UInt8))": [("a", None), ("b", 2)],
    "IPv4": ["127.0.0.1", "10.0.0.1"],
    "IPv6": ["::1", "2001:db8::1"],
    "SimpleAggregateFunction(sum, UInt64)": [1, 2],
}  # fmt: skip


def _plain(kind: str, value: Any) -> Any:
    if isinstance(value, str) and kind.startswith("FixedString"):
        return value.rstrip("\0")
    return str(value) if kind.startswith("IPv") else value


@pytest.fixture(scope="module")
def client(clickhouse: ClickHouse) -> Iterator[Client]:
    with clickhouse.client() as own:
        own.execute("CREATE DATABASE IF NOT EXISTS types")
        own.execute("USE types")
        yield own


@pytest.mark.parametrize("columnar", [False, True], ids=["rows", "columnar"])
@pytest.mark.parametrize("kind", CASES)
def test_values_come_back_as_they_went(client: Client, kind: str, columnar: bool) -> None:
    values = CASES[kind]
    positions = list(range(len(values)))
    # The text behind each value shows that the block was cut at the right place.
    tails = [f"tail {position}" for position in positions]
    client.execute("DROP TABLE IF EXISTS t")
    client.execute(
        f"CREATE TABLE t (n UInt32, v {kind}, tail String) ENGINE = MergeTree ORDER BY n "
        "SETTINGS allow_nullable_key = 1"
    )
    rows = list(zip(positions, values, tails, strict=True))
    data: list[Any] = [positions, values, tails] if columnar else rows
    client.execute("INSERT INTO t VALUES", data, columnar=columnar)
    got, columns = client.execute("SELECT n, v, tail FROM t ORDER BY n", with_column_types=True)
    assert columns[1] == ("v", kind)
    assert [(n, _plain(kind, v), tail) for n, v, tail in got] == rows
    empty, columns = client.execute("SELECT v FROM t WHERE n > 1000000", with_column_types=True)
    assert (empty, columns) == ([], [("v", kind)])


def test_a_type_without_an_end_is_refused_before_rows_are_sent(client: Client) -> None:
    client.execute("CREATE TABLE states (s AggregateFunction(sum, UInt64)) ENGINE = Memory")
    with pytest.raises(ServerException, match="cannot find the end of a column") as caught:
        client.execute("INSERT INTO states VALUES", [(1,)])
    assert caught.value.code == 48
    client.execute("INSERT INTO states SELECT sumState(number) FROM numbers(4)")
    assert client.execute("SELECT sumMerge(s) FROM states") == [(6,)]


def test_windows_common_tables_and_final(client: Client) -> None:
    client.execute(
        "CREATE TABLE places (id UInt32, at DateTime64(3, 'UTC'), beds UInt32) "
        "ENGINE = ReplacingMergeTree(at) ORDER BY id"
    )
    for at, beds in ((_AT, 10), (_LATER, 12)):
        client.execute("INSERT INTO places VALUES", [(1, at, beds), (2, at, beds * 2)])
    assert client.execute("SELECT id, beds FROM places FINAL ORDER BY id") == [(1, 12), (2, 24)]
    assert client.execute(
        "WITH newest AS (SELECT * FROM places FINAL), total AS (SELECT sum(beds) AS beds FROM newest) "
        "SELECT id, beds, sum(beds) OVER (ORDER BY id), row_number() OVER (ORDER BY beds DESC), "
        "(SELECT beds FROM total) FROM newest ORDER BY id"
    ) == [(1, 12, 12, 2, 36), (2, 24, 36, 1, 36)]
    client.execute("CREATE TABLE copy AS places")
    client.execute("INSERT INTO copy WITH 100 AS more SELECT id, at, beds + more FROM places FINAL")
    assert client.execute("SELECT sum(beds) FROM copy") == [(236,)]
