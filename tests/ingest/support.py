"""What the tests of ingest share: records that are right, the service as a process, a look at the topics."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from kafka import KafkaConsumer, TopicPartition

from deploy.embedded.child import Child
from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from tests.support import web
from tests.support.ports import free_port
from tests.support.waiting import eventually

PLAN = Path(__file__).parents[2] / "plans" / "yanshan"
ALL = (*(stream.topic for stream in STREAMS.values()), DEAD_LETTER_TOPIC)


class Message(NamedTuple):
    """A message as it lies on a topic."""

    topic: str
    partition: int
    key: str
    value: dict[str, Any]


def voucher(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A right record of stream consumption-voucher, as pushed plainly."""
    return {
        "time": "2024-05-01T09:30:00+08:00",
        "voucher_id": f"v-{number}",
        "campaign": "qihua",
        "step": "issued",
        "face_value": 88.1,
        "sector": "catering",
        "division": "532622101",
    } | changes


def event(number: int = 1, *, source: str, **changes: Any) -> dict[str, Any]:
    """The same as a CloudEvent; `changes` are to its data."""
    data = voucher(number) | changes
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": source,
        "type": "minmai.consumption-voucher.v1",
        "time": data.pop("time"),
        "data": data,
    }


def environment(bootstrap: str, folder: Path, port: int, **more: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")},
        "MINMAI_KAFKA": bootstrap,
        "MINMAI_PLAN": str(PLAN),
        "MINMAI_AGENCIES": str(folder / "agencies.json"),
        "MINMAI_INGEST_PORT": str(port),
        "MINMAI_CLICKHOUSE_PORT": "1",  # nobody there
        **more,
    }


class Service:
    """Ingest in a process of its own, on a folder and a free port."""

    def __init__(self, bootstrap: str, folder: Path, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = environment(bootstrap, folder, self.port, **more)
        self._child: Child | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start it; return when it is ready (or, if not asked for, when it is alive)."""
        code = (
            "import logging; logging.basicConfig(level=20); from services.platform.settings import load; "
            "from services.ingest.settings import IngestSettings; from services.ingest.app import serve; "
            "serve(load(IngestSettings))"
        )
        child = Child(
            *("ingest", [sys.executable, "-c", code]),
            env=self._environment,
            log=self._folder / "ingest.log",
        )
        self._child = child
        eventually(
            lambda: (child.check(), self.get("/readyz" if ready else "/healthz").status_code)[1] == 200,
            30,
            "ingest is ready",
        )

    def get(self, path: str) -> httpx.Response:
        try:
            return web.get(self.url + path)
        except httpx.TransportError as error:
            raise AssertionError(error) from error

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self._child is not None
        child, self._child = self._child, None
        child.stop(20)
        return int(child._process.returncode)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


def messages(
    bootstrap: str,
    number: int,
    *,
    wanted: Callable[[dict[str, Any]], bool] = lambda _value: True,
    topics: Sequence[str] = ALL,
) -> list[Message]:
    """Messages whose value is `wanted`, once there are `number`; fails if there are more."""
    found = _until(bootstrap, topics, wanted, f"{number} messages", lambda found: len(found) >= number)
    assert len(found) == number
    return found


def at_least(
    bootstrap: str, number: int, *, wanted: Callable[[dict[str, Any]], bool], topics: Sequence[str]
) -> list[Message]:
    """Messages whose value is `wanted`, once there are `number`; there may be copies."""
    return _until(bootstrap, topics, wanted, f"{number} messages", lambda found: len(found) >= number)


def wait_for_subjects(bootstrap: str, subjects: set[str]) -> list[Message]:
    """Return the messages about these entities once there is one about each; there may be copies."""
    return _until(
        bootstrap,
        ALL,
        lambda value: value.get("subject") in subjects,
        f"messages about {sorted(subjects)}",
        lambda found: {one.key for one in found} == subjects,
    )


def _until(
    bootstrap: str,
    topics: Sequence[str],
    wanted: Callable[[dict[str, Any]], bool],
    what: str,
    enough: Callable[[list[Message]], bool],
) -> list[Message]:
    reader = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    )
    found: list[Message] = []

    def read() -> list[Message]:
        for batch in reader.poll(timeout_ms=300).values():
            for one in batch:
                value = json.loads(one.value, parse_float=str)
                if wanted(value):
                    found.append(Message(one.topic, one.partition, one.key.decode(), value))
        return found

    try:
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in reader.partitions_for_topic(topic) or ()
        ]
        reader.assign(places)
        reader.seek_to_beginning(*places)
        eventually(read, 20, what, until=enough)
        return read()
    finally:
        reader.close()


def of_receipt(receipt: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message came with a push."""
    return lambda value: bool(value["receipt"] == receipt)
