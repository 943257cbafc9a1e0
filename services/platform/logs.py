"""Logging of every service: one line a message, times in UTC, what libraries chatter left out."""

import logging
import math
import re
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

_CHATTY = ("aiokafka", "asyncio", "faust", "httpcore", "httpx", "mode", "uvicorn")
_ALARMED = {
    "clickhouse_driver": logging.ERROR,  # a traceback of every refused connection, which we name in a line
    "kafka": logging.CRITICAL,  # every step of every failed connection; it all comes to us as Unavailable
    "kafka.net.selector": logging.ERROR,  # every task that a busy machine lets wait for a tenth of a second
}
_NEIGHBOURS = ("aiokafka", "clickhouse_driver", "kafka")
_QUIET_SECONDS = 60.0

_NUMBER = re.compile(r"\d+(\.\d+)*")
_ESCAPES = {number: f"\\x{number:02x}" for number in (*range(32), 127)} | {10: "\\n", 13: "\\r", 9: " "}


class OneLine(logging.Formatter):
    """`2026-11-24T15:25:43.123Z WARNING ingest services.ingest.watch: not ready: …`.

    Line breaks and control characters of a message are escaped: what an agency sent cannot forge a line. The
    lines of a traceback follow, each indented.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self, service: str) -> None:
        super().__init__(
            f"%(asctime)s.%(msecs)03dZ %(levelname)s {service} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_ESCAPES)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _indented(super().formatStack(stack_info))


class OncePerReason(logging.Filter):
    """Lets a reason that a neighbour's library gives through once a minute, a network error in one line.

    While a broker is away aiokafka tells of each of its attempts, some 20 lines a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _NEIGHBOURS:
            return True
        text = record.getMessage()
        if record.exc_info and isinstance(record.exc_info[1], OSError | EOFError):
            text = f"{text}: {record.exc_info[1]!r}"
            record.msg, record.args, record.exc_info, record.exc_text = text, None, None, None
        now = self._clock()
        reason = record.name, _NUMBER.sub("#", text)  # ports, node ids and waits differ, the reason does not
        if now - self._told.get(reason, -math.inf) < _QUIET_SECONDS:
            return False
        self._told = {one: told for one, told in self._told.items() if now - told < _QUIET_SECONDS}
        self._told[reason] = now
        return True


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Log from `level` up to `stream`, by default standard error.

    Libraries only from WARNING, and each reason of a neighbour's once a minute, unless the level is DEBUG.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine(service))
    if level != "DEBUG":
        handler.addFilter(OncePerReason())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    for name, least in _ALARMED.items():
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else least)
    logging.captureWarnings(True)


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
