"""What the tests of ingest share: records that are right, the service as a process, a look at the topics."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from deploy.embedded.child import Child
from schemas.dead_letter import DeadLetter
from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from services.platform.topics import ensure_topics
from tests.support.ports import free_port
from tests.support.waiting import eventually

PLAN = Path(__file__).parents[2] / "plans" / "yanshan"
ALL = (*(stream.topic for stream in STREAMS.values()), DEAD_LETTER_TOPIC)


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
            return httpx.get(self.url + path)
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


@contextmanager
def consumer(bootstrap: str) -> Iterator[KafkaConsumer]:
    reader = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    )
    try:
        yield reader
    finally:
        reader.close()


def everything(
    bootstrap: str, topics: Sequence[str] = ALL, *, at_least: int
) -> list[tuple[str, int, bytes, Any]]:
    """All messages of the topics, once they are at least so many: (topic, partition, key, value)."""
    with consumer(bootstrap) as reader:
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in reader.partitions_for_topic(topic) or ()
        ]
        reader.assign(places)
        reader.seek_to_beginning(*places)
        found: list[tuple[str, int, bytes, Any]] = []

        def read() -> int:
            for messages in reader.poll(timeout_ms=300).values():
                found.extend(
                    (one.topic, one.partition, one.key, json.loads(one.value, parse_float=str))
                    for one in messages
                )
            return len(found)

        eventually(read, 20, f"{at_least} messages", until=lambda number: number >= at_least)
        while read() and reader.poll(timeout_ms=300):
            pass
        return found
