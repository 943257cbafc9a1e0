"""The alerts service, which obeys orders to be struck at a step: `python -m tests.alerts.kills.worker`.

The steps are watched at the drivers of ClickHouse, Kafka, HTTP and SMTP: the service knows nothing of it.
There each copy of a notice is also marked with the process that sends it.
"""

import logging
import os
import re
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
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

SENDER = "kills-sender"
"""The header of a copy, in each channel, with the pid of the process that sent it."""

Passing = Callable[[str, When], None]

_INSERT = re.compile(r"\s*INSERT INTO (\w+) \(([\w, ]+)\)")


def watch(passing: Passing) -> None:
    """Have `passing` called before and after each step of this process."""
    _watch_inserts(passing)
    _watch_mail(passing)
    _watch_async(passing, httpx.AsyncClient, "send", "send webhook", _mark_request)
    _watch_async(passing, AIOKafkaProducer, "send_and_wait", "send topic", _mark_record)


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


def _mark_request(request: httpx.Request, **_options: Any) -> None:
    request.headers[SENDER] = str(os.getpid())


def _mark_record(*_record: Any, headers: list[tuple[str, bytes]], **_options: Any) -> None:
    headers.append((SENDER, str(os.getpid()).encode()))


def _watch_mail(passing: Passing) -> None:
    send = smtplib.SMTP.send_message

    @wraps(send)
    def watched(session: smtplib.SMTP, message: EmailMessage, *args: Any) -> Any:
        message[SENDER] = str(os.getpid())
        passing("send mail", "before")
        done = send(session, message, *args)
        passing("send mail", "after")
        return done

    smtplib.SMTP.send_message = watched  # type: ignore[method-assign, assignment]


def _watch_async(
    passing: Passing, kind: type[Any], method: str, step: str, mark: Callable[..., None]
) -> None:
    call = getattr(kind, method)

    @wraps(call)
    async def watched(one: Any, *args: Any, **options: Any) -> Any:
        mark(*args, **options)
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
