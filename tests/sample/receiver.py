"""An HTTP server that stands where ingest would, and can be away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.ports import free_port


class Receiver:
    """What was pushed, in order, as (key, event); `answers` are status codes to give before 200."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[int] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _key, event in list(self.received)]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Listen; outside, connections are refused."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                answer: dict[str, Any] = {"detail": "not now"}
                if status == 200:
                    key = self.headers["Authorization"].removeprefix("Bearer ")
                    events = json.loads(body)
                    receiver.received += [(key, event) for event in events]
                    answer = {"receipt": "r", "received": len(events), "errors": []}
                said = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_args: object) -> None:
                """Nothing: the tests look at what was received."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
