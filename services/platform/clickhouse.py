"""ClickHouse for every service: clickhouse-driver behind a small pool.

One Client is one socket and must serve one thread at a time; a client whose query failed half-way still has
unread packets on its socket, so it is closed and never put back.
"""

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import NetworkError, SocketTimeoutError

from services.platform.errors import Unavailable
from services.platform.settings import Common

Rows = list[tuple[Any, ...]]

AWAY = (NetworkError, SocketTimeoutError, EOFError, OSError)
"""What clickhouse-driver raises when the server cannot be reached, or goes away."""


class ClickHouse:
    """A pool of clients to one database; safe to use from many threads."""

    def __init__(
        self,
        settings: Common,
        *,
        database: str | None = None,
        inserted: Callable[[str, float], None] = lambda _table, _seconds: None,
    ) -> None:
        """`inserted` is told the table and the seconds of each insert that succeeded."""
        self.database = database or settings.clickhouse_database
        self._settings = settings
        self._inserted = inserted
        self._idle: queue.LifoQueue[Client] = queue.LifoQueue()

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        given: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    ) -> Rows:
        """Run a statement and return its rows.

        `given` are tables sent along for this statement alone, in native form: by name, then by
        "column Type", their values. Raises Unavailable when the server cannot be reached,
        clickhouse_driver's ServerException otherwise.
        """
        with self._client() as client:
            return list(client.execute(sql, dict(params or {}), external_tables=_external(given)) or [])

    def rows(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Run a SELECT and return its rows as dicts by column name."""
        with self._client() as client:
            data, columns = client.execute(sql, dict(params or {}), with_column_types=True)
            names = [name for name, _type in columns]
            return [dict(zip(names, row, strict=True)) for row in data]

    def insert(
        self,
        table: str,
        columns: Mapping[str, Sequence[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert columns (name → values, all of one length) as one block."""
        if not next(iter(columns.values())):
            return
        with self._client() as client:
            began = perf_counter()
            client.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES",
                list(columns.values()),
                columnar=True,
                settings=dict(settings or {}),
            )
            self._inserted(table, perf_counter() - began)

    def close(self) -> None:
        """Close every idle client."""
        while not self._idle.empty():
            self._idle.get_nowait().disconnect()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._connect()
        try:
            yield client
        except AWAY as error:
            client.disconnect()
            where = f"{self._settings.clickhouse_host}:{self._settings.clickhouse_port}"
            raise Unavailable(
                f"ClickHouse at {where} does not answer ({error}); is it running, is the port right?"
            ) from error
        except BaseException:
            client.disconnect()
            raise
        else:
            self._idle.put(client)

    def _connect(self) -> Client:
        settings = self._settings
        return Client(
            settings.clickhouse_host,
            port=settings.clickhouse_port,
            database=self.database,
            user=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
            connect_timeout=5,
            send_receive_timeout=60,
            client_name="minmai",
        )


def _external(given: Mapping[str, Mapping[str, Sequence[Any]]] | None) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "structure": [tuple(column.split(" ", 1)) for column in columns],
            "data": list(zip(*columns.values(), strict=True)),
        }
        for name, columns in (given or {}).items()
    ]
