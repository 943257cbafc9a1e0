"""From ingest's answer to the changed figure, in its table and on the board, under a steady load.

    .venv/bin/python -m benchmarks.freshness [--rate 500] [--probes 100] [--stream childcare-place]

A probe pushes one record that makes a numerator of the county a number nobody has seen before, and waits
until the board's event stream brings it. Beside it voucher records are pushed at the given rate, in batches;
`--stream consumption-voucher` makes the probe one of them, which waits for its round as they do. When the row
of `indicator_live` could be seen is taken from the figure's message on the indicator topic, which is made as
soon as the insert has returned; so nobody loads ClickHouse with questions meanwhile. All clocks are this
machine's. The rival in the same run is the bare way without a figure: from POST to ingest's own answer. CPU
is that of the time of the probes, in percent of a core.
"""

import argparse
import asyncio
import itertools
import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from benchmarks.machine import (
    Minmai,
    children,
    cpu_seconds,
    machine,
    memory,
    percentile,
    running_minmai,
)
from schemas.streams import INDICATOR_TOPIC
from services.ingest.agencies import add

FACILITY = {
    "facility_id": "PROBE",
    "name": "测速托育园",
    "division": "532622101001",
    "status": "open",
    "ownership": "public",
    "kind": "childcare",
}
COUNTY = "532622"
PROBED = {"childcare-place": "childcare_places_per_1000", "consumption-voucher": "voucher_expired_count"}
"""By the stream of the probes, the indicator whose numerator is the newest's number; no load changes them."""
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


WARM_SECONDS = 5.0
"""How long the load runs before the first probe."""


PAUSE_SECONDS = 0.2
"""The longest pause between two probes: their places between the blocks are to be random."""


async def measure(minmai: Minmai, stream: str, rate: int, probes: int, batch: int) -> None:
    key = add(
        minmai.folder / "agencies.json",
        "bench-bureau",
        ["facility", "childcare-place", "consumption-voucher"],
        [COUNTY],
    )
    # Probes do not wait for a connection that the load has taken.
    async with pushing(minmai, key) as client, pushing(minmai, key) as beside:
        await push(client, "facility", [{**FACILITY, "time": BEGIN.isoformat()}])
        sent: list[int] = []
        seen: dict[int, float] = {}
        rows: dict[int, float] = {}
        watchers = [
            asyncio.create_task(watch(minmai.url("board"), PROBED[stream], seen)),
            asyncio.create_task(follow(minmai.host("kafka"), PROBED[stream], rows)),
        ]
        load = asyncio.create_task(steady(beside, rate, batch, sent))
        await asyncio.sleep(WARM_SECONDS)
        answered, written, changed = [], [], []
        before = {name: cpu_seconds(pid) for name, pid in children(minmai.pid).items()}
        started, loaded = time.time(), sum(sent)
        for number in range(1, probes + 1):
            record = probe(stream, number)
            began = time.time()
            await push(client, stream, [record])
            answer = time.time()
            answered.append(answer - began)
            while number not in seen or number not in rows:
                for task in (load, *watchers):
                    if task.done():
                        task.result()
                if time.time() - began > 60:
                    raise RuntimeError(f"probe {number} is not on the board after 60 s")
                await asyncio.sleep(0.002)
            written.append(rows[number] - answer)
            changed.append(seen[number] - answer)
            await asyncio.sleep(random.random() * PAUSE_SECONDS)  # no probe in step with the blocks
        took, pushed = time.time() - started, sum(sent) - loaded
        used = {name: cpu_seconds(pid) - before[name] for name, pid in children(minmai.pid).items()}
        for task in (load, *watchers):
            task.cancel()
    print(f"load answered: {pushed / took:.0f} records/s of {rate}, for {took:.0f} s")
    report("POST answered", answered)
    report("answer to row in indicator_live", written)
    report("answer to changed figure on the board", changed)
    print(f"ratio of the medians: {percentile(changed, 0.5) / percentile(answered, 0.5):.1f}")
    for name, seconds in sorted(used.items()):
        print(f"CPU {name}: {100 * seconds / took:.0f} % of a core")
    for what in ("block", "refresh"):
        print(f"aggregate, mean {what}: {mean_seconds(minmai, what) * 1000:.0f} ms")
    for name, megabytes in sorted(memory(minmai.pid).items()):
        print(f"memory {name}: {megabytes:.0f} MB")


def mean_seconds(minmai: Minmai, what: str) -> float:
    """Return the mean of one of the aggregator's histograms so far."""
    text = httpx.get(f"{minmai.url('aggregate')}/metrics", trust_env=False).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    name = f"minmai_aggregate_{what}_seconds"
    return float(values[f"{name}_sum"]) / float(values[f"{name}_count"])


def pushing(minmai: Minmai, key: str) -> httpx.AsyncClient:
    """Return a client of ingest's."""
    return httpx.AsyncClient(
        base_url=minmai.url("ingest"),
        headers={"Authorization": f"Bearer {key}"},
        limits=httpx.Limits(max_connections=20),
        timeout=60,
        trust_env=False,
    )


async def follow(kafka: str, indicator: str, rows: dict[int, float]) -> None:
    """Note when the row of each numerator had been written: when its message was made."""
    consumer = AIOKafkaConsumer(INDICATOR_TOPIC, bootstrap_servers=kafka, fetch_max_wait_ms=50)
    await consumer.start()
    try:
        async for message in consumer:
            number = probed(indicator, json.loads(message.value or b"null"))
            if number is not None:
                rows.setdefault(number, message.timestamp / 1000)
    finally:
        await consumer.stop()


def probed(indicator: str, figure: Any) -> int | None:
    """Return the numerator of a figure, if it is the one that the probes change."""
    if not isinstance(figure, dict) or (figure.get("indicator"), figure.get("division")) != (
        indicator,
        COUNTY,
    ):
        return None
    return None if figure["numerator"] is None else int(float(figure["numerator"]))


async def watch(board: str, indicator: str, seen: dict[int, float]) -> None:
    """Note when each numerator first comes over the board's event stream."""
    async with (
        httpx.AsyncClient(timeout=None, trust_env=False) as client,
        client.stream("GET", f"{board}/v1/stream") as stream,
    ):
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            number = probed(indicator, json.loads(line[5:]))
            if number is not None:
                seen.setdefault(number, time.time())


async def steady(client: httpx.AsyncClient, rate: int, batch: int, sent: list[int]) -> None:
    """Push voucher records at a rate, in batches, or ten pushes a second if that makes smaller ones."""
    size = max(1, min(batch, rate // 10))
    begin = time.monotonic()
    async with asyncio.TaskGroup() as pushes:
        for number in itertools.count(0, size):
            records = [voucher(number + offset) for offset in range(size)]
            pushes.create_task(push(client, "consumption-voucher", records)).add_done_callback(
                lambda _done: sent.append(size)
            )
            await asyncio.sleep(max(0.0, begin + (number + size) / rate - time.monotonic()))


def probe(stream: str, number: int) -> dict[str, Any]:
    """Return the record that makes the probed numerator `number`."""
    moment = (BEGIN + timedelta(seconds=number)).isoformat()
    if stream == "consumption-voucher":
        return {**voucher(number), "voucher_id": f"PROBE{number}", "step": "expired", "time": moment}
    return {"facility_id": "PROBE", "total": number, "inclusive": 0, "enrolled": 0, "time": moment}


def voucher(number: int) -> dict[str, Any]:
    return {
        "voucher_id": f"V{number}",
        "campaign": "qihua",
        "step": "issued",
        "face_value": "20.00",
        "sector": "retail",
        "division": "532622101",
        "time": (BEGIN + timedelta(milliseconds=number)).isoformat(),
    }


async def push(client: httpx.AsyncClient, stream: str, records: list[dict[str, Any]]) -> None:
    response = await client.post(f"/v1/streams/{stream}", json=records)
    if response.status_code != 200:
        raise RuntimeError(f"{stream}: {response.status_code} {response.text[:300]}")


def report(what: str, seconds: list[float]) -> None:
    half, most = percentile(seconds, 0.5), percentile(seconds, 0.99)
    print(f"{what}: median {half * 1000:.0f} ms, p99 {most * 1000:.0f} ms ({len(seconds)} probes)")


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--rate", type=int, default=500, help="voucher records a second beside the probes")
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--batch", type=int, default=500, help="most records of one push")
    parser.add_argument("--stream", choices=PROBED, default="childcare-place", help="what the probes are")
    options = parser.parse_args()
    print(f"{machine()}; {options.rate} records/s, probes of {options.stream}")
    with running_minmai() as minmai:
        asyncio.run(measure(minmai, options.stream, options.rate, options.probes, options.batch))


if __name__ == "__main__":
    main()
