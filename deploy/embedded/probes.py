"""Whether a part of the one-machine default can do its work: short, real questions."""

import http.client
import json
import socket

from services.platform import topics
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


def board_has_figures(host: str, port: int) -> None:
    """Raise Unavailable until the board shows a first number: a figure without data is none."""
    shown = json.loads(answers_ok(host, port, "/v1/indicators"))["indicators"]
    if all(figure["value"] is None for one in shown for figure in one["figures"]):
        raise Unavailable("the board has no figure yet")
