"""Nothing outside the data folder can be reached through the server."""

from pathlib import Path

import httpx
import pytest
from clickhouse_driver.errors import ServerException

from deploy.embedded.clickhouse.errors import ACCESS_DENIED, SYNTAX_ERROR, EngineError
from deploy.embedded.clickhouse.guard import check, check_rows
from tests.support.clickhouse import ClickHouse

REFUSED = [
    "SELECT 1 INTO OUTFILE 'x.csv'",
    "select 1 into /* there */ outfile 'x.csv' format CSV",
    "INSERT INTO t FROM INFILE 'x.csv' FORMAT CSV",
    "SELECT * FROM file('x.csv')",
    "SELECT * FROM `file` -- spaced\n ('x.csv')",
    "SELECT * FROM \"File\"('x.csv')",
    "SELECT file('x.csv')",
    "INSERT INTO FUNCTION file('x.csv') SELECT 1",
    "INSERT INTO TABLE FUNCTION url('http://localhost/') SELECT 1",
    "SELECT * FROM url('http://localhost/')",
    "DESCRIBE TABLE url('http://localhost/')",
    "CREATE TABLE t AS url('http://localhost/')",
    "SELECT * FROM s3('http://localhost/x')",
    "SELECT * FROM executable('x.sh', TSV, 'a String')",
    "SELECT * FROM remote('localhost', 'a.b')",
    "SELECT * FROM mysql('localhost:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM Python(x)",
    "WITH f AS (SELECT * FROM icebergLocal('x')) SELECT 1",
    "CREATE TABLE t (a String) ENGINE = File(CSV)",
    "CREATE TABLE t (a String) ENGINE File(CSV)",
    "CREATE TABLE t ENGINE = URL('http://localhost/') AS SELECT 1",
    "CREATE TABLE t (a String) ENGINE = Kafka",
    "CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = 'x')",
    "CREATE DATABASE d ENGINE = Filesystem('x')",
    "CREATE DATABASE d ENGINE = SQLite('x')",
    "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(FILE(path 'x' format 'CSV')) LAYOUT(FLAT())",
    "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'x')) LAYOUT(FLAT())",
    "ATTACH TABLE t FROM 'x' (a UInt8) ENGINE = MergeTree ORDER BY a",
    "BACKUP TABLE t TO Disk('x', 'y')",
    "RESTORE TABLE t FROM File('x')",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "DROP DATABASE default",
    "DROP DATABASE IF EXISTS `default`",
]
ALLOWED = [
    "SELECT 'file(1)', \"file\" FROM t -- url('x')",
    "SELECT file, url FROM t WHERE url IN ('a') /* file() */",
    "CREATE TABLE t (url String, engine LowCardinality(String), file FixedString(3)) ENGINE = Memory",
    "CREATE TABLE IF NOT EXISTS url (a String) ENGINE = Memory",
    "INSERT INTO minmai.file (a) VALUES",
    "CREATE TABLE t (a UInt8) ENGINE = ReplicatedReplacingMergeTree ORDER BY a",
    "CREATE TABLE t (a UInt8) ENGINE = Null",
    "CREATE MATERIALIZED VIEW v TO t AS SELECT engine = 'x' AS same FROM system.tables",
    "CREATE DATABASE d ENGINE = Atomic",
    "INSERT INTO file (a, url) VALUES",
    "SELECT * FROM numbers(3), values('a UInt8', 1), generateRandom('a UInt8')",
    "SYSTEM FLUSH LOGS",
    "DROP DATABASE minmai",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(sql: str) -> None:
    with pytest.raises(EngineError) as caught:
        check(sql)
    assert caught.value.code == ACCESS_DENIED


def test_one_statement_at_a_time() -> None:
    check("SELECT 1;;")
    with pytest.raises(EngineError) as caught:
        check("SET max_threads = 1; SYSTEM SHUTDOWN")
    assert caught.value.code == SYNTAX_ERROR


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(sql: str) -> None:
    check(sql)


def test_rows_may_hold_expressions_but_none_that_reads_files() -> None:
    check_rows(b"(1, now()), ('file', 'url(')", "Values")
    check_rows(b"file('x')\n", "CSV")
    with pytest.raises(EngineError):
        check_rows(b"(1, file('/etc/hostname'))", "values")


@pytest.mark.parametrize("name", ["'{}'", "`{}`", "default.`{}`", "{{name:Identifier}}"])
def test_a_file_is_not_taken_for_a_table(clickhouse: ClickHouse, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("kept to myself\n")
    url = f"http://{clickhouse.host}:{clickhouse.http_port}/"
    sql = f"SELECT * FROM {name.format(secret)}"
    answer = httpx.post(url, content=sql, params={"param_name": str(secret)})
    assert answer.status_code == 404
    assert "kept to myself" not in answer.text


def test_refusals_reach_the_clients(clickhouse: ClickHouse, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    statements = [
        f"SELECT 1 INTO OUTFILE '{target}'",
        f"INSERT INTO FUNCTION file('{target}', CSV) SELECT 1",
        f"CREATE TABLE x (a String DEFAULT file('{target}')) ENGINE = Memory",
    ]
    for sql in statements:
        with clickhouse.client() as client:
            with pytest.raises(ServerException) as caught:
                client.execute(sql)
            assert caught.value.code == ACCESS_DENIED
            assert client.execute("SELECT 1") == [(1,)]
        answer = httpx.post(f"http://{clickhouse.host}:{clickhouse.http_port}/", content=sql)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "497")
    assert not target.exists()
