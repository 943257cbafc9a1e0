"""What one record costs with 100,000, 1,000,000 and 10,000,000 voucher records before it.

    .venv/bin/python -m benchmarks.cost [--records 100000 1000000 10000000] [--probes 40] [--bulk 100000]
        [--write]

The records before lie in ClickHouse, spread over the same year and townships whatever their number, as if
they had been counted: put into the log table at once, through the views of the migrations. Then the
aggregator is started, and one record after the other is put on its topic, some of the newest day, some of a
day long past; each is timed until its changed figure is on the indicator topic. The aggregator's own times
tell where they go. Last, many records at once: their CPU time, and the memory that the aggregator has then.
`--write` keeps table and picture in `docs/figures`; it needs `benchmarks/requirements.txt`.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks import backlog
from benchmarks.backlog import patiently_migrate
from benchmarks.cost_curve import Cost, drawing_is_possible, table, write
from benchmarks.machine import ROOT, busy, cpu_seconds, free_ports, machine, peak_memory, resident, wait_ready
from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.child import Child
from schemas.envelope import fingerprint, identity, partition_of
from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC, STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics

STREAM = STREAMS["consumption-voucher"]
WATCHED = ("voucher_issued_count", "532622")
YEAR = datetime(2024, 1, 1, tzinfo=UTC)
NEWEST = YEAR + timedelta(days=365)
TOWNSHIPS = 11
TAKE_OVER = 20_000
"""Records, each fourth of an issued voucher, with which a worker learns what was counted before it."""
FIRST_TOWNSHIP = 532622101

# So many rows as if they had been counted; the year and the townships are filled evenly.
BEFORE = """
INSERT INTO consumption_voucher_log (identity, source, id, subject, time, received_at, receipt, fingerprint,
    topic_id, partition, offset, campaign, step, face_value, sector, division)
SELECT generateUUIDv4(number), 'bench-bureau', concat('before-', toString(number)),
    concat('V', toString(number)),
    toDateTime64(%(begin)s, 6, 'UTC') + toIntervalSecond(modulo(cityHash64(number), 365 * 86400)),
    toDateTime64(%(begin)s, 6, 'UTC'), 'bench', generateUUIDv4(number + 1), toUUID(%(topic_id)s), 0, number,
    if(modulo(number, 2) = 1, 'qihua', 'qixiang'), 'issued', toDecimal64(20, 2), 'retail',
    toString(%(township)s + modulo(number, %(townships)s))
FROM numbers(%(first)s, %(records)s)"""


def measure(server: Child, port_of_it: int, folder: Path, records: int, *, probes: int, bulk: int) -> Cost:
    """Measure in a database and on a broker of its own."""
    kafka, port = free_ports(2)
    broker = EmbeddedBroker(kafka, log=folder / f"broker-{records}.log")
    broker.start()
    settings = Common(
        kafka=broker.bootstrap,
        clickhouse_port=port_of_it,
        clickhouse_database=f"c_{uuid4().hex[:8]}",
        plan=ROOT / "plans" / "yanshan",
    )
    patiently_migrate(settings)
    ensure_topics(broker.bootstrap)
    database = ClickHouse(settings)
    try:
        fill(database, records)
        began = time.monotonic()
        with aggregator(settings, port) as (url, pid):
            cost = Cost(records, time.monotonic() - began, resident(pid))
            pids = (pid, server.pid)
            used = [cpu_seconds(one) for one in pids]
            asyncio.run(backlog.fill(broker.bootstrap, TAKE_OVER))
            wait_counted(database, records + TAKE_OVER)
            cost.take_over = sum(shares(pids, used, 1))
            used, before = [cpu_seconds(one) for one in pids], times(url)
            asyncio.run(probe(broker.bootstrap, records + TAKE_OVER // 4, cost, probes))
            after = times(url)
            cost.alone = shares(pids, used, (1 + 2 * probes) / 1e3)
            used = [cpu_seconds(one) for one in pids]
            asyncio.run(backlog.fill(broker.bootstrap, bulk, TAKE_OVER))
            wait_counted(database, records + TAKE_OVER + 1 + 2 * probes + bulk)
            cost.among = shares(pids, used, bulk / 1e6)
            cost.peak = peak_memory(pid)
        cost.block, cost.refresh = (
            1000
            * (after[f"{what}_sum"] - before[f"{what}_sum"])
            / (after[f"{what}_count"] - before[f"{what}_count"])
            for what in ("block_seconds", "refresh_seconds")
        )
        check(database, records + TAKE_OVER + 1 + 2 * probes + bulk)
        return cost
    finally:
        database.close()
        broker.stop()


def shares(pids: tuple[int, int], used: list[float], records: float) -> tuple[float, float]:
    """Return the CPU seconds a record that two processes took since they had used so many."""
    first, second = ((cpu_seconds(pid) - before) / records for pid, before in zip(pids, used, strict=True))
    return first, second


def wait_counted(database: ClickHouse, records: int) -> None:
    """Return when so many records are in the sums; raises TimeoutError after five minutes."""
    end = time.monotonic() + 300
    while database.query("SELECT sum(records) FROM voucher_hourly") != [(records,)]:
        if time.monotonic() > end:
            raise TimeoutError(f"the sums are not at {records:,} records after five minutes")
        time.sleep(0.1)  # asked again: each time costs ClickHouse something


def fill(database: ClickHouse, records: int) -> None:
    """Put in the records before."""
    step = 500_000
    for first in range(0, records, step):
        database.query(
            BEFORE,
            {
                "begin": f"{YEAR:%Y-%m-%d %H:%M:%S}",
                "topic_id": str(uuid4()),
                "township": FIRST_TOWNSHIP,
                "townships": TOWNSHIPS,
                "first": first,
                "records": min(step, records - first),
            },
        )
    check(database, records)


def check(database: ClickHouse, records: int) -> None:
    """Raise RuntimeError unless so many records lie in the log and in the sums."""
    [(logged, summed)] = database.query(
        "SELECT (SELECT count() FROM consumption_voucher_log), (SELECT sum(records) FROM voucher_hourly)"
    )
    if (logged, summed) != (records, records):
        raise RuntimeError(f"{records} records were put in, {logged} are logged, {summed} summed")


@contextmanager
def aggregator(settings: Common, port: int) -> Iterator[tuple[str, int]]:
    """Run the aggregator; yields its address and process id when its figures are up to the records before."""
    values = settings.model_dump(exclude={"clickhouse_password"}) | {
        "clock": "event",
        "aggregate_port": port,
        "session_timeout_ms": 3000,
        "block_interval_ms": 0,  # the wait between two fetches would hide what grows
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "aggregate"],
        cwd=ROOT,
        env={**os.environ, **{f"MINMAI_{name.upper()}": str(value) for name, value in values.items()}},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_ready(process, [f"{url}/readyz"], seconds=600)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def times(url: str) -> dict[str, float]:
    """Return the sums and counts of the aggregator's histograms so far."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("minmai_aggregate_"))
    return {name.removeprefix("minmai_aggregate_"): float(value) for name, value in lines if "{" not in name}


async def probe(kafka: str, records: int, cost: Cost, probes: int) -> None:
    """Send one record at a time, the first of each kind unmeasured, and wait for its figure."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    consumer = AIOKafkaConsumer(
        INDICATOR_TOPIC, bootstrap_servers=kafka, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    await producer.start()
    await consumer.start()
    try:
        await until(consumer, records)
        dice = random.Random(1)
        await send_and_wait(producer, consumer, NEWEST, records + 1)
        for number in range(1, 2 * probes + 1):
            past = number % 2 == 0
            moment = (YEAR if past else NEWEST) + timedelta(seconds=number)
            if past:
                moment += timedelta(days=dice.randrange(30, 330))
            took = await send_and_wait(producer, consumer, moment, records + 1 + number)
            (cost.past if past else cost.newest).append(1000 * took)
    finally:
        await producer.stop()
        await consumer.stop()


async def send_and_wait(
    producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, moment: datetime, number: int
) -> float:
    """Put one record on the topic; return the seconds until its figure is told."""
    value, partition = event(moment, number)
    began = time.monotonic()
    await producer.send_and_wait(STREAM.topic, value, partition=partition)
    await until(consumer, number)
    return time.monotonic() - began


async def until(consumer: AIOKafkaConsumer, number: int) -> None:
    """Return when the watched figure has come to a number; raises TimeoutError after two minutes."""
    async with asyncio.timeout(120):
        async for message in consumer:
            if message.key != "/".join(WATCHED).encode():
                continue
            if Figure.model_validate_json(message.value).numerator == number:
                return


def event(moment: datetime, number: int) -> tuple[bytes, int]:
    """Return a record as ingest would put it on the topic, and its partition there."""
    data = STREAM.model.model_validate(
        {
            "voucher_id": f"P{number}",
            "campaign": "qihua",
            "step": "issued",
            "face_value": "20.00",
            "sector": "retail",
            "division": str(FIRST_TOWNSHIP + number % TOWNSHIPS),
        }
    )
    subject, id = f"P{number}", f"probe-{number}"
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": "bench-bureau",
        "type": STREAM.topic,
        "subject": subject,
        "time": moment.isoformat(),
        "datacontenttype": "application/json",
        "receivedtime": moment.isoformat(),
        "receipt": "bench",
        "fingerprint": fingerprint(STREAM.topic, subject, moment, data),
        "data": data.model_dump(mode="json"),
    }
    partitions = 4
    return json.dumps(told).encode(), partition_of(identity("bench-bureau", id), partitions)


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--probes", type=int, default=40, help="records of each kind that come alone")
    parser.add_argument("--bulk", type=int, default=100_000, help="records that come at once")
    parser.add_argument("--records", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--write", action="store_true", help="keep table and picture in docs/figures")
    options = parser.parse_args()
    if options.write:
        drawing_is_possible()
    here, loaded = machine(), busy()
    print(
        f"{here}; {options.probes} records of the newest day, as many of past days, {options.bulk:,} at once"
    )
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # it logs that the server still starts
    native, http = free_ports(2)
    costs = []
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as name:
        folder = Path(name)
        server = Child(
            "ClickHouse",
            [
                *(sys.executable, "-m", "deploy.embedded.clickhouse", "--path", f"{folder}/clickhouse"),
                *("--port", str(native), "--http-port", str(http)),
            ],
            cwd=ROOT,
            log=folder / "clickhouse.log",
        )
        try:
            for records in options.records:
                print(f"… {records:,} records before", flush=True)
                costs.append(
                    measure(server, native, folder, records, probes=options.probes, bulk=options.bulk)
                )
        finally:
            server.stop(10)
    print(table(costs))
    if options.write:
        write(costs, here, loaded)


if __name__ == "__main__":
    main()
