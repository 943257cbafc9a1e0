"""From POST to the changed figure on the board, under a steady load.

    .venv/bin/python -m benchmarks.freshness [--rate 500] [--probes 100]

A probe pushes one childcare-place record that makes the county's numerator a number nobody has seen before,
and waits until the board's event stream brings it. Beside it voucher records are pushed at the given rate.
The rival in the same run is the bare way without a figure: from POST to ingest's own answer.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.machine import Minmai, machine, memory, percentile, running_minmai
from services.ingest.agencies import add

FACILITY = {
    "facility_id": "PROBE",
    "name": "测速托育园",
    "division": "532622101001",
    "status": "open",
    "ownership": "public",
    "kind": "childcare",
}
PROBED = ("childcare_places_per_1000", "532622")
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


async def measure(minmai: Minmai, rate: int, probes: int) -> None:
    key = add(
        minmai.folder / "agencies.json",
        "bench-bureau",
        ["facility", "childcare-place", "consumption-voucher"],
        ["532622"],
    )
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(
        base_url=minmai.url("ingest"),
        headers={"Authorization": f"Bearer {key}"},
        limits=limits,
        timeout=60,
        trust_env=False,
    ) as client:
        await push(client, "facility", [{**FACILITY, "time": BEGIN.isoformat()}])
        seen: dict[int, float] = {}
        watcher = asyncio.create_task(watch(minmai.url("board"), seen))
        load = asyncio.create_task(steady(client, rate))
        answered, changed = [], []
        for number in range(1, probes + 1):
            record = {"facility_id": "PROBE", "total": number, "inclusive": 0, "enrolled": 0}
            began = time.monotonic()
            moment = BEGIN + timedelta(seconds=number)
            await push(client, "childcare-place", [{**record, "time": moment.isoformat()}])
            answered.append(time.monotonic() - began)
            while number not in seen:
                if time.monotonic() - began > 60:
                    raise RuntimeError(f"probe {number} is not on the board after 60 s")
                await asyncio.sleep(0.002)
            changed.append(seen[number] - began)
        load.cancel()
        watcher.cancel()
    report("POST answered", answered)
    report("POST to changed figure on the board", changed)
    print(f"ratio of the medians: {percentile(changed, 0.5) / percentile(answered, 0.5):.1f}")
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


async def watch(board: str, seen: dict[int, float]) -> None:
    """Note when each numerator first comes over the board's event stream."""
    async with (
        httpx.AsyncClient(timeout=None, trust_env=False) as client,
        client.stream("GET", f"{board}/v1/stream") as stream,
    ):
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            figure: Any = json.loads(line[5:])
            if isinstance(figure, dict) and figure.get("indicator") == PROBED[0]:
                number = figure["numerator"] if figure["division"] == PROBED[1] else None
                if number is not None:
                    seen.setdefault(int(float(number)), time.monotonic())


async def steady(client: httpx.AsyncClient, rate: int) -> None:
    """Push voucher records at a rate, ten pushes a second."""
    number = 0
    begin = time.monotonic()
    while True:
        batch = [voucher(number + offset) for offset in range(rate // 10)]
        number += len(batch)
        await push(client, "consumption-voucher", batch)
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))


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
    options = parser.parse_args()
    print(f"{machine()}; {options.rate} records/s")
    with running_minmai() as minmai:
        asyncio.run(measure(minmai, options.rate, options.probes))


if __name__ == "__main__":
    main()
