"""Starting, refusing to start, stopping, and what is there after a kill."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]


def command(path: Path, port: int, http_port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "deploy.embedded.clickhouse", "--path", str(path)),
        *("--port", str(port), "--http-port", str(http_port)),
    ]


def refused(path: Path, port: int, http_port: int, **environment: str) -> str:
    """What a server says that cannot start."""
    ended = subprocess.run(
        command(path, port, http_port),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr


@contextmanager
def started(path: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", int, int]]:
    """A server that has said it is ready, with its two ports; killed at the end if it still runs."""
    port, http_port = free_port(), free_port()
    process = subprocess.Popen(
        command(path, port, http_port),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert "ready" in line
        assert f"native {HOST}:{port}, HTTP {HOST}:{http_port}" in line
        yield process, port, http_port
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_an_orderly_end(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path / "民脉 data") as (process, port, http_port):
        # Both ports answer once the line is there, with no further waiting.
        with Client(HOST, port) as client:
            assert client.execute("SELECT 1") == [(1,)]
            assert httpx.get(f"http://{HOST}:{http_port}/ping").text == "Ok.\n"
            # Neither an idle client nor a busy one keeps the server from ending.
            with Client(HOST, port) as busy:
                busy.execute_with_progress("SELECT count() FROM numbers(1e15) WHERE NOT ignore(number)")
                process.send_signal(number)
                assert process.wait(timeout=30) == 0
        assert process.stdout
        assert process.stdout.read() == ""


@pytest.mark.parametrize("taken", ["native", "HTTP"])
def test_a_port_in_use_is_named(tmp_path: Path, taken: str) -> None:
    with socket.create_server((HOST, 0)) as holder:
        port = holder.getsockname()[1]
        ports = (port, free_port()) if taken == "native" else (free_port(), port)
        message = refused(tmp_path / "data", *ports)
    assert f"cannot listen on {HOST}:{port} ({taken})" in message
    assert "already in use" in message


def test_data_in_use_is_named_with_its_holder(tmp_path: Path) -> None:
    with started(tmp_path / "data") as (process, port, _):
        message = refused(tmp_path / "data", free_port(), free_port())
        assert f"in use by another process (id {process.pid})" in message
        assert str(tmp_path / "data") in message
        with Client(HOST, port) as client:
            assert client.execute("SELECT 1") == [(1,)]


def test_a_folder_that_cannot_be_written_and_one_of_another_program(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write to" in refused(tmp_path / "file" / "data", free_port(), free_port())
    assert "with '?'" in refused(tmp_path / "what?", free_port(), free_port())


def test_missing_packages_are_named(tmp_path: Path) -> None:
    # A package of this name without a loader stands for none at all.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'chdb' else real(name, *rest)\n"
    )
    message = refused(tmp_path / "data", free_port(), free_port(), PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "(chdb)" in message
    assert "pip install 'minmai[embedded]'" in message


def test_the_password_is_asked_for(tmp_path: Path) -> None:
    with started(tmp_path / "data", MINMAI_CLICKHOUSE_PASSWORD="沿山 secret") as (_, port, http_port):
        with Client(HOST, port, password="沿山 secret") as client:
            assert client.execute("SELECT 1") == [(1,)]
        for user, password in (("default", ""), ("default", "other"), ("admin", "沿山 secret")):
            with pytest.raises(ServerException) as caught, Client(HOST, port, "", user, password) as client:
                client.execute("SELECT 1")
            assert caught.value.code == 516
        url = f"http://{HOST}:{http_port}/"
        query = {"query": "SELECT 1"}
        wrong = httpx.get(url, params=query)
        assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert httpx.get(url, params={**query, "password": "other"}).status_code == 403
        assert httpx.get(url, params={**query, "password": "沿山 secret"}).text == "1\n"
        assert httpx.get(url, params=query, auth=("default", "沿山 secret")).text == "1\n"
        assert httpx.get(url, params=query, headers={"X-ClickHouse-Key": "x"}).status_code == 403
        headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "沿山 secret".encode()}
        assert httpx.get(url, params=query, headers=headers).text == "1\n"
        assert httpx.get(f"{url}ping").text == "Ok.\n"


def test_everything_is_there_after_kills_and_stops(tmp_path: Path) -> None:
    server = ClickHouse(tmp_path)
    # What the first statement of each life must find; lives end by turns with a stop and a kill.
    table = "CREATE TABLE x (a UInt8) ENGINE = MergeTree ORDER BY a"
    sums = "CREATE TABLE s (n UInt64) ENGINE = SummingMergeTree ORDER BY tuple()"
    view = "CREATE MATERIALIZED VIEW m TO s AS SELECT count() AS n FROM x"
    lives: list[tuple[list[tuple[object, ...]], list[str]]] = [
        ([("Atomic",)], ["SELECT engine FROM system.databases WHERE name = 'default'"]),
        ([], ["SHOW TABLES", table, sums, view, "INSERT INTO x VALUES (1)"]),
        ([(1,)], ["SELECT a FROM x", "INSERT INTO x VALUES (2)", "CREATE DATABASE minmai"]),
        (
            [(2,)],
            ["SELECT sum(n) FROM s", "DROP TABLE m", "CREATE TABLE minmai.y ENGINE = Log AS SELECT 3 AS a"],
        ),
        ([(3,)], ["SELECT a FROM minmai.y", "SELECT count() FROM x"]),
    ]
    try:
        for number, (first, statements) in enumerate(lives):
            server.start()
            with server.client() as client:
                answers = [client.execute(statement) for statement in statements]
            assert answers[0] == first
            if number % 2:
                server.kill()
            else:
                server.stop()
    finally:
        server.kill()
