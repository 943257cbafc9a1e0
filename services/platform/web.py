"""Serving HTTP: what ingest, alerts and board share."""

import socket
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.errors import StartError
from services.platform.settings import PREFIX

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def listen(host: str, port: int, service: str) -> socket.socket:
    """Return a socket that listens on `host`:`port`.

    Raises StartError, before anything else of the service starts, if it cannot.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StartError(
            f"{service} cannot listen on {host}:{port} ({error.strerror}): end what uses this port or set "
            f"{PREFIX}{service.upper()}_PORT"
        ) from error


class Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM and SIGINT, which uvicorn would raise again; at once on a second."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


class SecureHeaders:
    """ASGI middleware of pages: nothing is loaded from elsewhere, and a new version shows at once.

    Plain, because Starlette's base class would hold a stream back.
    """

    def __init__(self, app: ASGIApp, *, forms: bool = False) -> None:
        """`forms`: the page sends forms, to where it came from."""
        self._app = app
        self._headers = {**_HEADERS}
        if forms:
            policy = "Content-Security-Policy"
            self._headers[policy] = _HEADERS[policy].replace("form-action 'none'", "form-action 'self'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
