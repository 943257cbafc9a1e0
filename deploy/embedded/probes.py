"""Whether a part of the one-machine default can do its work: short, real questions."""

import http.client
import socket

from services.platform import topics
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

_SECONDS = 1.5
_REASON_CHARACTERS = 200


def answers_ok(host: str, port: int, path: str) -> bytes:
    """The body of `GET path`; raises Unavailable with the reason unless it is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"http://{host}:{port}{path}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        reason = body.decode(errors="replace")[:_REASON_CHARACTERS]
        raise Unavailable(f"http://{host}:{port}{path}: {response.status} {reason}")
    return body


def broker_answers(host: str, port: int) -> None:
    """Raise Unavailable unless the broker answers a metadata request."""
    try:
        # The Kafka client logs an error for every refused connection and waits ever longer.
        socket.create_connection((host, port), _SECONDS).close()
    except OSError as error:
        raise Unavailable(f"no broker listens on {host}:{port}: {error}") from error
    topics.answers(f"{host}:{port}", _SECONDS)


def county_has_figures(clickhouse: ClickHouse) -> None:
    """Raise Unavailable until the board has a first number to show: a figure without data is none."""
    if not clickhouse.query("SELECT 1 FROM indicator_live WHERE value IS NOT NULL LIMIT 1"):
        raise Unavailable("there is no figure yet")
