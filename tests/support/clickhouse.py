"""The embedded ClickHouse server as a child process."""

import socket
import sys
from pathlib import Path

from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from deploy.embedded.child import Child
from tests.support.ports import free_port
from tests.support.waiting import eventually

HOST = "127.0.0.1"
_START_SECONDS = 60.0


class ClickHouse:
    """An embedded server on its own folder and two free ports; it can be killed and started again on both.

    `config`, set before the start, is a file of server settings.
    """

    host = HOST

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.http_port = free_port()
        self.config: Path | None = None
        self._directory = directory
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        assert self._child is not None, "it was not started"
        return self._child.pid

    def start(self) -> None:
        """Start it and return when it answers a query."""
        self._directory.mkdir(parents=True, exist_ok=True)
        child = Child(
            "the embedded ClickHouse",
            [
                *(
                    sys.executable,
                    "-m",
                    "deploy.embedded.clickhouse",
                    "--path",
                    str(self._directory / "data"),
                ),
                *("--port", str(self.port), "--http-port", str(self.http_port)),
                *(("--config", str(self.config)) if self.config else ()),
            ],
            log=self._directory / "clickhouse.log",
        )
        self._child = child

        def answers() -> bool:
            child.check()
            try:
                # The driver logs a traceback for every refused connection.
                socket.create_connection((HOST, self.port), timeout=5).close()
                with self.client() as client:
                    return bool(client.execute("SELECT 1") == [(1,)])
            except (Error, EOFError, OSError) as error:
                raise AssertionError(error) from error

        eventually(answers, _START_SECONDS, "the embedded ClickHouse answers a query")

    def stop(self) -> None:
        """End it with SIGTERM."""
        if self._child is not None:
            self._child.stop(grace=30)
            self._child = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def client(self, database: str = "default") -> Client:
        """A new connection; close it, or use it in a `with`."""
        return Client(HOST, self.port, database=database, connect_timeout=5)
