"""Logging of every service: one line a message, times in UTC, what libraries chatter left out."""

import logging
import sys
import time
from typing import Any, TextIO

_CHATTY = ("aiokafka", "asyncio", "faust", "httpcore", "httpx", "kafka", "mode", "uvicorn")
# One tells of every refused connection with a traceback, which our own messages name in a line; the other of
# every task that a busy machine lets wait for a tenth of a second.
_ALARMED = ("clickhouse_driver", "kafka.net.selector")

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


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Log from `level` up to `stream`, by default standard error.

    Libraries only from WARNING, unless the level is DEBUG.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    for name in _ALARMED:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
