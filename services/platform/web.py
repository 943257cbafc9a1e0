"""Serving HTTP: what ingest, alerts and board share around uvicorn."""

import socket
from types import FrameType

import uvicorn

from services.platform.errors import StartError
from services.platform.settings import PREFIX


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
