"""The listening half: both ports, a thread for every client, and an orderly end."""

from __future__ import annotations

import logging
import socket
import threading

from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.native import Session
from deploy.embedded.clickhouse.watch import Watch
from services.platform.errors import StartError

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2


def listen(host: str, port: int, what: str) -> socket.socket:
    """A listening socket; StartError when the port is taken or the host is not ours."""
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise StartError(
            f"The embedded ClickHouse cannot listen on {host}:{port} ({what}): {error.strerror}. "
            "Another server may run there: stop it, or choose another port"
        ) from error
    return listener


class NativeServer:
    """Accepts clients of the native protocol on `listener` until `close`."""

    def __init__(self, listener: socket.socket, engine: Engine, watch: Watch, password: str) -> None:
        self._listener = listener
        self._engine = engine
        self._watch = watch
        self._password = password
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="native", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                # Out of file descriptors, say; those of clients that leave are free again soon.
                if not self._closing.wait(_PAUSE_SECONDS):
                    log.exception("cannot accept a client")
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(client,), name="client", daemon=True)
            self._clients[client] = thread
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                Session(client, self._engine, self._watch, self._password).serve()
        except (OSError, EOFError):
            log.info("a client vanished")
        except Exception:
            log.exception("a session ended by a defect of this server")
        finally:
            self._clients.pop(client, None)

    def close(self) -> None:
        """Stop accepting, hang up on every client, and wait until their sessions are over."""
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for client, thread in list(self._clients.items()):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.info("a client left by itself")
            thread.join(timeout=5)
