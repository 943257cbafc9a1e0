"""chDB's engine, in this process: one data folder, and a connection of its own for every client."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any
from urllib.parse import urlencode

import chdb._chdb

from deploy.embedded.clickhouse.errors import EngineError
from deploy.embedded.clickhouse.link import SESSION, Link
from deploy.embedded.clickhouse.lock import locked
from deploy.embedded.clickhouse.quotes import quoted
from deploy.embedded.clickhouse.tokens import forget_lost
from services.platform.errors import StartError

# The module behind chdb.connect, which would add displays for notebooks.
_chdb: Any = chdb._chdb

# Sized for a laptop of two cores that also runs everything else.
_SERVER = {
    "background_pool_size": "2",
    "background_schedule_pool_size": "8",
    "background_fetches_pool_size": "1",
    "background_common_pool_size": "2",
    "background_buffer_flush_schedule_pool_size": "1",
    "max_server_memory_usage_to_ram_ratio": "0.5",
    "mark_cache_size": str(64 << 20),
    "uncompressed_cache_size": "0",
}
_DEFAULT = "minmai-default.sql"
_LOGICAL_ERROR = 49
_IDLE_SIDE_CONNECTIONS = 4


class Engine:
    """The one engine of this process, holding `path` locked against other processes until `close`.

    Raises StartError when the path is in use, or the data cannot be opened.
    """

    def __init__(self, path: Path, config: Path | None = None) -> None:
        # SIGTERM and SIGINT belong to the server; the engine would end the process in the middle of things.
        _chdb.set_signal_handlers_enabled(0)
        self.path = path.absolute()
        self._config = {"config-file": str(config.absolute())} if config else {}
        if "?" in str(self.path):
            raise StartError(f"The embedded ClickHouse cannot keep data under a path with '?': {self.path}")
        self._lock = locked(self.path)
        forget_lost(self.path)
        self._numbers = itertools.count(1)
        self.unknown_settings: set[str] = set()
        self.schema_changes = 0
        """How many statements have ended that may have changed what columns a table has."""
        self._side: LifoQueue[Link] = LifoQueue(_IDLE_SIDE_CONNECTIONS)
        try:
            self._keeper = self._open_first()
            self.version = self._keeper.text("SELECT version()")
            self.timezone = self._keeper.text("SELECT timezone()")
        except EngineError as error:
            os.close(self._lock)
            raise StartError(
                f"The embedded ClickHouse cannot open its data in {self.path}: {error}"
            ) from error

    def _open_first(self) -> Link:
        """Open the engine and give it an ordinary `default` database.

        chDB puts an overlay there which takes the name of any file on this machine for a table.
        """
        declaration = self.path / "metadata" / "default.sql"
        kept = self.path / _DEFAULT
        if kept.exists() and not declaration.exists():
            # The process died below, between unlinking and attaching.
            declaration.write_bytes(kept.read_bytes())
        known = declaration.read_text() if declaration.exists() else ""
        link = self.connect()
        if not known:
            if link.text("SELECT count() FROM system.tables WHERE database = 'default'") != "0":
                raise StartError(
                    f"{self.path} was made by another program with chDB; choose an empty folder for minmai"
                )
            link.run("DROP DATABASE default")
            link.run("CREATE DATABASE default ENGINE = Atomic")
            kept.write_bytes(declaration.read_bytes())
        else:
            uuid = re.search(r"UUID '([0-9a-f-]{36})'", known)
            if uuid is None:
                raise StartError(f"{declaration} does not declare the database as this server wrote it")
            attach = f"ATTACH DATABASE default UUID '{uuid[1]}' ENGINE = Atomic"
            link.run("DETACH DATABASE default")
            try:
                link.run(attach)
            except EngineError as error:
                if error.code != _LOGICAL_ERROR:
                    raise
                # The overlay did not register the id of a database without tables; the engine
                # registers it by itself when it finds no declaration, and then writes that again.
                declaration.unlink()
                link.run(attach)
        link.run("USE default")
        return link

    def connect(self) -> Link:
        """A connection with its own settings, current database and temporary tables."""
        options = urlencode({**_SERVER, **SESSION, **self._config}, safe="/")
        try:
            connection = _chdb.connect(f"{self.path}?{options}")
        except RuntimeError as error:
            raise EngineError.parsed(str(error)) from None
        return Link(connection, self, f"minmai-{next(self._numbers)}")

    def kill(self, tag: str) -> None:
        """Ask the statement that runs on the connection tagged `tag` to stop; returns at once."""
        with self.side() as link:
            link.run(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(tag)} ASYNC")

    @contextmanager
    def side(self) -> Iterator[Link]:
        """A connection for a question beside a client's open stream."""
        try:
            link = self._side.get_nowait()
        except Empty:
            link = self.connect()
        try:
            yield link
        finally:
            if self._side.full():
                link.close()
            else:
                self._side.put(link)

    def close(self) -> None:
        """Shut the engine down once every other connection is closed, and unlock the path."""
        while not self._side.empty():
            self._side.get_nowait().close()
        self._keeper.close()
        os.close(self._lock)
