"""The benchmark of ingest: it runs to its end with counts that agree, and is void where they do not."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks.ingest.client import check_answers
from benchmarks.ingest.topic import MiscountedError, Topic
from benchmarks.ingest.vouchers import STREAM, record
from services.platform.topics import ensure_topics
from tests.support.brokers import Broker
from tests.support.services import ROOT

SMALL = ("--seconds", "1", "--rounds", "1", "--batch", "50", "--rows", "300", "--counted", "100")


def test_it_runs_to_its_end_and_the_topic_holds_what_was_answered(broker_kind: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.ingest", "--broker", broker_kind, *SMALL, "--json", file]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(file.read_text())["results"]
    assert results["on_topic"] == _sent(results)
    for rates in (results["batches"], results["singles"]):
        for one in (*rates["ours"], *rates["bare"]):
            assert 0 < one["answered"] <= one["sent"]
            assert one["seconds"] > 0
    for paced in (results["paced_batches"], results["paced_singles"]):
        assert len(paced["latencies"]) == paced["sent"]
    for title in ("records/s", "requests/s", "CSV", "XLSX"):
        assert title in done.stdout


def _sent(results: dict[str, Any]) -> int:
    records = 0
    for rates in (results["batches"], results["singles"]):
        records += rates["records"] * sum(one["sent"] for one in (*rates["ours"], *rates["bare"]))
    for paced, each in (
        (results["paced_batches"], results["batches"]["records"]),
        (results["paced_singles"], 1),
    ):
        records += each * (paced["warm_up"] + paced["sent"])
    for file in results["files"].values():
        records += 2 * file["rows"] + file["quiet"]["sent"] + file["beside"]["sent"]
    return records


def test_a_topic_with_other_records_than_were_answered_makes_the_run_void(fresh_broker: Broker) -> None:
    ensure_topics(fresh_broker.bootstrap, partitions=1)
    topic = Topic(fresh_broker.bootstrap, partitions=1)

    _put(fresh_broker, [orjson.dumps(record("r1", number)) for number in (0, 1, 1)])
    assert topic.check({"r1": 2}) == (2, 1)

    _put(fresh_broker, [orjson.dumps({"data": record("r2", 0)})])
    with pytest.raises(MiscountedError, match="1 of them are missing and 0 others"):
        topic.check({"r2": 2})

    _put(fresh_broker, [orjson.dumps(record("r3", 0)), orjson.dumps(record("r4", 0))])
    with pytest.raises(MiscountedError, match="nobody sent now: r4"):
        topic.check({"r3": 1})


def _put(broker: Broker, values: Sequence[bytes]) -> None:
    async def put() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
            for value in values:
                await producer.send_and_wait(STREAM.topic, value, partition=0)

    asyncio.run(put())


def test_an_answer_that_accepts_less_than_was_sent_makes_the_run_void() -> None:
    check_answers([b'{"received": 2, "accepted": 2}'], 2)
    with pytest.raises(RuntimeError, match="not all of 2 records were accepted"):
        check_answers([b'{"received": 2, "accepted": 2}', b'{"received": 2, "accepted": 1}'], 2)
