"""The HTTP interface as curl and Grafana use it."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator

import httpx
import lz4.frame
import pytest
from clickhouse_driver import Client

from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually

Ask = Callable[..., httpx.Response]


@pytest.fixture
def web(clickhouse: ClickHouse, database: str) -> Iterator[httpx.Client]:
    url = f"http://{clickhouse.host}:{clickhouse.http_port}"
    with httpx.Client(base_url=url, params={"database": database}, timeout=30) as own:
        yield own


def good(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text


def test_ping_and_unknown_paths(web: httpx.Client) -> None:
    assert good(web.get("/ping")) == "Ok.\n"
    assert good(web.get("/")) == "Ok.\n"
    assert web.get("/nowhere").status_code == 404


def test_the_statement_in_the_url_the_body_or_both(web: httpx.Client) -> None:
    assert good(web.get("/", params={"query": "SELECT 1"})) == "1\n"
    assert good(web.post("/", params={"query": "SELECT 2"})) == "2\n"
    assert good(web.post("/", content="SELECT 3 -- the end")) == "3\n"
    assert good(web.post("/", params={"query": "SELECT"}, content="'沿山'")) == "沿山\n"
    # What curl -d sends.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert good(web.post("/", content="SELECT 1+3", headers=form)) == "4\n"


def test_formats(web: httpx.Client) -> None:
    sql = "SELECT 1 AS a, 'x' AS b"
    clause = web.post("/", content=f"{sql} FORMAT JSON")
    assert clause.headers["Content-Type"].startswith("application/json")
    assert clause.headers["X-ClickHouse-Format"] == "JSON"
    assert clause.json()["data"] == [{"a": 1, "b": "x"}]
    assert good(web.post("/", content=sql, params={"default_format": "CSVWithNames"})) == '"a","b"\n1,"x"\n'
    assert json.loads(good(web.post("/", content=sql, headers={"X-ClickHouse-Format": "JSONEachRow"}))) == {
        "a": 1,
        "b": "x",
    }
    assert good(web.post("/", content=f"{sql} FORMAT TSV", params={"default_format": "JSON"})) == "1\tx\n"
    assert good(web.post("/", content="SHOW TABLES FORMAT JSONEachRow")) == ""
    assert good(web.post("/", content="SELECT 1 WHERE 0 FORMAT CSVWithNames")) == '"1"\n'
    unknown = web.post("/", content="SELECT 1 FORMAT Nonsense")
    assert unknown.headers["X-ClickHouse-Exception-Code"] == "73"


def test_parameters_settings_and_database(web: httpx.Client, database: str) -> None:
    sql = "SELECT {n:UInt8} + 1, {s:String}"
    assert good(web.post("/", content=sql, params={"param_n": "4", "param_s": "a'b"})) == "5\ta\\'b\n"
    assert good(web.post("/", content="SELECT currentDatabase()")) == f"{database}\n"
    setting = "SELECT getSetting('max_block_size')"
    assert good(web.post("/", content=setting, params={"max_block_size": "77"})) == "77\n"
    assert good(web.post("/", content=setting)) != "77\n"
    header = {"X-ClickHouse-Database": "system"}
    url = str(web.base_url)
    assert good(httpx.post(url, content="SELECT currentDatabase()", headers=header)) == "system\n"


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT throwIf(number = 299999) FROM numbers(300000)", 395, 500),
        ("INSERT INTO nowhere FORMAT CSV\n1\n", 60, 404),
        ("SELECT {n:UInt8}", 456, 400),
    ],
)
def test_errors_have_a_status_and_a_code(web: httpx.Client, sql: str, code: int, status: int) -> None:
    for _ in range(2):
        answer = web.post("/", content=sql)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
        assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
        assert good(web.post("/", content="SELECT 1")) == "1\n"


def test_unknown_settings_and_databases(web: httpx.Client) -> None:
    assert web.post("/", content="SELECT 1", params={"no_such_setting": "1"}).status_code == 404
    answer = web.post("/", content="SELECT 1", params={"database": "nowhere"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "81"


def test_get_changes_nothing(web: httpx.Client) -> None:
    for sql in ("CREATE TABLE t (a UInt8) ENGINE = Memory", "SET max_threads = 1", "DROP DATABASE x"):
        answer = web.get("/", params={"query": sql})
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "164")
    assert good(web.get("/", params={"query": "SHOW TABLES"})) == ""


def test_web_pages_are_refused(web: httpx.Client) -> None:
    assert web.post("/", content="SELECT 1", headers={"Origin": "http://example.org"}).status_code == 403


def test_insert_in_every_way(web: httpx.Client) -> None:
    good(web.post("/", content="CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a"))
    answer = web.post("/", params={"query": "INSERT INTO t FORMAT CSV"}, content='1,"x"\n2,"y"\n')
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    good(web.post("/", content='INSERT INTO t FORMAT JSONEachRow\n{"a": 3, "s": "z"}\n'))
    good(web.post("/", content="INSERT INTO t (a, s) VALUES (4, 'v'), (2 + 3, upper('w'))"))
    good(web.post("/", params={"query": "INSERT INTO t VALUES"}, content="(6, 'b')"))
    good(web.post("/", params={"query": "INSERT INTO t"}, content="(7, 'b')"))
    parameters = {"param_a": "8", "param_s": "p"}
    good(web.post("/", content="INSERT INTO t VALUES ({a:UInt64}, {s:String})", params=parameters))
    good(web.post("/", content="INSERT INTO t SELECT number, 'n' FROM numbers(9, 2)"))
    packed = gzip.compress(b"11\tg\n")
    header = {"Content-Encoding": "gzip"}
    good(web.post("/", params={"query": "INSERT INTO t FORMAT TSV"}, content=packed, headers=header))
    frames = lz4.frame.compress(b"12\tl\n") + lz4.frame.compress(b"13\tl\n")
    header = {"Content-Encoding": "lz4"}
    good(web.post("/", params={"query": "INSERT INTO t FORMAT TSV"}, content=frames, headers=header))
    pieces = iter([b"INSERT INTO t FORMAT CSV\n", b"14,a\n", b"15,", b"b\n"])  # sent chunked
    good(web.post("/", content=pieces))
    good(web.post("/", params={"query": "INSERT INTO t FORMAT CSV"}, content=b"16,\xff\xfe\n"))
    assert good(
        web.post(
            "/", content="SELECT groupArray(a), groupArray(s) FROM (SELECT * FROM t ORDER BY a LIMIT 15)"
        )
    ) == (
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]\t"
        "['x','y','z','v','W','b','b','p','n','n','g','l','l','a','b']\n"
    )
    assert good(web.post("/", content="SELECT hex(s) FROM t WHERE a = 16")) == "FFFE\n"


def test_broken_bodies_insert_nothing(web: httpx.Client, clickhouse: ClickHouse, database: str) -> None:
    good(web.post("/", content="CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a"))
    query = {"query": "INSERT INTO t FORMAT TSV"}
    packed = gzip.compress(b"1\n2\n" * 10_000)
    for body, encoding in ((packed[:-20], "gzip"), (packed, "lz4"), (packed, "zstd"), (packed, "br")):
        answer = web.post("/", params=query, content=body, headers={"Content-Encoding": encoding})
        assert 400 <= answer.status_code < 600
    answer = web.post("/", params=query, content=b"1\n2\nx\n")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "27"
    with socket.create_connection((clickhouse.host, clickhouse.http_port)) as raw:
        raw.sendall(
            f"POST /?database={database}&query=INSERT%20INTO%20t%20FORMAT%20TSV HTTP/1.1\r\n"
            "Host: x\r\nContent-Length: 100\r\n\r\n1\n2\n".encode()
        )
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(1) == b"", "the server closes the connection without an answer"
    assert good(web.post("/", content="SELECT count() FROM t")) == "0\n"


def test_packed_answers(web: httpx.Client) -> None:
    sql = "SELECT number FROM numbers(10000)"
    plain = web.post("/", content=sql)
    assert "Content-Encoding" not in plain.headers
    packed = web.post("/", content=sql, params={"enable_http_compression": "1"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text


def test_native_answers_keep_zones_and_follow_the_asked_revision(web: httpx.Client) -> None:
    sql = "SELECT toDateTime('2026-11-24 08:00:00', 'Asia/Shanghai') AS at, 'x' AS s FORMAT Native"
    bare = web.post("/", content=sql).content
    assert bare.startswith(b"\x02\x01\x02at\x19DateTime('Asia/Shanghai')")
    framed = web.post("/", content=sql, params={"client_protocol_version": "54460"}).content
    assert framed.startswith(
        b"\x01\x00\x02\xff\xff\xff\xff\x00\x02\x01\x02at\x19DateTime('Asia/Shanghai')\x00"
    )


def test_sessions_share_temporary_tables(web: httpx.Client) -> None:
    own = {"session_id": "one", "session_timeout": "30"}
    good(web.post("/", content="CREATE TEMPORARY TABLE mine (a UInt8)", params=own))
    good(web.post("/", content="INSERT INTO mine VALUES (1)", params=own))
    assert good(web.post("/", content="SELECT * FROM mine", params=own)) == "1\n"
    assert web.post("/", content="SELECT * FROM mine", params={"session_id": "two"}).status_code == 404
    assert web.post("/", content="SELECT * FROM mine").status_code == 404


def test_a_client_that_vanishes_takes_its_query_with_it(clickhouse: ClickHouse) -> None:
    sql = "SELECT count() FROM numbers(1000000000000000) WHERE NOT ignore('left_over_http', number)"

    def running() -> int:
        with Client(clickhouse.host, clickhouse.port) as client:
            return int(
                client.execute(
                    "SELECT count() FROM system.processes "
                    "WHERE query LIKE '%left_over_http%' AND query NOT LIKE '%processes%'"
                )[0][0]
            )

    with socket.create_connection((clickhouse.host, clickhouse.http_port)) as raw:
        request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
        raw.sendall(request.encode())
        eventually(lambda: running() == 1, 30, "the query runs")
    eventually(lambda: running() == 0, 30, "the query has ended")
