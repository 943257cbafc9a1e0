"""What the benchmark runs on: broker, ClickHouse, topics, one ingest process, and the bare rival's server."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from benchmarks.backlog import patiently_migrate
from benchmarks.ingest.client import Target
from benchmarks.ingest.vouchers import DIVISION, STREAM
from benchmarks.machine import ROOT, free_ports, wait_ready
from deploy.embedded.child import Child
from services.ingest.agencies import add
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support.brokers import new_broker

_AGENCIES = 4
_NO_LIMIT = 10**9
_SELECTIVE = "minmai_ingest_known_selective 1.0"
_REMEMBERED_SECONDS = 120

# So many identities as if so many records of an earlier time had been counted.
_COUNTED = """
INSERT INTO record_identity (stream, identity, fingerprint, topic_id, partition, offset)
SELECT %(stream)s, generateUUIDv4(number), generateUUIDv4(number + 1), toUUID(%(topic_id)s), 0, number
FROM numbers(%(records)s)"""


@dataclass(frozen=True)
class Stage:
    """Everything at work."""

    kafka: str
    partitions: int
    ingest: Target
    rival: Target


@contextmanager
def set_up(kind: str, counted: int) -> Iterator[Stage]:
    """Start it all on free ports and an empty folder, with so many identities `counted` before; end it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minmai-bench-")))
        broker = new_broker(kind, folder / "broker")
        (folder / "broker").mkdir()
        broker.start()
        stack.callback(broker.stop)
        # As `minmai up` has it; the default of `minmai topics create` on a Kafka.
        partitions = 1 if kind == "embedded" else 4
        ensure_topics(broker.bootstrap, partitions=partitions)
        native, http, port, rival_port = free_ports(4)
        settings = Common(
            kafka=broker.bootstrap,
            clickhouse_port=native,
            clickhouse_database="bench",
            plan=ROOT / "plans" / "yanshan",
        )
        stack.enter_context(
            _running(
                "ClickHouse",
                *("-m", "deploy.embedded.clickhouse", "--path", f"{folder}/clickhouse"),
                *("--port", str(native), "--http-port", str(http)),
                log=folder / "clickhouse.log",
                ready=f"http://127.0.0.1:{http}/ping",
            )
        )
        patiently_migrate(settings)
        _count(settings, counted)
        agencies = folder / "agencies.json"
        keys = [
            add(agencies, f"bench-bureau-{number}", [STREAM.name], [DIVISION]) for number in range(_AGENCIES)
        ]
        values = {
            **settings.model_dump(exclude={"clickhouse_password"}),
            "ingest_port": port,
            "agencies": agencies,
            "log_level": "WARNING",
            "write_timeout": 60,  # too slow shall show as latency, and not as a 503 that makes the run void
            "agency_pushes_per_second": _NO_LIMIT,
            "agency_pushes_burst": _NO_LIMIT,
            "agency_records_per_second": _NO_LIMIT,
            "agency_records_burst": _NO_LIMIT,
            "agency_pushes_at_once": 1_000,
            **({} if broker.keeps_log else {"journal": folder / "journal"}),
        }
        ingest = stack.enter_context(
            _running(
                "ingest",
                *("-m", "cli.main", "ingest"),
                log=folder / "ingest.log",
                ready=f"http://127.0.0.1:{port}/readyz",
                more={f"MINMAI_{name.upper()}": str(value) for name, value in values.items()},
            )
        )
        rival = stack.enter_context(
            _running(
                "the bare rival",
                *("-m", "benchmarks.ingest.rival", broker.bootstrap, str(rival_port)),
                log=folder / "rival.log",
                ready=f"http://127.0.0.1:{rival_port}/readyz",
            )
        )
        _wait_remembered(port)
        yield Stage(broker.bootstrap, partitions, Target(port, ingest, keys), Target(rival_port, rival, keys))


def _count(settings: Common, counted: int) -> None:
    clickhouse = ClickHouse(settings)
    try:
        clickhouse.query(_COUNTED, {"stream": STREAM.name, "topic_id": str(uuid4()), "records": counted})
    finally:
        clickhouse.close()


def _wait_remembered(port: int) -> None:
    """Return when ingest remembers what was counted before: until then it asks ClickHouse about each record.

    Raises TimeoutError if it does not.
    """
    end = time.monotonic() + _REMEMBERED_SECONDS
    while _SELECTIVE not in httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text.splitlines():
        if time.monotonic() > end:
            raise TimeoutError(f"ingest does not say {_SELECTIVE} after {_REMEMBERED_SECONDS} s")
        time.sleep(0.1)  # it reads what was counted, beside which asking is cheap


@contextmanager
def _running(
    name: str, *words: str, log: Path, ready: str, more: dict[str, str] | None = None
) -> Iterator[int]:
    """Run a Python program; yields its pid once `ready` answers, shows its log when what is inside fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")}
    child = Child(name, [sys.executable, *words], env=clean | (more or {}), cwd=ROOT, log=log)
    try:
        wait_ready(child, [ready])
        yield child.pid
    except BaseException:
        if told := child.tail():
            print(f"--- the end of what {name} said ---\n{told}", file=sys.stderr)
        raise
    finally:
        child.stop(30)
