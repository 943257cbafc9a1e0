"""One client of the native protocol, from its greeting to its end.

Revision 54453 is spoken: the highest whose blocks are the engine's own Native output behind eight bytes
of block information. Later ones put a byte between type and values of every column.
"""

from __future__ import annotations

import socket
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager

from deploy.embedded.clickhouse.accounts import admit
from deploy.embedded.clickhouse.columns import Block, header, parse_type, read_block
from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.errors import UNKNOWN_PACKET, EngineError
from deploy.embedded.clickhouse.guard import check, check_rows
from deploy.embedded.clickhouse.link import Link, Written
from deploy.embedded.clickhouse.quotes import identifier, literal, quoted
from deploy.embedded.clickhouse.sql import Statement, parse
from deploy.embedded.clickhouse.watch import Watch
from deploy.embedded.clickhouse.wire import LZ4, ZSTD, Reader, pack, string, unpacked, varint

REVISION = 54453

# What clients send.
_HELLO, _QUERY, _DATA, _CANCEL, _PING, _TABLES_STATUS, _KEEP_ALIVE, _SCALAR = range(8)
# What the server sends.
_S_HELLO, _S_DATA, _S_EXCEPTION, _S_PROGRESS, _S_PONG, _S_END, _S_PROFILE = range(7)
_S_TABLES_STATUS = 9
# What a server tells another beside its question, and no table.
_SCALARS = {"_shard_num", "_shard_count"}

# Field 1: no overflow rows; field 2: bucket -1; end.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_PIECE = 1 << 20
# Rows of one INSERT are kept in memory up to here, and in a temporary file beyond.
_SPOOL = 64 << 20
# Tables sent along with a statement are written into it up to here: a byte may become four letters, and
# a statement has at most 256 KiB.
_INLINED = 16 << 10


class _Unreadable(Exception):
    """What the client sent cannot be understood, and so neither what follows it."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


class _Cancelled(Exception):
    """The client took its INSERT back before its rows were complete."""


class Session:
    """Serves the client at the other end of `client` until it leaves; see `serve`."""

    def __init__(self, client: socket.socket, engine: Engine, watch: Watch, password: str) -> None:
        self._socket = client
        self._engine = engine
        self._watch = watch
        self._password = password
        self._in = Reader(self._receive)
        self._compressed = False
        self._method = LZ4

    def _receive(self, missing: int) -> bytes:
        return self._socket.recv(min(max(missing, 1 << 16), _PIECE))

    def serve(self) -> None:
        """Answer until the client leaves. Raises OSError or EOFError when it vanishes inside a packet."""
        link: Link | None = None
        try:
            try:
                link = self._greet()
            except EngineError as error:
                self._send(_exception(error))
                return
            while self._next(link):
                self._in.release()
        except _Unreadable as unreadable:
            self._send(_exception(unreadable.error))
        finally:
            if link:
                link.close()

    def _greet(self) -> Link:
        if self._in.varint() != _HELLO:
            raise EngineError(
                UNKNOWN_PACKET,
                "This port speaks ClickHouse's native protocol; HTTP is served on the other one",
            )
        self._in.string()
        self._in.varint()
        self._in.varint()
        revision = self._in.varint()
        database, user, password = self._in.string(), self._in.string(), self._in.string()
        self._in.release()
        if revision < REVISION:
            raise EngineError(UNKNOWN_PACKET, f"The client's protocol {revision} is older than {REVISION}")
        admit(user, password, self._password)
        link = self._engine.connect()
        try:
            link.use(database or "default")
            major, minor, patch = self._engine.version.split(".")[:3]
            self._send(
                varint(_S_HELLO)
                + string("ClickHouse")
                + varint(int(major))
                + varint(int(minor))
                + varint(REVISION)
                + string(self._engine.timezone)
                + string("minmai")
                + varint(int(patch))
            )
        except BaseException:
            link.close()
            raise
        return link

    def _next(self, link: Link) -> bool:
        """Answer one packet; False when the client has left."""
        try:
            packet = self._in.varint()
        except EOFError:
            return False
        match packet:
            case 4:  # _PING
                self._send(varint(_S_PONG))
            case 1:  # _QUERY
                self._query(link)
            case 3:  # _CANCEL, of a statement that had ended meanwhile
                pass
            case 5:  # _TABLES_STATUS, asked by a server whose Distributed table reads from here
                self._tables_status(link)
            case _:
                raise _Unreadable(EngineError(UNKNOWN_PACKET, f"Unknown packet {packet} from client"))
        return True

    def _tables_status(self, link: Link) -> None:
        asked = [(self._in.string(), self._in.string()) for _ in range(self._in.varint())]
        there = [
            (database, table)
            for database, table in asked
            if link.text(f"EXISTS TABLE {identifier(database)}.{identifier(table)}") == "1"
        ]
        names = b"".join(string(database) + string(table) + b"\0" for database, table in there)
        self._send(varint(_S_TABLES_STATUS) + varint(len(there)) + names)

    def _query(self, link: Link) -> None:
        settings, sql = self._read_query()
        external: list[tuple[str, Block]] = []
        while (named := self._read_block())[1].columns:
            if named[0] not in _SCALARS:
                external.append(named)
        self._method = ZSTD if settings.get("network_compression_method", "").upper() == "ZSTD" else LZ4
        self._in.release()
        try:
            statement = parse(sql)
            check(statement.text)
            inlined = _inlined(statement, external)
            with _beside(link, [] if inlined else external):
                self._execute(link, inlined or statement, settings)
        except EngineError as error:
            self._send(_exception(error))

    def _read_query(self) -> tuple[dict[str, str], str]:
        reader = self._in
        reader.string()  # the query's id: the engine makes its own
        self._skip_client_info()
        settings = {}
        while name := reader.string():
            reader.varint()  # whether it is important: unknown settings are left out either way
            settings[name] = reader.string()
        reader.string()  # the secret between servers
        reader.varint()  # up to which stage
        self._compressed = bool(reader.varint())
        return settings, reader.string()

    def _skip_client_info(self) -> None:
        reader = self._in
        if not reader.take(1)[0]:
            return
        for _ in range(3):
            reader.string()
        reader.skip(8)
        # Only a client over TCP says who it is; what a server passes on may have come another way.
        over_tcp = reader.take(1)[0] == 1
        if over_tcp:
            for _ in range(3):
                reader.string()
            for _ in range(3):
                reader.varint()
        reader.string()
        reader.varint()
        if over_tcp:
            reader.varint()
        if reader.take(1)[0]:  # OpenTelemetry
            reader.skip(16 + 8)
            reader.string()
            reader.skip(1)
        for _ in range(3):
            reader.varint()

    def _execute(self, link: Link, statement: Statement, settings: dict[str, str]) -> None:
        link.settings(settings)
        link.permit(statement.text, read_only=settings.get("readonly", "0") != "0")
        if statement.data is not None:
            self._insert(link, statement)
            return
        with self._watch.over(self._socket, link.tag, varint(_CANCEL)) as running:
            try:
                if statement.answered:
                    blocks = (
                        link.stream(statement.text) if statement.streamed else link.answer(statement.text)
                    )
                    with closing(blocks):
                        self._send_blocks(blocks)
                    return
                link.run(statement.text)
            except EngineError:
                if not running.stopped:
                    raise
            finally:
                link.ended(statement)
        if statement.kind in {"SET", "USE"}:
            link.client_changed()
        self._send(varint(_S_END))

    def _insert(self, link: Link, statement: Statement) -> None:
        if statement.data:
            format, rows = statement.format or "Values", statement.data.encode("utf-8", "surrogateescape")
            check_rows(rows, format)
            written = link.insert(statement.text, format, [rows])
        else:
            wanted = link.insertable(statement.target, statement.columns)
            for _, kind in wanted:
                parse_type(kind)
            self._send_block(header(wanted))
            # Nothing reaches the engine before the last row is here: a client that vanishes leaves no
            # part of its INSERT behind.
            with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
                try:
                    count = self._spool(spool)
                except _Cancelled:
                    self._send(varint(_S_END))
                    return
                spool.seek(0)
                pieces = iter(lambda: spool.read(_PIECE), b"")
                written = link.insert(statement.text, "Native", pieces) if count else Written(0, 0)
        self._send(_progress(0, 0, written) + varint(_S_END))

    def _spool(self, spool: tempfile.SpooledTemporaryFile[bytes]) -> int:
        """Take in the rows of one INSERT up to the empty block that closes them; returns their number."""
        rows = 0
        while (block := self._read_block()[1]).columns:
            if block.rows:
                spool.write(block.data)
            rows += block.rows
            self._in.release()
        return rows

    def _read_block(self) -> tuple[str, Block]:
        """One block of rows and the name of the external table it belongs to, empty for an INSERT's."""
        packet = self._in.varint()
        if packet == _CANCEL:
            raise _Cancelled
        if packet not in {_DATA, _SCALAR}:
            raise _Unreadable(
                EngineError(UNKNOWN_PACKET, f"Expected a block from client, got packet {packet}")
            )
        table = self._in.string()
        reader = unpacked(self._in) if self._compressed else self._in
        try:
            while field := reader.varint():
                reader.skip(1 if field == 1 else 4)
            return table, read_block(reader)
        except EngineError as error:
            raise _Unreadable(error) from error

    def _send_blocks(self, blocks: Iterator[Block]) -> None:
        rows = size = count = 0
        for block in blocks:
            self._send_block(block.data)
            rows, size, count = rows + block.rows, size + len(block.data), count + bool(block.rows)
        profile = varint(rows) + varint(count) + varint(size) + b"\0" + varint(0) + b"\0"
        self._send(varint(_S_PROFILE) + profile + _progress(rows, size, Written(0, 0)) + varint(_S_END))

    def _send_block(self, data: bytes) -> None:
        head, body = varint(_S_DATA) + string(""), _BLOCK_INFO + data
        self._send(head + (pack(body, self._method) if self._compressed else body))

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)


def _inlined(statement: Statement, external: list[tuple[str, Block]]) -> Statement | None:
    """The statement with small tables that a client sent along written into it; None if they are not small.

    A temporary table takes four statements, which cost more than many a question.
    """
    names = [name for name, _ in external]
    size = sum(len(block.data) for _, block in external)
    if not external or size > _INLINED or len(set(names)) < len(names):
        return None
    queries = {}
    for name, block in external:
        columns = ", ".join(f"{identifier(column.name)} {column.type}" for column in block.columns)
        if not block.rows:
            return None  # a text without rows is no block in Native format
        rows = f"format(Native, {quoted(columns)}, {literal(block.data)})"
        queries[identifier(name)] = f"SELECT * FROM {rows}"  # noqa: S608
    return statement.with_tables(queries)


@contextmanager
def _beside(link: Link, external: list[tuple[str, Block]]) -> Iterator[None]:
    """Hold the tables a client sent along with its statement, for as long as that runs."""
    made: list[str] = []
    try:
        for name, block in external:
            table = identifier(name)
            if name not in made:
                columns = ", ".join(f"{identifier(column.name)} {column.type}" for column in block.columns)
                link.run(f"CREATE TEMPORARY TABLE {table} ({columns}) ENGINE = Memory")
                made.append(name)
            if block.rows:
                link.insert(f"INSERT INTO {table}", "Native", [block.data])
        yield
    finally:
        for name in made:
            link.run(f"DROP TEMPORARY TABLE {identifier(name)}")


def framed(blocks: Iterator[Block], revision: int) -> bytes:
    """Blocks as a client of this protocol revision expects them over HTTP; 0 is the bare Native format."""
    out = bytearray()
    for block in blocks:
        out += _BLOCK_INFO if revision else b""
        done = 0
        for column in block.columns if revision > REVISION else ():
            # The values follow in their usual serialization.
            out += block.data[done : column.values] + b"\0"
            done = column.values
        out += block.data[done:]
    return bytes(out)


def _exception(error: EngineError) -> bytes:
    name = "DB::Exception"
    code = struct.pack("<i", error.code)
    return varint(_S_EXCEPTION) + code + string(name) + string(f"{name}: {error.text}") + string("") + b"\0"


def _progress(rows: int, size: int, written: Written) -> bytes:
    return varint(_S_PROGRESS) + b"".join(map(varint, (rows, size, 0, written.rows, written.size)))
