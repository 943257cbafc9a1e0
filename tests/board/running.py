"""The board as a process of its own, and a producer of changed figures."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer

from deploy.embedded.child import Child
from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC
from services.platform.errors import StartError
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.board.county import PLAN
from tests.support import web
from tests.support.brokers import Broker
from tests.support.ports import free_port
from tests.support.waiting import eventually

READY_SECONDS = 30.0
EVENT_SECONDS = 60.0
_PROGRAM = (
    "import logging; logging.basicConfig(level='INFO'); from services.board.app import serve; "
    "from services.board.settings import BoardSettings; from services.platform.settings import load; "
    "serve(load(BoardSettings))"
)


class RunningBoard:
    """`serve` in a child process on a free port."""

    def __init__(
        self, settings: Common, log: Path, *, synthetic: bool = True, more: Mapping[str, str] | None = None
    ) -> None:
        """`more`: further variables of its environment."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {
            **os.environ,
            "MINMAI_BOARD_PORT": str(self.port),
            "MINMAI_KAFKA": settings.kafka,
            "MINMAI_CLICKHOUSE_PORT": str(settings.clickhouse_port),
            "MINMAI_CLICKHOUSE_DATABASE": settings.clickhouse_database,
            "MINMAI_PLAN": str(PLAN),
            "MINMAI_SYNTHETIC": str(synthetic).lower(),
            **(more or {}),
        }
        self._log = log
        self._child: Child | None = None

    def start(self) -> None:
        """Start it and return when it is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process."""
        self._child = Child("the board", [sys.executable, "-c", _PROGRAM], env=self._env, log=self._log)

    def alive(self) -> bool:
        """Whether it answers at all; raises StartError if it has ended."""
        assert self._child is not None
        self._child.check()
        try:
            return web.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError as error:
            raise AssertionError(error) from error

    def wait_ready(self) -> None:
        """Return when it is ready."""
        eventually(
            lambda: self.alive() and web.get(f"{self.url}/readyz").status_code == 200,
            READY_SECONDS,
            "the board is ready",
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(grace=10)
            self._child = None

    def terminate(self) -> None:
        """SIGTERM; it must end with exit code 0."""
        assert self._child is not None
        child, self._child = self._child, None
        os.kill(child.pid, signal.SIGTERM)
        eventually(lambda: not child.running, READY_SECONDS, "the board ends")
        with pytest.raises(StartError, match="ended with code 0:"):
            child.check()
        child.stop()

    def get(self, path: str, **params: str) -> Any:
        """The JSON of an answer that must be 200."""
        response = web.get(f"{self.url}{path}", params=params)
        assert response.status_code == 200, response.text
        return response.json()


def produce(bootstrap: str, figures: Iterable[Figure]) -> None:
    """Write changed figures to the topic as the aggregator does; returns when all are acknowledged."""
    with KafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for figure in figures:
            key = f"{figure.indicator}/{figure.division}".encode()
            producer.send(INDICATOR_TOPIC, key=key, value=figure.model_dump_json().encode())
        producer.flush(timeout=30)


def following(settings: Common, broker: Broker) -> Common:
    """The settings of a board that follows a broker."""
    return settings.model_copy(update={"kafka": broker.bootstrap})


def make_topic(bootstrap: str) -> None:
    ensure_topics(bootstrap)


class Events:
    """The events of one open stream, read one at a time."""

    def __init__(self, response: httpx.Response) -> None:
        self.headers = response.headers
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, Any, dict[str, str]]:
        """The next event: its name, its JSON, its fields."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"]), fields
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        raise AssertionError("the stream has ended")

    def until(self, wanted: str) -> tuple[Any, dict[str, str]]:
        """The next event of that name; the stream's beats keep this from waiting longer than it should."""
        end = time.monotonic() + EVENT_SECONDS
        while True:
            name, data, fields = self.next()
            assert time.monotonic() < end, f"waited {EVENT_SECONDS:g} s for an event `{wanted}`"
            if name == wanted:
                return data, fields
