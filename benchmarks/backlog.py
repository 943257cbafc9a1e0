"""Records a second through the aggregator when a backlog waits.

    .venv/bin/python -m benchmarks.backlog [--records 1000000] [--broker kafka]

The topic is filled first; then the aggregator is started and timed from its first counted record to its last,
with CPU time of worker, ClickHouse and broker each by itself. Hourly sums, log, identities, receipts and
the live figures must then be those of an independent count. The rival in the same run does the same job
without any guarantee: getmany, orjson, one insert a fetch into a log table with the same hourly view; no
claims, no check of what was counted before, no contract, no figures.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.machine import ROOT, cpu_seconds, free_ports, machine, peak_memory, wait_ready
from deploy.embedded.child import Child
from schemas.streams import STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support.brokers import KINDS, new_broker

STREAM = STREAMS["consumption-voucher"]
TOPIC = STREAM.topic
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
PUSH = 500
"""Records a push."""
STEPS = ("issued", "claimed", "redeemed", "expired")
SECTORS = ("catering", "retail", "lodging", "tourism", "culture_sports", "household")

Hourly = Counter[tuple[str, str, datetime, str]]


def said(number: int) -> dict[str, str]:
    """A voucher's record, by its number alone."""
    step, face = STEPS[number % 4], 500 + 500 * (number // 4 % 4)
    spent = {
        "order_amount": f"{face * 3 // 100}.50",
        "redeemed_value": f"{face // 100}.00",
        "merchant_id": f"M{number % 977}",
    }
    return {
        "voucher_id": f"V{number}",
        "campaign": "qihua",
        "step": step,
        "face_value": f"{face // 100}.00",
        **(spent if step == "redeemed" else {}),
        "sector": SECTORS[number % 6],
        "division": f"532622{101 + number // 16 % 4}",
    }


def moment(number: int) -> datetime:
    return BEGIN + timedelta(seconds=number * 7 % (40 * 86_400), microseconds=number % 3)


def event(number: int) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"b-{number}",
            "source": f"bureau-{number // PUSH % 20}",
            "type": TOPIC,
            "subject": f"V{number}",
            "time": moment(number),
            "datacontenttype": "application/json",
            "receivedtime": BEGIN,
            "receipt": f"push-{number // PUSH}",
            "fingerprint": UUID(int=number << 70 | number),
            "data": {"order_amount": None, "redeemed_value": None, "merchant_id": None} | said(number),
        }
    )


@cache
def expected(records: int) -> tuple[Hourly, Counter[tuple[str, str]]]:
    """Count by oneself: records and fen by township, sector, hour and step; issued fen by township."""
    hourly: Hourly = Counter()
    issued: Counter[tuple[str, str]] = Counter()
    for number in range(records):
        one, hour = said(number), moment(number).replace(minute=0, second=0, microsecond=0)
        fen = int(one["face_value"].replace(".", ""))
        hourly[one["division"], one["sector"], hour, one["step"]] += (1 << 40) + fen
        if one["step"] == "issued":
            issued["voucher_issued_value", one["division"]] += fen
            issued["voucher_issued_count", one["division"]] += 1
    return hourly, issued


async def fill(kafka: str, records: int, first: int = 0) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_request_size=1_000_000)
    await producer.start()
    batch = producer.create_batch()
    try:
        for number in range(first, first + records):
            value = event(number)
            if batch.append(key=b"", value=value, timestamp=None) is None:
                await (await producer.send_batch(batch, TOPIC, partition=0))
                batch = producer.create_batch()
                batch.append(key=b"", value=value, timestamp=None)
        await (await producer.send_batch(batch, TOPIC, partition=0))
    finally:
        await producer.stop()


@dataclass(frozen=True)
class Run:
    """What a run came to: records/s, CPU µs a record by process, peak memory of the worker in MB."""

    rate: float
    cpu: dict[str, float]
    memory: float


def ours(settings: Common, records: int, neighbours: dict[str, int]) -> Run:
    """Time the aggregator, and hold what it did against an independent count."""
    [port] = free_ports(1)
    environment = {
        f"MINMAI_{name.upper()}": str(value)
        for name, value in {
            **settings.model_dump(exclude={"clickhouse_password"}),
            "clock": "event",
            "aggregate_port": port,
            "session_timeout_ms": 3000,
        }.items()
    }
    pool = ClickHouse(settings)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "aggregate"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        run = timed(process, pool, records, neighbours)
        wait_ready(process, [f"http://127.0.0.1:{port}/readyz"])
        verify(pool, records)
        return replace(run, memory=peak_memory(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        pool.close()


class Worker(Protocol):
    """A process that counts."""

    pid: int

    def poll(self) -> int | None:
        """Return the code it ended with, None while it runs."""


def timed(
    process: Worker,
    pool: ClickHouse,
    records: int,
    neighbours: dict[str, int],
    limit: float = float("inf"),
) -> Run:
    """Time a worker and its neighbours from the first to the last record in `voucher_hourly`.

    Raises RuntimeError if the worker ends, is not done within so many seconds, or does all in one insert.
    """
    pids = {"worker": process.pid, **neighbours}
    first: tuple[float, int, dict[str, float]] | None = None
    end = time.monotonic() + limit
    while True:
        [(counted,)] = pool.query("SELECT sum(records) FROM voucher_hourly")
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with code {process.poll()} after {counted:,} records")
        now, cpu = time.monotonic(), {name: cpu_seconds(pid) for name, pid in pids.items()}
        if counted and first is None:
            first = now, counted, cpu
        if first and counted >= records:
            break
        if now > end:
            raise RuntimeError(f"{counted:,} of {records:,} records after {limit:.0f} s")
        time.sleep(0.2)  # the question costs ClickHouse some 5 ms
    begun, before, used = first
    if before == counted:
        raise RuntimeError(f"all {counted:,} records came in one insert: take more, and the time can be told")
    done = counted - before
    taken = {name: 1e6 * (cpu[name] - used[name]) / done for name in pids}
    return Run(done / (now - begun), taken, peak_memory(process.pid))


def verify(pool: ClickHouse, records: int) -> None:
    """Raise AssertionError unless every table holds what an independent count comes to."""
    verify_hourly(pool, records)
    issued = expected(records)[1]
    [counts] = pool.query(
        "SELECT (SELECT uniqExact(identity) FROM consumption_voucher_log),"
        " (SELECT uniqExact(identity) FROM record_identity), (SELECT sum(records) FROM feed_live),"
        " (SELECT sum(length(counted)) FROM receipt_counted FINAL)"
    )
    assert set(counts) == {records}, f"log, identities, feeds, receipts: {counts}, not {records}"
    end = time.monotonic() + 60
    while True:
        live = pool.query(
            "SELECT indicator, division, numerator FROM indicator_live FINAL WHERE length(division) = 9"
            " AND indicator IN ('voucher_issued_value', 'voucher_issued_count')"
        )
        shown = {(name, place): value for name, place, value in live if value}
        wanted = {key: Decimal(n) / (100 if "value" in key[0] else 1) for key, n in issued.items()}
        if shown == wanted:
            return
        assert time.monotonic() < end, f"indicator_live holds {shown}, not {wanted}"
        time.sleep(0.2)  # asked again: each time costs ClickHouse some of what is measured


def verify_hourly(pool: ClickHouse, records: int) -> None:
    """Raise AssertionError unless the hourly sums are those of an independent count."""
    rows = pool.query(
        "SELECT division, sector, hour, step, sum(records), toInt64(sum(face_value) * 100)"
        " FROM voucher_hourly GROUP BY division, sector, hour, step"
    )
    found = {(*key, hour.replace(tzinfo=UTC), step): (n << 40) + fen for *key, hour, step, n, fen in rows}
    assert found == dict(expected(records)[0]), "voucher_hourly is not what the records come to"


async def rival(settings: Common, records: int, neighbours: dict[str, int]) -> Run:
    """Time the bare loop."""
    pool = ClickHouse(settings)
    pool.query(
        "CREATE TABLE bare_log (id String, subject String, time DateTime64(6, 'UTC'), campaign String,"
        " step String, face_value Decimal(18, 2), sector String, division String)"
        " ENGINE = MergeTree ORDER BY (subject, time)"
    )
    pool.query(
        "CREATE TABLE bare_hourly (campaign String, sector String, division String, hour DateTime('UTC'),"
        " step String, records UInt64, face_value Decimal(18, 2))"
        " ENGINE = SummingMergeTree ORDER BY (campaign, sector, division, hour, step)"
    )
    pool.query(
        "CREATE MATERIALIZED VIEW bare_view TO bare_hourly AS SELECT campaign, sector, division,"
        " toStartOfHour(toDateTime(time, 'UTC')) AS hour, step, count() AS records,"
        " CAST(sum(face_value), 'Decimal(18, 2)') AS face_value FROM bare_log"
        " GROUP BY campaign, sector, division, hour, step"
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=16 << 20,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, 0)])
        done, first, pids = 0, None, {"worker": os.getpid(), **neighbours}
        used = {name: cpu_seconds(pid) for name, pid in pids.items()}
        while done < records:
            for messages in (await consumer.getmany(timeout_ms=500, max_records=20_000)).values():
                first = first or time.monotonic()
                found = [orjson.loads(message.value) for message in messages]
                data = [one["data"] for one in found]
                pool.insert(
                    "bare_log",
                    {
                        "id": [one["id"] for one in found],
                        "subject": [one["subject"] for one in found],
                        "time": [datetime.fromisoformat(one["time"]) for one in found],
                        **{
                            name: [one[name] for one in data]
                            for name in ("campaign", "step", "sector", "division")
                        },
                        "face_value": [Decimal(one["face_value"]) for one in data],
                    },
                )
                done += len(messages)
        taken = {name: 1e6 * (cpu_seconds(pid) - used[name]) / records for name, pid in pids.items()}
        return Run(records / (time.monotonic() - (first or 0)), taken, peak_memory(os.getpid()))
    finally:
        await consumer.stop()
        pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--broker", choices=KINDS, default=KINDS[0])
    options = parser.parse_args()
    records, kind = options.records, options.broker
    print(f"{machine()}; {records:,} voucher records wait in 1 partition; {kind} broker, embedded ClickHouse")
    native, http = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as folder:
        broker = new_broker(kind, Path(folder))
        broker.start()
        server = Child(
            "ClickHouse",
            [
                *(sys.executable, "-m", "deploy.embedded.clickhouse", "--path", f"{folder}/clickhouse"),
                *("--port", str(native), "--http-port", str(http)),
            ],
            cwd=ROOT,
            log=Path(folder) / "clickhouse.log",
        )
        try:
            settings = Common(
                kafka=broker.bootstrap,
                clickhouse_port=native,
                clickhouse_database=f"b_{uuid4().hex[:8]}",
            )
            patiently_migrate(settings)
            ensure_topics(broker.bootstrap, partitions=1)
            asyncio.run(fill(broker.bootstrap, records))
            neighbours = {"ClickHouse": server.pid, "broker": broker.pid}
            mine = ours(settings, records, neighbours)
            bare = asyncio.run(rival(settings, records, neighbours))
        finally:
            server.stop(10)
            broker.stop()
    for name, run in (("minmai", mine), ("bare loop without guarantees", bare)):
        cpu = ", ".join(f"{part} {used:.1f}" for part, used in run.cpu.items())
        print(
            f"{name}: {run.rate:,.0f} records/s; CPU µs/record: {cpu}, together {sum(run.cpu.values()):.1f};"
            f" peak memory {run.memory:.0f} MB"
        )
    print(f"ratio: {mine.rate / bare.rate:.2f}; minmai's figures are those of an independent count")


def patiently_migrate(settings: Common) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            migrate(settings)
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)  # the server is starting
        else:
            return


if __name__ == "__main__":
    main()
