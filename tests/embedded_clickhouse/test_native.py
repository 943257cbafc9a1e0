"""The native protocol as an unmodified clickhouse-driver speaks it."""

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.errors import Error, ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Iterator[Client]:
    with clickhouse.client(database) as own:
        yield own


def running(clickhouse: ClickHouse, mark: str) -> int:
    """How many statements that contain `mark` run now."""
    with clickhouse.client() as client:
        statement = (
            "SELECT count() FROM system.processes WHERE query LIKE %(like)s AND query NOT LIKE '%%LIKE%%'"
        )
        return int(client.execute(statement, {"like": f"%{mark}%"})[0][0])


def test_external_tables_last_one_statement(client: Client) -> None:
    def table(name: str, *numbers: int) -> dict[str, object]:
        rows = [(number, f"n{number}") for number in numbers]
        return {"name": name, "structure": [("n", "UInt64"), ("s", "String")], "data": rows}

    sql = "SELECT number, s FROM numbers(10) AS all JOIN given ON all.number = given.n ORDER BY number"
    given = [table("given", 3, 5, 20)]
    assert client.execute(sql, external_tables=given) == [(3, "n3"), (5, "n5")]
    assert client.execute(sql, external_tables=[table("given", 7)]) == [(7, "n7")]
    assert client.execute(sql, external_tables=[table("given", 99)]) == []
    both = [table("given", 1, 2), table("other", 2)]
    assert client.execute(
        f"SELECT n FROM ({sql.replace('number, s', 'n')}) WHERE n IN (SELECT n FROM other)",
        external_tables=both,
    ) == [(2,)]
    with pytest.raises(ServerException) as gone:
        client.execute(sql)
    assert gone.value.code == 60
    with pytest.raises(ServerException):
        client.execute("SELECT broken FROM given", external_tables=given)
    assert client.execute(sql, external_tables=given) == [(3, "n3"), (5, "n5")]
    large = {"name": "given", "structure": [("n", "UInt64")], "data": [(n,) for n in range(100_000)]}
    assert client.execute("SELECT sum(n) FROM given", external_tables=[large]) == [(4_999_950_000,)]


@pytest.mark.parametrize("rows", [1, 30, 3_000])
def test_external_tables_of_any_size_and_bytes(client: Client, rows: int) -> None:
    every = "".join(map(chr, range(256))) + "\\'`价\n"
    names = [UUID(int=at) for at in range(rows)]
    given = [
        {
            "name": "a b",
            "structure": [
                ("id", "UUID"),
                ("at", "DateTime64(3, 'UTC')"),
                ("text", "LowCardinality(Nullable(String))"),
            ],
            "data": [(name, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), every) for name in names],
        }
    ]
    client.execute("CREATE TABLE kept (id UUID, text String) ENGINE = Memory")
    client.execute(
        "INSERT INTO kept SELECT id, text FROM `a b` WHERE at = '2026-01-01'", external_tables=given
    )
    assert client.execute("SELECT id, text FROM kept ORDER BY id") == [(name, every) for name in names]
    union = "SELECT 1 AS n UNION ALL SELECT count() AS n FROM `a b`"
    assert sorted(client.execute(union, external_tables=given)) == sorted([(1,), (rows,)])


def test_an_insert_knows_the_columns_that_another_client_has_made(
    clickhouse: ClickHouse, database: str, client: Client
) -> None:
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [(1,)])
    with clickhouse.client(database) as other:
        other.execute("DROP TABLE t")
        other.execute("CREATE TABLE t (s String, b UInt8) ENGINE = Memory")
    client.execute("INSERT INTO t VALUES", [("s", 2)])
    assert client.execute("SELECT * FROM t") == [("s", 2)]
    client.execute("CREATE DATABASE IF NOT EXISTS beside")
    client.execute("CREATE TABLE beside.t (d Date) ENGINE = Memory")
    client.execute("USE beside")
    client.execute("INSERT INTO t VALUES", [(dt.date(2026, 1, 1),)])
    assert client.execute("SELECT * FROM t") == [(dt.date(2026, 1, 1),)]
    client.execute("DROP DATABASE beside")


def test_greeting_ping_and_versions(client: Client) -> None:
    client.execute("SELECT 1")
    info = client.connection.server_info
    assert (info.name, info.used_revision, info.timezone) == ("ClickHouse", 54453, "UTC")
    assert info.version_major >= 26
    assert client.connection.ping()


@pytest.mark.parametrize("rows", [0, 1, 65_409, 300_000])
def test_select_of_no_one_and_many_blocks(client: Client, rows: int) -> None:
    result, columns = client.execute(
        f"SELECT number AS n, toString(number) AS s FROM numbers({rows})", with_column_types=True
    )
    assert columns == [("n", "UInt64"), ("s", "String")]
    assert result == [(number, str(number)) for number in range(rows)]


def test_blocks_arrive_while_the_query_runs(clickhouse: ClickHouse, client: Client) -> None:
    mark = "streamed_here"
    rows = client.execute_iter(f"SELECT number, '{mark}' FROM numbers(1000000000000)")
    assert next(rows) == (0, mark)
    assert running(clickhouse, mark) == 1
    client.disconnect()
    eventually(lambda: running(clickhouse, mark) == 0, 30, "the query has ended")


def test_a_result_without_rows_from_show(client: Client) -> None:
    assert client.execute("SHOW TABLES", with_column_types=True) == ([], [("name", "String")])
    assert ("default",) in client.execute("SHOW DATABASES")
    client.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    assert client.execute("EXISTS TABLE t") == [(1,)]
    assert [row[:2] for row in client.execute("DESCRIBE TABLE t")] == [("a", "UInt8")]
    assert client.execute("EXPLAIN SELECT a FROM t")


def test_statements_that_begin_in_unusual_ways(client: Client) -> None:
    assert client.execute("-- a comment\nWITH 2 AS x SELECT x; ") == [(2,)]
    assert client.execute("(SELECT 1) UNION ALL (SELECT 1)") == [(1,), (1,)]
    assert client.execute("SELECT 1 AS a FORMAT JSON -- as text\n", with_column_types=True) == (
        [(1,)],
        [("a", "UInt8")],
    )
    assert client.execute("SELECT 'FORMAT JSON' AS format") == [("FORMAT JSON",)]
    assert client.execute("SELECT 1 AS a -- the end") == [(1,)]


@pytest.mark.parametrize("rows", [0, 1])
def test_datetime_columns_keep_their_zone(client: Client, rows: int) -> None:
    result, columns = client.execute(
        "SELECT toDateTime('2026-11-24 08:00:00', 'Asia/Shanghai') AS local, "
        "toDateTime('2026-11-24 00:00:00') AS plain, 'x' AS between, "
        f"toDateTime('2026-11-24 00:00:00', 'UTC') AS utc FROM numbers({rows})",
        with_column_types=True,
    )
    assert [kind for _, kind in columns] == [
        "DateTime('Asia/Shanghai')",
        "DateTime",
        "String",
        "DateTime('UTC')",
    ]
    if rows:
        local, plain, between, utc = result[0]
        assert local == dt.datetime(2026, 11, 24, 8, tzinfo=SHANGHAI)
        assert plain == dt.datetime(2026, 11, 24)  # noqa: DTZ001 - the driver gives no zone here
        assert between == "x"
        assert utc == dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT * FROM nowhere", 60),
        ("SELECT throwIf(number = 2999999) FROM numbers(3000000)", 395),
        ("INSERT INTO nowhere VALUES", 60),
        ("CREATE TABLE x (a Nonsense) ENGINE = Memory", 50),
        ("SELECT toUInt8('x')", 6),
        ("SHOW TABLES FROM nowhere", 81),
    ],
)
def test_errors_carry_their_code_and_leave_the_connection_usable(client: Client, sql: str, code: int) -> None:
    # The driver's own execute() hangs up after every error.
    client.execute("SELECT 1")
    for _ in range(3):
        client.connection.send_query(sql)
        client.connection.send_external_tables([])
        packets = [client.connection.receive_packet()]
        while packets[-1].type == ServerPacketTypes.DATA:
            packets.append(client.connection.receive_packet())
        assert packets[-1].type == ServerPacketTypes.EXCEPTION
        assert packets[-1].exception.code == code
        client.connection.is_query_executing = False
        assert client.execute("SELECT 2") == [(2,)]


def test_a_failed_statement_leaves_nothing_for_the_next(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    for _ in range(5):
        with pytest.raises(ServerException):
            client.execute("EXPLAIN PIPELINE SELECT * FROM nowhere")
        with pytest.raises(ServerException):
            client.execute("SELECT throwIf(number = 200000) FROM numbers(300000)")
        assert client.execute("SELECT count() FROM t") == [(0,)]
        assert client.execute("EXISTS TABLE t") == [(1,)]


def test_insert_of_wrong_values_leaves_the_connection_usable(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as caught:
        client.execute("INSERT INTO t (a, gone) VALUES", [(1, "x")])
    assert caught.value.code == 16
    client.execute("INSERT INTO t (s, a) VALUES", [("x", 1)])
    assert client.execute("SELECT a, s FROM t") == [(1, "x")]


def test_insert_in_one_statement_from_select_and_of_nothing(client: Client) -> None:
    client.execute(
        "CREATE TABLE t (a UInt64, s String DEFAULT 'd', m UInt64 MATERIALIZED a * 2) ENGINE = Memory"
    )
    client.execute("INSERT INTO t (a) VALUES (1), (2)")
    client.execute("INSERT INTO t (a, s) SELECT number, 'n' FROM numbers(10, 2)")
    client.execute("INSERT INTO t WITH 20 AS x SELECT x, 'w'")
    client.execute("INSERT INTO t (* EXCEPT (s)) VALUES (30)")
    client.execute('INSERT INTO t FORMAT JSONEachRow {"a": 40, "s": "j"}')
    client.execute("INSERT INTO t VALUES", [])
    client.execute("INSERT INTO TABLE t (a) VALUES", [(50,)])
    assert client.execute("SELECT a, s, m FROM t ORDER BY a") == [
        (1, "d", 2), (2, "d", 4), (10, "n", 20), (11, "n", 22), (20, "w", 40), (30, "d", 60), (40, "j", 80),
        (50, "d", 100),
    ]  # fmt: skip


def test_insert_of_many_blocks(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    rows = ((number, str(number) * 30) for number in range(50_000))
    assert client.execute("INSERT INTO t VALUES", rows, settings={"insert_block_size": 1_000}) == 50_000
    assert client.execute("SELECT count(), sum(a), sum(length(s)) FROM t") == [
        (50_000, sum(range(50_000)), sum(len(str(number)) * 30 for number in range(50_000)))
    ]


def test_insert_and_select_with_numpy(clickhouse: ClickHouse, database: str) -> None:
    with Client(clickhouse.host, clickhouse.port, database=database, settings={"use_numpy": True}) as client:
        client.execute(
            "CREATE TABLE t (a UInt64, f Float64, s String, at DateTime('Asia/Shanghai')) "
            "ENGINE = MergeTree ORDER BY a"
        )
        numbers = np.arange(100_000, dtype=np.uint64)
        texts = numbers.astype(str).astype(object)
        times = np.full(100_000, np.datetime64("2026-11-24T00:00:00"), dtype="datetime64[s]")
        client.execute("INSERT INTO t VALUES", [numbers, numbers / 2, texts, times], columnar=True)
        got = client.execute("SELECT a, f, s FROM t ORDER BY a", columnar=True)
        assert np.array_equal(got[0], numbers)
        assert np.array_equal(got[1], numbers / 2)
        assert np.array_equal(got[2], texts)


@pytest.mark.parametrize("compression", ["lz4", "lz4hc", "zstd"])
def test_compressed_blocks_both_ways(clickhouse: ClickHouse, database: str, compression: str) -> None:
    with Client(clickhouse.host, clickhouse.port, database=database, compression=compression) as client:
        client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        rows = [(number, f"{number:040d}") for number in range(60_000)]
        client.execute("INSERT INTO t VALUES", rows)
        client.execute("INSERT INTO t VALUES", [(60_000, "")])
        answer = {"network_compression_method": "ZSTD"} if compression == "zstd" else {}
        assert client.execute("SELECT a, s FROM t ORDER BY a", settings=answer) == [*rows, (60_000, "")]
        with pytest.raises(ServerException):
            client.execute("SELECT * FROM nowhere")


def test_limits_that_forbid_nearly_everything_are_lifted_again(client: Client) -> None:
    client.execute("SELECT 1")
    for _ in range(2):
        with pytest.raises(ServerException) as caught:
            client.execute(
                "SELECT uniqExact(number) FROM numbers(3000000)", settings={"max_memory_usage": 1_000_000}
            )
        assert caught.value.code == 241
        assert client.execute("SELECT 1") == [(1,)]


def test_settings_hold_for_their_query_only(client: Client) -> None:
    value = "SELECT getSetting('max_block_size'), getSetting('max_threads')"
    plain = client.execute(value)
    assert client.execute(value, settings={"max_block_size": 77, "max_threads": 1}) == [(77, 1)]
    assert client.execute(value, settings={"max_block_size": 78}) == [(78, plain[0][1])]
    assert client.execute(value) == plain
    client.execute("SET max_block_size = 99")
    assert client.execute(value, settings={"max_block_size": 77})[0][0] == 77
    assert client.execute(value)[0][0] == 99
    assert client.execute("SELECT 1", settings={"no_such_setting": 1}) == [(1,)]
    with pytest.raises(ServerException) as caught:
        client.execute("SELECT 1", settings={"max_threads": "many"})
    assert caught.value.code in {27, 72}


def test_readonly_is_a_wish_for_one_query(client: Client) -> None:
    create = "CREATE TABLE t (a UInt8) ENGINE = Memory"
    client.execute("SELECT 1", settings={"readonly": 2, "max_threads": 1})
    with pytest.raises(ServerException) as caught:
        client.execute(create, settings={"readonly": 1})
    assert caught.value.code == 164
    client.execute(create)


def test_each_connection_has_its_own_database_and_temporary_tables(
    clickhouse: ClickHouse, database: str, client: Client
) -> None:
    client.execute("CREATE TEMPORARY TABLE mine (at DateTime('Asia/Shanghai'))")
    client.execute("INSERT INTO mine VALUES", [(dt.datetime(2026, 11, 24, 8, tzinfo=SHANGHAI),)])
    assert len(client.execute("SELECT * FROM mine")) == 1
    with clickhouse.client() as other:
        assert other.execute("SELECT currentDatabase()") == [("default",)]
        with pytest.raises(ServerException):
            other.execute("SELECT * FROM mine")
        other.execute(f"USE {database}")
        assert other.execute("SELECT currentDatabase()") == [(database,)]
    with pytest.raises(ServerException) as caught, clickhouse.client("nowhere") as stranger:
        stranger.execute("SELECT 1")
    assert caught.value.code == 81


def test_several_clients_at_once(clickhouse: ClickHouse, database: str, client: Client) -> None:
    client.execute("CREATE TABLE t (who UInt8, n UInt64) ENGINE = MergeTree ORDER BY n")
    failures: list[Exception] = []

    def work(who: int) -> None:
        try:
            with clickhouse.client(database) as own:
                for round_ in range(10):
                    own.execute("INSERT INTO t VALUES", [(who, round_ * 100 + n) for n in range(100)])
                    seen = own.execute(
                        "SELECT count(), uniqExact(n) FROM t WHERE who = %(who)s", {"who": who}
                    )
                    assert seen == [((round_ + 1) * 100,) * 2]
        except (AssertionError, Error) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert client.execute("SELECT count() FROM t") == [(6_000,)]


def test_cancel_ends_the_query_and_keeps_the_connection(clickhouse: ClickHouse, client: Client) -> None:
    mark = "cancelled_here"
    client.execute_with_progress(f"SELECT count() FROM numbers(1e15) WHERE NOT ignore('{mark}', number)")
    eventually(lambda: running(clickhouse, mark) == 1, 30, "the query runs")
    client.cancel()
    eventually(lambda: running(clickhouse, mark) == 0, 30, "the query has ended")
    assert client.execute("SELECT 3") == [(3,)]


def test_a_client_that_vanishes_takes_its_query_with_it(clickhouse: ClickHouse, client: Client) -> None:
    mark = "abandoned_here"
    client.execute_with_progress(f"SELECT count() FROM numbers(1e15) WHERE NOT ignore('{mark}', number)")
    eventually(lambda: running(clickhouse, mark) == 1, 30, "the query runs")
    client.disconnect()
    eventually(lambda: running(clickhouse, mark) == 0, 30, "the query has ended")


def test_a_client_that_vanishes_within_an_insert_leaves_nothing(
    clickhouse: ClickHouse, database: str, client: Client
) -> None:
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    other = clickhouse.client(database)
    other.execute("SELECT 1")
    other.connection.send_query("INSERT INTO t VALUES")
    other.connection.send_external_tables([])
    columns = other.receive_sample_block().columns_with_types
    # So many rows that the engine would write some of them before the end, were it given them.
    for first in (0, 1_100_000):
        values = list(range(first, first + 1_100_000))
        other.connection.send_data(ColumnOrientedBlock(columns, [values]))
    gone = other.connection.socket
    gone.sendall(b"\x02\x00")
    gone.shutdown(socket.SHUT_WR)
    assert gone.recv(1) == b"", "the server closes the connection once it has ended the session"
    assert client.execute("SELECT count() FROM t") == [(0,)]
    client.execute("INSERT INTO t VALUES", [(1,)])
    assert client.execute("SELECT count() FROM t") == [(1,)]


def test_bytes_that_are_no_protocol_are_refused(clickhouse: ClickHouse, client: Client) -> None:
    with socket.create_connection((clickhouse.host, clickhouse.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answer = b""
        while piece := raw.recv(4096):
            answer += piece
    assert b"HTTP is served on the other one" in answer
    assert client.execute("SELECT 4") == [(4,)]
