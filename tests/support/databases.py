"""Databases with the whole schema and no rows, for tests that need just that."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clickhouse_driver import Client
from clickhouse_migrations.defaults import MIGRATIONS_TABLE

from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse

_TABLES = (
    "SELECT name, create_table_query, endsWith(engine, 'MergeTree') AND name != %(versions)s"
    " FROM system.tables WHERE database = currentDatabase() ORDER BY name"
)
"""Name, declaration, whether tests' rows lie in it."""


class Migrated:
    """A schema takes a second to make, so a database that keeps its tables is emptied and lent again."""

    def __init__(self, server: ClickHouse) -> None:
        self._server = server
        self._spare: list[str] = []

    @contextmanager
    def lent(self, failed: Callable[[], bool]) -> Iterator[str]:
        """The name of a database for one test; it is kept for a look when the test has failed."""
        name = self._spare.pop() if self._spare else self._new()
        with self._server.client(name) as client:
            before = client.execute(_TABLES, {"versions": MIGRATIONS_TABLE})
        yield name
        if failed():
            return
        with self._server.client(name) as client:
            if client.execute(_TABLES, {"versions": MIGRATIONS_TABLE}) == before:
                _empty(client, [table for table, _, holds_rows in before if holds_rows])
                self._spare.append(name)
            else:
                client.execute(f"DROP DATABASE {name} SYNC")

    def _new(self) -> str:
        name = f"t_{secrets.token_hex(6)}"
        with self._server.client() as client:
            client.execute(f"CREATE DATABASE {name}")
        migrate(Common(clickhouse_port=self._server.port, clickhouse_database=name))
        return name


def _empty(client: Client, tables: list[str]) -> None:
    for table in tables:
        client.execute(f"TRUNCATE TABLE {table} SYNC")
