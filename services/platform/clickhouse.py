"""ClickHouse for every service: clickhouse-driver behind a small pool.

One Client is one socket and must serve one thread at a time; a client whose query failed half-way still has
unread packets on its socket, so it is closed and never put back.
"""

import queue
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, NetworkError, ServerException, SocketTimeoutError

from services.platform.errors import Unavailable
from services.platform.settings import Common

Rows = list[tuple[Any, ...]]
Given = Mapping[str, Mapping[str, Sequence[Any]]]

AWAY = (NetworkError, SocketTimeoutError, EOFError, OSError)
"""What clickhouse-driver raises when the server cannot be reached, or goes away."""

UNFIT = frozenset(
    {
        ErrorCodes.TABLE_IS_READ_ONLY,
        ErrorCodes.NO_ZOOKEEPER,
        ErrorCodes.KEEPER_EXCEPTION,
        ErrorCodes.TOO_LESS_LIVE_REPLICAS,
        ErrorCodes.UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE,
        ErrorCodes.UNKNOWN_STATUS_OF_INSERT,
    }
)
"""What a replica says that has lost its Keeper, or too many of the others."""

BUSY = frozenset(
    {
        ErrorCodes.TOO_MANY_PARTS,
        ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCodes.TIMEOUT_EXCEEDED,
        ErrorCodes.SOCKET_TIMEOUT,
        ErrorCodes.NETWORK_ERROR,
        ErrorCodes.QUERY_WAS_CANCELLED,
        ErrorCodes.ABORTED,
    }
)
"""What a server says that cannot now: too many parts to merge, no memory, too many queries, too long; or that
is shutting down, and cancels what runs."""

_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")


def moment(value: datetime) -> str:
    """Return an SQL expression for a moment, to the microsecond: the driver's own literals end at seconds."""
    return f"toDateTime64('{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"


def addresses(settings: Common) -> list[tuple[str, int]]:
    """Return host and port of the server, or of each replica in the order in which they are tried."""
    named = (host.partition(":") for host in settings.clickhouse_host.split(","))
    return [(host, int(port) if port else settings.clickhouse_port) for host, _, port in named]


class ClickHouse:
    """A pool of clients to one database; safe to use from many threads.

    On a cluster an insert is done when most replicas have it, and a statement that reads waits until the
    replica asked has caught up with all that had been written, through whichever. So a pool reads its own and
    everybody's writes, as on one server, also after it has gone over to another replica.
    """

    def __init__(
        self,
        settings: Common,
        *,
        database: str | None = None,
        fresh: bool = True,
        inserted: Callable[[str, float], None] = lambda _table, _seconds: None,
    ) -> None:
        """`inserted` is told the table and the seconds of each insert that succeeded.

        `fresh=False` is for who only shows: it reads what the replica asked has.
        """
        self.database = database or settings.clickhouse_database
        self._settings = settings
        self._addresses = addresses(settings)
        self._fresh = fresh and bool(settings.clickhouse_cluster)
        self._inserted = inserted
        self._idle: queue.LifoQueue[Client] = queue.LifoQueue()
        self._types: dict[str, Mapping[str, str]] = {}

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        given: Given | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Rows:
        """Run a statement and return its rows.

        `given` are tables sent along for this statement alone, in native form: by name, then by
        "column Type", their values. Raises Unavailable when the server cannot be reached, or is there and
        cannot now, clickhouse_driver's ServerException otherwise.
        """
        with self._client() as client:
            self._catch_up(client, sql)
            found = client.execute(
                sql, dict(params or {}), external_tables=_external(given), settings=dict(settings or {})
            )
            return list(found or [])

    def rows(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Run a SELECT and return its rows as dicts by column name."""
        with self._client() as client:
            self._catch_up(client, sql)
            data, columns = client.execute(sql, dict(params or {}), with_column_types=True)
            names = [name for name, _type in columns]
            return [dict(zip(names, row, strict=True)) for row in data]

    def table(self, sql: str, *, settings: Mapping[str, Any] | None = None) -> tuple[list[str], Rows]:
        """Run a SELECT and return the names of its columns, and its rows."""
        with self._client() as client:
            self._catch_up(client, sql)
            data, columns = client.execute(sql, with_column_types=True, settings=dict(settings or {}))
            return [name for name, _type in columns], data

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

    def insert_select(
        self,
        table: str,
        columns: Iterable[str],
        select: str,
        params: Mapping[str, Any],
        *,
        given: Given,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert what a SELECT makes of tables that are sent along; see `query`."""
        began = perf_counter()
        sql = f"INSERT INTO {table} ({', '.join(columns)}) {select}"
        self.query(sql, params, given=given, settings=settings)
        self._inserted(table, perf_counter() - began)

    def types(self, table: str) -> Mapping[str, str]:
        """Return the types of a table's columns, as they were when first asked for."""
        if table not in self._types:
            rows = self.query(
                "SELECT name, type FROM system.columns"
                " WHERE database = currentDatabase() AND table = %(table)s",
                {"table": table},
            )
            self._types[table] = dict(rows)
        return self._types[table]

    def close(self) -> None:
        """Close every idle client."""
        while not self._idle.empty():
            self._idle.get_nowait().disconnect()

    def _catch_up(self, client: Client, sql: str) -> None:
        """Wait until the replica has what stood in the tables that a statement reads when it was made."""
        names = sorted(set(_READ.findall(sql))) if self._fresh else []
        if not names:
            return
        replicated = client.execute(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN %(names)s"
            " AND startsWith(engine, 'Replicated')",
            {"names": names},
        )
        for (name,) in replicated:
            client.execute(f"SYSTEM SYNC REPLICA {name} LIGHTWEIGHT")

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
            raise Unavailable(
                f"ClickHouse at {self._where()} does not answer ({error}); is it running, is the port right?"
            ) from error
        except ServerException as error:
            client.disconnect()
            if error.code in BUSY:
                raise Unavailable(
                    f"ClickHouse at {self._where()} is busy (code {error.code}: "
                    f"{str(error.message).splitlines()[0]}); try again later",
                    error.code,
                ) from error
            if error.code not in UNFIT:
                raise
            where = self._where()
            self._prefer_another()
            raise Unavailable(
                f"the replicas of ClickHouse at {where} cannot serve now (code {error.code}: "
                f"{str(error.message).splitlines()[0]}); are most of them and of the Keepers running?"
            ) from error
        except BaseException:
            client.disconnect()
            raise
        else:
            self._idle.put(client)

    def _connect(self) -> Client:
        settings = self._settings
        (host, port), *others = self._addresses
        return Client(
            host,
            port=port,
            alt_hosts=",".join(f"{host}:{port}" for host, port in others) or None,
            database=self.database,
            user=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
            connect_timeout=5,
            send_receive_timeout=60,
            client_name="minmai",
            settings={"insert_quorum": "auto"} if settings.clickhouse_cluster else None,
        )

    def _prefer_another(self) -> None:
        """Begin with the next replica from now on; the clients of this one are of no use."""
        if len(self._addresses) > 1:
            self._addresses = [*self._addresses[1:], self._addresses[0]]
            self.close()

    def _where(self) -> str:
        return ", ".join(f"{host}:{port}" for host, port in self._addresses)


def _external(given: Given | None) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "structure": [tuple(column.split(" ", 1)) for column in columns],
            "data": list(zip(*columns.values(), strict=True)),
        }
        for name, columns in (given or {}).items()
    ]
