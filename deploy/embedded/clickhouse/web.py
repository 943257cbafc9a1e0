"""ClickHouse's HTTP interface: one statement a request, its answer whole or an error with its code."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import logging
import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deploy.embedded.clickhouse.accounts import USER, admit
from deploy.embedded.clickhouse.bodies import read_body, unpacked
from deploy.embedded.clickhouse.columns import read_blocks
from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.errors import (
    NOT_IMPLEMENTED,
    QUERY_WAS_CANCELLED,
    EngineError,
)
from deploy.embedded.clickhouse.guard import check, check_rows
from deploy.embedded.clickhouse.link import Link, Written
from deploy.embedded.clickhouse.native import framed
from deploy.embedded.clickhouse.sessions import Sessions
from deploy.embedded.clickhouse.sql import Statement, parse
from deploy.embedded.clickhouse.watch import Watch

log = logging.getLogger(__name__)

# Parameters of a URL that are not settings of the statement.
_OURS = {
    "query", "database", "user", "password", "default_format", "session_id", "session_timeout",
    "session_check", "query_id", "quota_key", "compress", "decompress", "enable_http_compression",
    "wait_end_of_query", "buffer_size", "client_protocol_version", "role", "stacktrace",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "http_zlib_compression_level",
}  # fmt: skip
_STATUS = {
    **dict.fromkeys((192, 193, 194, 497, 516), 403),
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 73, 81, 115), 404),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 164, 456, 457), 400),
    48: 501,
    159: 408,
    373: 409,
}
_CONTENT_TYPES = {
    "json": "application/json; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
}
_BINARY = ("native", "rowbinary", "arrow", "parquet", "orc", "avro", "protobuf", "msgpack", "npy")
_SMALLEST_TO_COMPRESS = 1024


class WebServer(ThreadingHTTPServer):
    """Serves HTTP on `listener` from its own thread until `stop`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, engine: Engine, watch: Watch, password: str) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.engine = engine
        self.watch = watch
        self.password = password
        self.sessions = Sessions(engine)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.2,), name="http", daemon=True)
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), OSError | EOFError):
            log.info("an HTTP client vanished")
        else:
            log.exception("an HTTP request ended by a defect of this server")

    def stop(self) -> None:
        """Stop accepting and close every session."""
        self.shutdown()
        self.server_close()
        self._thread.join()
        self.sessions.close()


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"
    server_version = "minmai"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path in {"/ping", "/replicas_status"} or (url.path == "/" and "query=" not in url.query):
            self._reply(200, b"Ok.\n")
        else:
            self._answer(reads_only=True)

    def do_POST(self) -> None:
        self._answer(reads_only=False)

    def _answer(self, *, reads_only: bool) -> None:
        url = urlsplit(self.path)
        body = read_body(self.rfile, self.headers)
        if "Origin" in self.headers:
            # A page that the user happens to look at must not run statements on this machine.
            self._reply(403, b"Requests by web pages are refused.\n")
            return
        if url.path != "/":
            self._reply(404, f"There is no handle {url.path}. Use / or /ping.\n".encode())
            return
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            self._admit(query)
            self._run(
                query, unpacked(body, self.headers.get("Content-Encoding", "identity")), reads_only=reads_only
            )
        except EngineError as error:
            text = f"{error} (version {self.server.engine.version} (minmai, embedded))\n"
            self._reply(
                _STATUS.get(error.code, 500), text.encode(), {"X-ClickHouse-Exception-Code": str(error.code)}
            )

    def _admit(self, query: dict[str, str]) -> None:
        user = _text(self.headers.get("X-ClickHouse-User")) or query.get("user", USER)
        password = _text(self.headers.get("X-ClickHouse-Key")) or query.get("password", "")
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user = password = ""
        admit(user, password, self.server.password)

    def _run(self, query: dict[str, str], body: bytes, *, reads_only: bool) -> None:
        if query.get("compress", "0") != "0" or query.get("decompress", "0") != "0":
            raise EngineError(NOT_IMPLEMENTED, "Use Accept-Encoding or Content-Encoding: gzip over HTTP")
        statement = _statement(query.get("query"), body)
        check(statement.text)
        asked = query.get("default_format", self.headers.get("X-ClickHouse-Format", "TabSeparated"))
        format = statement.format or asked
        with self._link(query) as link:
            link.use(query.get("database") or self.headers.get("X-ClickHouse-Database") or link.database)
            link.settings(_settings(query), strict=True)
            link.permit(statement.text, read_only=reads_only or query.get("readonly", "0") != "0")
            with self.server.watch.over(self.connection, link.tag) as running:
                try:
                    data, written = _execute(link, statement, format, _parameters(query))
                finally:
                    link.ended(statement)
            if running.stopped:
                raise EngineError(QUERY_WAS_CANCELLED, "The client has left (QUERY_WAS_CANCELLED)")
            if statement.kind in {"SET", "USE"}:
                link.client_changed()
        if format.lower() == "native" and "client_protocol_version" in query and statement.answered:
            data = framed(read_blocks(data), int(query["client_protocol_version"]))
        summary = {"read_rows": "0", "written_rows": str(written.rows), "written_bytes": str(written.size)}
        headers = {
            "X-ClickHouse-Query-Id": query.get("query_id") or str(uuid.uuid4()),
            "X-ClickHouse-Format": format,
            "X-ClickHouse-Timezone": self.server.engine.timezone,
            "X-ClickHouse-Server-Display-Name": "minmai",
            "X-ClickHouse-Summary": json.dumps(summary),
        }
        wants_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if wants_gzip and query.get("enable_http_compression") == "1" and len(data) > _SMALLEST_TO_COMPRESS:
            data, headers["Content-Encoding"] = gzip.compress(data, 1), "gzip"
        self._reply(200, data, headers, _content_type(format))

    @contextmanager
    def _link(self, query: dict[str, str]) -> Iterator[Link]:
        if query.get("session_id"):
            with self.server.sessions.use(query["session_id"], query.get("session_timeout", "")) as link:
                yield link
            return
        link = self.server.engine.connect()
        try:
            yield link
        finally:
            link.close()

    def _reply(
        self,
        status: int,
        data: bytes,
        more: dict[str, str] | None = None,
        content_type: str = "text/plain; charset=UTF-8",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _text(header: str | None) -> str:
    # http.server reads every byte of a header as a character of its own.
    return (header or "").encode("latin-1").decode("utf-8", "replace")


def _statement(query: str | None, body: bytes) -> Statement:
    """The statement of a request: in the URL, in the body, or begun there and continued here."""
    # Rows of an INSERT may be of any encoding; what is no text comes out of the string as it went in.
    text = body.decode("utf-8", "surrogateescape")
    if query is None:
        return parse(text)
    statement = parse(query)
    if statement.data is not None:
        return statement.with_data(statement.data + text)
    return parse(f"{query}\n{text}") if text else statement


def _execute(
    link: Link, statement: Statement, format: str, parameters: dict[str, str]
) -> tuple[bytes, Written]:
    if statement.data is None:
        data = link.run(statement.text, format, parameters)
        if format.lower() == "native" and statement.streamed:
            data = link.zoned(data, statement.text, parameters)
        return data, Written(0, 0)
    rows, written_as = statement.data.encode("utf-8", "surrogateescape"), statement.format or "Values"
    check_rows(rows, written_as)
    if parameters and written_as == "Values":
        return link.run(f"{statement.text} VALUES {statement.data}", "Null", parameters), Written(0, 0)
    return b"", link.insert(statement.text, written_as, [rows]) if rows else Written(0, 0)


def _settings(query: dict[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in query.items() if name not in _OURS and not name.startswith("param_")
    }


def _parameters(query: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("param_"): value for name, value in query.items() if name.startswith("param_")}


def _content_type(format: str) -> str:
    name = format.lower()
    if name.startswith(_BINARY):
        return "application/octet-stream"
    matching = (kind for start, kind in _CONTENT_TYPES.items() if name.startswith(start))
    return next(matching, "text/plain; charset=UTF-8")
