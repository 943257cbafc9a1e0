"""Real receivers: an HTTP server and an SMTP server that answer as they are told, and remember."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class HttpReceiver:
    """Answers POSTs with the given statuses in turn, then 200. `on_request` runs first."""

    def __init__(self, statuses: Iterable[int] = ()) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses = deque(statuses)
        self.body = "ok"
        self.paths: list[str] = []
        self.answer_headers: dict[str, str] = {}
        self.on_request: Callable[[], None] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed on the way: this is no request
                    return
                receiver.on_request()
                receiver.paths.append(self.path)
                receiver.requests.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.popleft() if receiver.statuses else 200)
                for name, value in receiver.answer_headers.items():
                    self.send_header(name, value)
                said = receiver.body.encode()
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                """Pytest's output is for failures."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """A sender that was killed has closed its socket."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.base}/hook?token=secret"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def keys(self) -> list[str]:
        return [headers["idempotency-key"] for headers, _body in self.requests]

    @property
    def states(self) -> list[str]:
        return [orjson.loads(body)["alerts"][0]["state"] for _headers, body in self.requests]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Rule and state of what it was told."""
        firsts = [orjson.loads(body)["alerts"][0] for _headers, body in self.requests]
        return [(one["rule"], one["state"]) for one in firsts]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class SmtpReceiver:
    """Answers DATA (or RCPT) with the given lines in turn, then 250."""

    def __init__(self, port: int, **server: Any) -> None:
        """`server`: further options of aiosmtpd's SMTP."""
        self.messages: list[EmailMessage] = []
        self.bodies: list[bytes] = []
        self.recipients: list[str] = []
        self.rcpt_answers: deque[str] = deque()
        self.data_answers: deque[str] = deque()
        self.on_data: Callable[[], None] = lambda: None
        self.port = port
        self._controller = Controller(self, hostname="127.0.0.1", port=port, **server)
        self._controller.start()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.bodies.append(content)
        self.messages.append(message)
        self.recipients.extend(envelope.rcpt_tos)
        self.on_data()
        return self.data_answers.popleft() if self.data_answers else "250 taken"

    def close(self) -> None:
        self._controller.stop()
