"""Records a second through the aggregator when a backlog waits.

    .venv/bin/python -m benchmarks.backlog [--records 200000]

The topic is filled first; then the aggregator is started and timed from its first counted record to its last,
on the embedded broker and the embedded ClickHouse. The rival in the same run does the same job without any
guarantee: getmany, orjson, one insert a fetch into a log table with the same hourly view; no claims, no check
of what was counted before, no contract, no figures.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.machine import ROOT, free_ports, machine, peak_memory, wait_ready
from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.child import Child
from schemas.streams import STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics

TOPIC = STREAMS["consumption-voucher"].topic
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def event(number: int) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"b-{number}",
            "source": "bench-bureau",
            "type": TOPIC,
            "subject": f"V{number}",
            "time": BEGIN + timedelta(seconds=number % 86_400),
            "datacontenttype": "application/json",
            "receivedtime": BEGIN,
            "receipt": "bench",
            "fingerprint": UUID(int=number),
            "data": {
                "voucher_id": f"V{number}",
                "campaign": "qihua",
                "step": "issued",
                "face_value": "20.00",
                "sector": "retail",
                "division": f"532622{101 + number % 4}",
            },
        }
    )


async def fill(kafka: str, records: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_request_size=1_000_000)
    await producer.start()
    batch = producer.create_batch()
    try:
        for number in range(records):
            value = event(number)
            if batch.append(key=b"", value=value, timestamp=None) is None:
                await (await producer.send_batch(batch, TOPIC, partition=0))
                batch = producer.create_batch()
                batch.append(key=b"", value=value, timestamp=None)
        await (await producer.send_batch(batch, TOPIC, partition=0))
    finally:
        await producer.stop()


def ours(settings: Common, records: int) -> float:
    """Time the aggregator; returns records/s."""
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
        first: tuple[float, int] | None = None
        while True:
            [(counted,)] = pool.query("SELECT sum(records) FROM voucher_hourly")
            if counted and first is None:
                first = time.monotonic(), counted
            if first and counted == records:
                rate = (counted - first[1]) / (time.monotonic() - first[0])
                break
            if process.poll() is not None:
                raise RuntimeError(f"the aggregator ended with code {process.returncode}")
            time.sleep(0.05)
        [(logged, money)] = pool.query(
            "SELECT (SELECT count() FROM consumption_voucher_log), sum(face_value) FROM voucher_hourly"
        )
        assert (logged, money) == (records, 20 * records), (logged, money)
        wait_ready(process, [f"http://127.0.0.1:{port}/readyz"])
        print(f"minmai peak memory: {peak_memory(process.pid):.0f} MB")
        return rate
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        pool.close()


async def rival(settings: Common, records: int) -> float:
    """Time the bare loop; returns records/s."""
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
        done, first = 0, None
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
        return records / (time.monotonic() - (first or 0))
    finally:
        await consumer.stop()
        pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    print(f"{machine()}; {records:,} voucher records waiting, 1 partition, embedded broker and ClickHouse")
    native, http, kafka = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as folder:
        broker = EmbeddedBroker(kafka, log=Path(folder) / "broker.log")
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
                kafka=broker.bootstrap, clickhouse_port=native, clickhouse_database=f"b_{uuid4().hex[:8]}"
            )
            patiently_migrate(settings)
            ensure_topics(broker.bootstrap, partitions=1)
            asyncio.run(fill(broker.bootstrap, records))
            mine = ours(settings, records)
            bare = asyncio.run(rival(settings, records))
        finally:
            server.stop(10)
            broker.stop()
    print(f"minmai: {mine:,.0f} records/s; bare loop without guarantees: {bare:,.0f} records/s")
    print(f"ratio: {mine / bare:.2f}")


def patiently_migrate(settings: Common) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            migrate(settings)
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
