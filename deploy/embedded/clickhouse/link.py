"""One connection to chDB's engine.

It has habits that a server must not pass on; each is met here, where it occurs: a failed statement leaves its
output behind for the next one, a second statement ends an open stream, and a result of no rows has no header.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.embedded.clickhouse.columns import Block, header, read_blocks
from deploy.embedded.clickhouse.errors import READONLY, UNKNOWN_SETTING, EngineError
from deploy.embedded.clickhouse.quotes import identifier, quoted, unquoted
from deploy.embedded.clickhouse.sql import Statement

if TYPE_CHECKING:
    from deploy.embedded.clickhouse.engine import Engine

# What a server would have and chDB, a command-line tool by descent, has not. Asynchronous inserts
# gather rows of several clients before they answer: 50 ms and more for nothing on one machine. Type
# names on several lines, as DESCRIBE would print them, are no names that a block may carry.
SESSION = {"async_insert": "0", "implicit_select": "0", "print_pretty_type_names": "0"}
# Logs would go to this process, not to the client; the comment is how a running statement is found.
# `readonly` could never be taken back on the connection; `permit` stands for it. Whether a query runs in the
# background, as another server passes on, cannot be SET.
_IGNORED_SETTINGS = {
    "send_logs_level",
    "send_logs_source_regexp",
    "log_comment",
    "readonly",
    "run_query_in_background",
}
_READING = {"READ_ONLY", "UNKNOWN"}


@dataclass(frozen=True, slots=True)
class Written:
    """What an INSERT wrote, rows of dependent views included."""

    rows: int
    size: int


class Link:
    """One connection to the engine; used by one thread at a time.

    Every method raises EngineError with ClickHouse's code when the statement fails, and leaves the
    connection fit for the next statement.
    """

    def __init__(self, connection: Any, engine: Engine, tag: str) -> None:
        self._connection = connection
        self._engine = engine
        self._changed: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._set_by_client = False
        self._described: dict[tuple[str, str], tuple[int, list[list[str]]]] = {}
        self.tag = tag
        self.database = "default"
        self.run(f"SET log_comment = {quoted(tag)}")

    def run(self, sql: str, format: str = "Native", params: Mapping[str, str] | None = None) -> bytes:
        """Execute any statement and return its whole output."""
        try:
            result = self._connection.query(sql, format, params=dict(params or {}))
        except RuntimeError as error:
            self._discard()
            raise EngineError.parsed(str(error)) from None
        return bytes(result.bytes())

    def text(self, sql: str) -> str:
        """The one value that `sql` selects."""
        return self.run(sql, "TSVRaw").decode().rstrip("\n")

    def use(self, database: str) -> None:
        if database != self.database:
            self.run(f"USE {identifier(database)}")
            self.database = database

    def client_changed(self) -> None:
        """The client itself said SET or USE: what the connection has is no longer known here."""
        self._set_by_client = True
        self.database = self.text("SELECT currentDatabase()")

    def ended(self, statement: Statement) -> None:
        """A client's statement has ended, well or not: what is known of tables may be so no more."""
        if not statement.keeps_schema:
            self._engine.schema_changes += 1

    def settings(self, wanted: Mapping[str, str], *, strict: bool = False) -> None:
        """Make exactly `wanted` hold for the next statement, beside what the client has SET itself.

        Unknown settings raise when `strict`, and are left out otherwise, as a server does.
        """
        wanted = {key: value for key, value in wanted.items() if key not in _IGNORED_SETTINGS}
        back = {key: self._before.get(key) for key in self._changed if key not in wanted}
        new = {
            key: value
            for key, value in wanted.items()
            if self._changed.get(key) != value and (strict or key not in self._engine.unknown_settings)
        }
        for key in new.keys() - self._changed.keys():
            self._remember(key)
        try:
            self._set(back | new)
        except EngineError as error:
            if strict or error.code != UNKNOWN_SETTING:
                raise
            for key, value in (back | new).items():
                self._set_if_known(key, value)
        for key in back:
            del self._changed[key]
            self._before.pop(key, None)
        self._changed |= {
            key: value for key, value in new.items() if key not in self._engine.unknown_settings
        }

    def _set(self, values: Mapping[str, str | None]) -> None:
        """SET all or none; None is the default."""
        if values:
            changes = (
                f"{identifier(key)} = {'DEFAULT' if value is None else quoted(value)}"
                for key, value in values.items()
            )
            self.run(f"SET {', '.join(changes)}")

    def _set_if_known(self, key: str, value: str | None) -> None:
        try:
            self._set({key: value})
        except EngineError as error:
            if error.code != UNKNOWN_SETTING:
                raise
            self._engine.unknown_settings.add(key)

    def _remember(self, key: str) -> None:
        if key in SESSION:
            self._before[key] = SESSION[key]
        if self._set_by_client:
            known = self.text(
                f"SELECT if(changed, value, '\\0') FROM system.settings WHERE name = {quoted(key)}"  # noqa: S608
            )
            if known not in {"", "\0"}:
                self._before[key] = known

    def permit(self, sql: str, *, read_only: bool) -> None:
        """Raise EngineError (READONLY) when `read_only` and `sql` changes anything."""
        # What the engine cannot parse it will refuse with a better reason.
        if read_only and self._connection.classify_query(sql)["query_class"].name not in _READING:
            raise EngineError(READONLY, "Cannot execute query in readonly mode (READONLY)")

    def stream(self, sql: str) -> Generator[Block]:
        """The rows of a SELECT block by block, after a first block that only has the columns."""
        handle = self._guarded(lambda: self._connection.send_query(sql, "Native"))
        types: Mapping[int, str] | None = None
        open_ = True
        try:
            while True:
                chunk = self._guarded(lambda: self._connection.streaming_fetch_result(handle))
                if chunk is None or chunk.rows_read() == 0:
                    open_ = False
                    break
                for block in read_blocks(chunk.bytes()):
                    if types is None:
                        types = self._zones(block, sql)
                        yield next(read_blocks(block.retyped(types).header))
                    yield block.retyped(types)
        except EngineError:
            open_ = False
            raise
        finally:
            if open_:
                self._connection.streaming_cancel_query(handle)
        if types is None:
            yield next(read_blocks(header(self.describe(f"({sql})"))))

    def answer(self, sql: str, params: Mapping[str, str] | None = None) -> Generator[Block]:
        """The rows of SHOW, DESCRIBE and the like, after a block that only has the columns."""
        blocks = list(read_blocks(self.run(sql, "Native", params)))
        if blocks:
            yield next(read_blocks(blocks[0].header))
            yield from blocks
            return
        meta = json.loads(self.run(sql, "JSONCompact", params))["meta"]
        yield next(read_blocks(header([(column["name"], column["type"]) for column in meta])))

    def describe(self, what: str, params: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
        """Names and types of the columns of a table, table function or bracketed query."""
        lines = self.run(f"DESCRIBE {what}", "JSONCompact", params)
        return [(row[0], row[1]) for row in json.loads(lines)["data"]]

    def insertable(self, target: str, columns: str) -> list[tuple[str, str]]:
        """The columns an INSERT into `target` brings, in order; `columns` as the statement lists them."""
        changes = self._engine.schema_changes
        known, found = self._described.get((self.database, target), (-1, []))
        if known != changes:
            found = json.loads(self.run(f"DESCRIBE TABLE {target}", "JSONCompact"))["data"]
            self._described[self.database, target] = changes, found
        types = {row[0]: row[1] for row in found}
        listed = [unquoted(name) for name in columns.split(",")] if columns.strip() else []
        if listed and listed[0] != "*" and not listed[0].upper().startswith("* EXCEPT"):
            missing = [name for name in listed if name not in types]
            if missing:
                raise EngineError(
                    16, f"No such column {missing[0]} in table {target} (NO_SUCH_COLUMN_IN_TABLE)"
                )
            return [(name, types[name]) for name in listed]
        return [(row[0], row[1]) for row in found if row[2] not in {"MATERIALIZED", "ALIAS", "EPHEMERAL"}]

    def insert(self, head: str, format: str, chunks: Iterable[bytes]) -> Written:
        """Execute an INSERT without VALUES or FORMAT on rows that all lie ready in `chunks`."""
        handle = self._guarded(lambda: self._connection.send_insert(head, format))
        try:
            for chunk in chunks:
                self._connection.insert_append(handle, chunk)
            result = self._connection.insert_done(handle)
        except RuntimeError as error:
            self._abandon(handle)
            raise EngineError.parsed(str(error)) from None
        except BaseException:
            self._abandon(handle)
            raise
        return Written(result.rows_written(), result.bytes_written())

    def _abandon(self, handle: Any) -> None:
        try:
            self._connection.insert_cancel(handle)
        except RuntimeError:
            # The failed insert is closed already, which is what was wanted.
            return
        finally:
            self._discard()

    def _discard(self) -> None:
        """Drop what a failed statement had already put out; it would come with the next answer."""
        try:
            self._connection.query("SELECT 1", "Null")
        except RuntimeError:
            # The client's limits may forbid even this; then it has put nothing out itself.
            return

    def _zones(self, block: Block, sql: str, params: Mapping[str, str] | None = None) -> Mapping[int, str]:
        """The full types of the columns that the engine's Native output calls plain DateTime."""
        plain = [index for index, column in enumerate(block.columns) if column.type == "DateTime"]
        if not plain:
            return {}
        try:
            with self._engine.side() as link:
                link.use(self.database)
                full = link.describe(f"({sql})", params)
        except EngineError:
            # Temporary tables are visible on the client's own connection only: their DateTime columns
            # are shown in the server's zone.
            return {}
        return {index: full[index][1] for index in plain if full[index][1].startswith("DateTime(")}

    def zoned(self, data: bytes, sql: str, params: Mapping[str, str]) -> bytes:
        """Native output of `sql` with the zones of its DateTime columns put back."""
        blocks = list(read_blocks(data))
        types = self._zones(blocks[0], sql, params) if blocks else {}
        return b"".join(block.retyped(types).data for block in blocks) if types else data

    def _guarded(self, call: Any) -> Any:
        try:
            return call()
        except RuntimeError as error:
            raise EngineError.parsed(str(error)) from None

    def close(self) -> None:
        self._connection.close()
