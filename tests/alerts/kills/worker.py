"""The alerts service, which obeys orders to be struck at a step: `python -m tests.alerts.kills.worker`.

The steps are watched at the drivers of ClickHouse, Kafka, HTTP and SMTP: the service knows nothing of it.
"""

import logging
import os
import re
import smtplib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from clickhouse_driver import Client

from services.alerts.app import serve
from services.alerts.settings import AlertsSettings
from services.platform.settings import load
from tests.kills.effects import Orders, When

ORDERS = "KILLS_ORDERS"
"""The environment variable that names the file of orders."""

Passing = Callable[[str, When], None]

_INSERT = re.compile(r"\s*INSERT INTO (\w+) \(([\w, ]+)\)")


def watch(passing: Passing) -> None:
    """Have `passing` called before and after each step of this process."""
    _watch_inserts(passing)
    _watch_call(passing, smtplib.SMTP, "send_message", "send mail")
    _watch_async(passing, httpx.AsyncClient, "send", "send webhook")
    _watch_async(passing, AIOKafkaProducer, "send_and_wait", "send topic")


def _watch_inserts(passing: Passing) -> None:
    execute = Client.execute

    @wraps(execute)
    def watched(client: Client, query: str, *args: Any, **options: Any) -> Any:
        step = _step(query, args)
        if step:
            passing(step, "before")
        done = execute(client, query, *args, **options)
        if step:
            passing(step, "after")
        return done

    Client.execute = watched


def _step(query: str, args: tuple[Any, ...]) -> str:
    found = _INSERT.match(query)
    if found is None:
        return ""
    if found[1] == "alert_notice" and query.endswith("VALUES"):
        attempts = args[0][found[2].split(", ").index("attempt")]
        return "record" if attempts[0] else "keep"
    return {"alert_log": "log", "alert_notice": "keep"}.get(found[1], "")


def _watch_call(passing: Passing, kind: type[Any], method: str, step: str) -> None:
    call = getattr(kind, method)

    @wraps(call)
    def watched(one: Any, *args: Any, **options: Any) -> Any:
        passing(step, "before")
        done = call(one, *args, **options)
        passing(step, "after")
        return done

    setattr(kind, method, watched)


def _watch_async(passing: Passing, kind: type[Any], method: str, step: str) -> None:
    call = getattr(kind, method)

    @wraps(call)
    async def watched(one: Any, *args: Any, **options: Any) -> Any:
        passing(step, "before")
        done = await call(one, *args, **options)
        passing(step, "after")
        return done

    setattr(kind, method, watched)


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    for chatty in ("kafka", "aiokafka"):
        logging.getLogger(chatty).setLevel("WARNING")
    watch(Orders(Path(os.environ[ORDERS])).passing)
    serve(load(AlertsSettings))
