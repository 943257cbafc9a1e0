"""``python -m deploy.embedded.clickhouse``: run the server until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from services.platform.errors import StartError

_PACKAGES = ("chdb", "clickhouse_cityhash", "lz4")


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code, 1 when the server cannot start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s clickhouse: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(options, stop)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def serve(options: argparse.Namespace, stop: threading.Event) -> None:
    """Open the data in `options.path`, listen, say so in one line on standard output, and wait for `stop`.

    Raises StartError when a package is missing, a port is taken or the data is in use.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise StartError(
            f"The embedded ClickHouse needs packages that are not installed ({', '.join(missing)}): "
            "pip install 'minmai[embedded]', or use a ClickHouse server instead"
        )
    # The engine takes its zone from here: DateTime columns without one mean UTC wherever this runs.
    # Importing chDB already reads it.
    os.environ["TZ"] = "UTC"
    time.tzset()
    # chDB loads pyarrow where it is installed, for results that nobody asks for here: 40 MB, 0.3 s.
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # None is how an import is blocked
    from deploy.embedded.clickhouse.engine import Engine
    from deploy.embedded.clickhouse.server import NativeServer, listen
    from deploy.embedded.clickhouse.watch import Watch
    from deploy.embedded.clickhouse.web import WebServer

    password = os.environ.get("MINMAI_CLICKHOUSE_PASSWORD", "")
    host, port, http_port = options.host, options.port, options.http_port
    with listen(host, port, "native") as native_listener, listen(host, http_port, "HTTP") as http_listener:
        engine = Engine(options.path, options.config)
        watch = Watch(engine.kill)
        native = NativeServer(native_listener, engine, watch, password)
        web = WebServer(http_listener, engine, watch, password)
        print(f"ClickHouse {engine.version} ready: native {host}:{port}, HTTP {host}:{http_port}", flush=True)
        stop.wait()
        web.stop()
        watch.stop_all()
        native.close()
        engine.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder that keeps the data")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="native protocol")
    parser.add_argument("--http-port", type=int, default=8123)
    parser.add_argument(
        "--config", type=Path, help="file of a ClickHouse server's settings: which clusters there are, macros"
    )
    return parser


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # A thread that is still inside the engine would meet it half torn down in an ordinary exit.
    os._exit(code)
