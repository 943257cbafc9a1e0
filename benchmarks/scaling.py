"""What more workers give, and what it costs the others when one joins or leaves.

    .venv/bin/python -m benchmarks.scaling [--broker kafka] [--records 400000] [--workers 1 2 4]

**Scaling.** A backlog of voucher records waits in 8 partitions; 1, 2 and 4 workers count it, each number into
an empty database. The clock runs from when every worker has its partitions until the last record is counted;
the sums are checked. CPU time is of all workers together: on a machine with few cores, which broker and
ClickHouse share, it tells more than records/s.

**Pauses.** One record every 50 ms goes to each of 8 partitions, while workers join, leave, are killed and are
back. For each change: the longest time that a partition went without a block, for those whose worker stayed
the same and for those that moved.
"""

import argparse
import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from benchmarks.backlog import TOPIC, event, said
from benchmarks.machine import cpu_seconds, machine, peak_memory
from services.platform.clickhouse import ClickHouse
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support.brokers import KINDS, new_broker
from tests.support.clickhouse import ClickHouse as Server
from tests.support.services import YANSHAN, Service, environment

PARTITIONS = 8
ALL = 7 * PARTITIONS + 3
SESSION_MS = 6_000
REBALANCE_MS = 6_000
_SETTLED_SECONDS = 120.0
_AROUND_SECONDS = 12.0


class Worker(Service):
    """An aggregator beside others."""

    def partitions(self) -> int:
        """How many partitions it owns; 0 before it answers."""
        try:
            text = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).text
        except httpx.TransportError:
            return 0
        [line] = [one for one in text.splitlines() if one.startswith("minmai_aggregate_partitions ")]
        return int(float(line.split()[1]))


@dataclass
class Place:
    """Broker and ClickHouse, and where logs go."""

    kafka: str
    server: Server
    folder: Path

    @contextmanager
    def database(self, name: str) -> Iterator[ClickHouse]:
        """An empty, migrated database."""
        with self.server.client() as client:
            client.execute(f"CREATE DATABASE {name}")
        settings = Common(
            kafka=self.kafka, clickhouse_port=self.server.port, clickhouse_database=name, plan=YANSHAN
        )
        migrate(settings)
        pool = ClickHouse(settings)
        yield pool
        pool.close()

    def worker(self, database: str, number: int, **settings: object) -> Worker:
        env = environment(
            kafka=self.kafka,
            clickhouse_port=self.server.port,
            database=database,
            clock="event",
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            **settings,
        )
        return Worker("aggregate", env, self.folder, log=f"{database}-{number}")


def settled(workers: Sequence[Worker]) -> None:
    """Return when the partitions are shared out among the workers."""
    end = time.monotonic() + _SETTLED_SECONDS
    while True:
        shares = [one.partitions() for one in workers]
        if sum(shares) == ALL and min(shares) > 0:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the partitions are not shared out: {shares}")
        time.sleep(0.02)  # the group moves by itself; its workers tell only when asked


async def fill(kafka: str, records: int) -> None:
    """Write records `0…` to the partitions in turn."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_request_size=1_000_000)
    await producer.start()
    try:
        for partition in range(PARTITIONS):
            batch = producer.create_batch()
            for number in range(partition, records, PARTITIONS):
                value = event(number)
                if batch.append(key=b"", value=value, timestamp=None) is None:
                    await (await producer.send_batch(batch, TOPIC, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=b"", value=value, timestamp=None)
            await (await producer.send_batch(batch, TOPIC, partition=partition))
    finally:
        await producer.stop()


def scaling(place: Place, numbers: Sequence[int], records: int) -> None:
    """Print a row for each number of workers."""
    print("| workers | records timed | records/s | to the first | CPU µs/record | MB a worker |")
    print("|---|---|---|---|---|---|")
    first = 0.0
    for number in numbers:
        rate, cpu, timed, memory = count(place, number, records)
        first = first or rate
        print(
            f"| {number} | {timed:,} | {rate:,.0f} | {rate / first:.2f} | {cpu:.1f} | {memory:.0f} |",
            flush=True,
        )


def count(place: Place, number: int, records: int) -> tuple[float, float, int, float]:
    """Return records/s, CPU µs a record, how many records were timed, the largest worker's peak memory."""
    name = f"scaling_{number}"
    with place.database(name) as pool:
        workers = [place.worker(name, one) for one in range(number)]
        try:
            for worker in workers:
                worker.start(ready=False)
            settled(workers)
            before, began = counted(pool), time.monotonic()
            cpu = sum(cpu_seconds(worker.pid) for worker in workers)
            if before > records / 2:
                raise RuntimeError(f"{before:,} records were counted before all had joined: --records more")
            while counted(pool) < records:
                time.sleep(0.05)  # asked again: what is measured ends between two looks
            seconds = time.monotonic() - began
            cpu = sum(cpu_seconds(worker.pid) for worker in workers) - cpu
            check(pool, records)
            memory = max(peak_memory(worker.pid) for worker in workers)
            timed = records - before
            return timed / seconds, 1e6 * cpu / timed, timed, memory
        finally:
            for worker in workers:
                worker.kill()


def counted(pool: ClickHouse) -> int:
    [(records,)] = pool.query("SELECT sum(records) FROM voucher_hourly")
    return int(records)


def check(pool: ClickHouse, records: int) -> None:
    """Raise unless every record counted once."""
    [told] = pool.query(
        "SELECT (SELECT count() FROM consumption_voucher_log), (SELECT uniqExact(id) FROM"
        " consumption_voucher_log), sum(records), sum(face_value) FROM voucher_hourly"
    )
    face_value = sum(Decimal(said(number)["face_value"]) for number in range(records))
    wanted = (records, records, records, face_value)
    if told != wanted:
        raise RuntimeError(f"counted {told}, not {wanted}")


class Stream(threading.Thread):
    """Writes one record to each partition every 50 ms until it is ended."""

    def __init__(self, kafka: str, first: int) -> None:
        super().__init__()
        self._kafka = kafka
        self._ended = threading.Event()
        self.number = first

    def run(self) -> None:
        asyncio.run(self._write())

    def end(self) -> None:
        self._ended.set()
        self.join()

    async def _write(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._kafka, acks="all")
        await producer.start()
        try:
            due = time.monotonic()
            while not self._ended.is_set():
                for _ in range(PARTITIONS):
                    await producer.send(TOPIC, event(self.number), partition=self.number % PARTITIONS)
                    self.number += 1
                await producer.flush()
                due += 0.05
                await asyncio.sleep(due - time.monotonic())
        finally:
            await producer.stop()


def pauses(place: Place, records: int) -> None:
    """Print a row for each change of the workers."""
    print("| what happens | longest pause, partitions that stay | that move | stay | move |")
    print("|---|---|---|---|---|")
    with place.database("pauses") as pool:
        one, two, three = (place.worker("pauses", number, block_interval_ms=50) for number in range(3))
        named = place.worker("pauses", 3, block_interval_ms=50, aggregate_instance="named")
        stream = Stream(place.kafka, records)
        everybody = (one, two, three, named)

        def change(what: str, step: Callable[[], object], after: Sequence[Worker]) -> None:
            began = datetime.now(UTC)
            step()
            settled(after)
            time.sleep(_AROUND_SECONDS)  # the stretch after the change, which its pause is looked for in
            print(f"| {what} | {pause_row(pool, began)} |", flush=True)

        try:
            one.start()
            while counted(pool) < records:
                time.sleep(0.05)  # asked again until all before the stream is counted
            stream.start()
            time.sleep(_AROUND_SECONDS)  # the stretch before the first change
            change("a second worker joins", lambda: two.start(ready=False), (one, two))
            change("a third joins", lambda: three.start(ready=False), (one, two, three))
            change("the third leaves (SIGTERM)", three.stop, (one, two))
            change("the second is killed (SIGKILL)", two.kill, (one,))
            change("one with a name joins", lambda: named.start(ready=False), (one, named))

            def restart() -> None:
                named.stop()
                named.start()

            change("it is stopped and started", restart, (one, named))
            stream.end()
            while counted(pool) < stream.number:
                time.sleep(0.05)  # asked again until all of the stream is counted
            check(pool, stream.number)
        finally:
            if stream.is_alive():
                stream.end()
            for worker in everybody:
                worker.kill()


def pause_row(pool: ClickHouse, began: datetime) -> str:
    """Describe the blocks since a moment: the longest pauses of partitions that stayed and that moved."""
    rows = pool.query(
        "SELECT partition, claimed_at, worker FROM block WHERE topic = %(topic)s"
        " AND claimed_at >= %(began)s - INTERVAL 1 SECOND ORDER BY partition, claimed_at",
        {"topic": TOPIC, "began": began},
    )
    now = datetime.now(UTC)
    stay, move = [], []
    for partition in range(PARTITIONS):
        blocks = [(at, worker) for number, at, worker in rows if number == partition]
        moments = [began, *(max(at, began) for at, _ in blocks), now]
        pause = max((later - at).total_seconds() for at, later in pairwise(moments))
        (stay if len({worker for _, worker in blocks}) == 1 else move).append(pause)
    told = [f"{max(pauses):.2f} s" if pauses else "none" for pauses in (stay, move)]
    return f"{told[0]} | {told[1]} | {len(stay)} | {len(move)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broker", choices=KINDS, default=KINDS[0])
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    print(f"{machine()}; broker: {options.broker}; session timeout {SESSION_MS / 1000:g} s\n")
    with tempfile.TemporaryDirectory(prefix="minmai-scaling-") as folder:
        broker = new_broker(options.broker, Path(folder))
        server = Server(Path(folder) / "clickhouse")
        broker.start()
        server.start()
        try:
            place = Place(broker.bootstrap, server, Path(folder))
            ensure_topics(broker.bootstrap, partitions=PARTITIONS)
            asyncio.run(fill(broker.bootstrap, options.records))
            scaling(place, options.workers, options.records)
            print()
            pauses(place, options.records)
        finally:
            server.stop()
            broker.stop()


if __name__ == "__main__":
    main()
