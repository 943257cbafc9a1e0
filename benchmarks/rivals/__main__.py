"""minmai beside others that do the same job: same records, machine, broker and result tables.

    .venv/bin/python -m benchmarks.rivals [--records 1000000] [--broker kafka] [--only quix loop] [--write]

A topic of one partition is filled with voucher records as ingest writes them. Then minmai's aggregator and
each rival in turn read it into a log table and its hourly sums, timed from the first record counted to the
last, and held against an independent count. Each rival is a program in `programs`, as its own documentation
(named there) has it, in an environment of its own; the first run installs those. The exit code is 1 if one
miscounts, or can't be run; that the embedded ClickHouse refuses the engine is told only.
"""

import argparse
import asyncio
import logging
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from benchmarks.backlog import Run, fill, ours, patiently_migrate
from benchmarks.machine import BUSY, ROOT, busy, free_ports, machine
from benchmarks.rivals.contest import Server, compete, compete_engine
from benchmarks.rivals.registry import ENGINE, KAFKA_ENGINE, OURS, RIVALS
from benchmarks.rivals.report import Entry, markdown
from deploy.embedded.child import Child
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support.brokers import KINDS, new_broker

_PAGE = ROOT / "docs" / "figures" / "rivals.md"


def main() -> int:
    options = _options()
    here, loaded = machine(), busy()
    print(f"{here}; {options.records:,} voucher records in 1 partition, {options.broker} broker")
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # it logs that the server still starts
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as name:
        entries, clickhouse = _contest(options, Path(name))
    requirements = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8").splitlines()
    told = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {here}; ClickHouse {clickhouse}; broker: {options.broker};"
        f" {options.records:,} voucher records in one partition. {platform.system()} {platform.release()};"
        f" {', '.join(line.replace('==', ' ') for line in requirements if '==' in line)};"
        f" faust-streaming {version('faust-streaming')}, confluent-kafka {version('confluent-kafka')}.",
        "",
        f"`python -m benchmarks.rivals {' '.join(sys.argv[1:])}`",
    ]
    if loaded:
        told[:0] = [BUSY, ""]
    page = markdown(entries, told)
    print(page)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(f"# minmai and others\n\n{page}", encoding="utf-8")
    refused = KAFKA_ENGINE if options.kafka_engine is None else ""
    return int(any(one.run is None and one.name != refused for one in entries))


def _options() -> argparse.Namespace:
    keys = (*RIVALS, KAFKA_ENGINE)
    parser = argparse.ArgumentParser(prog="benchmarks.rivals", description="minmai beside others")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--broker", choices=KINDS, default=KINDS[0])
    parser.add_argument("--only", choices=keys, nargs="+", default=keys, help="these rivals, beside minmai")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a rival is given up")
    parser.add_argument(
        "--kafka-engine",
        type=int,
        nargs=2,
        metavar=("PORT", "PID"),
        help="a ClickHouse server on this machine whose Kafka engine is measured; default: the embedded one",
    )
    parser.add_argument(
        "--write", type=Path, nargs="?", const=_PAGE, help=f"write the table, as {_PAGE.relative_to(ROOT)}"
    )
    return parser.parse_args()


def _contest(options: argparse.Namespace, folder: Path) -> tuple[list[Entry], str]:
    """Return every entry, minmai's first, and the version of ClickHouse."""
    native, http = free_ports(2)
    broker = new_broker(options.broker, folder)
    broker.start()
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
        settings = Common(
            kafka=broker.bootstrap,
            clickhouse_port=native,
            clickhouse_database=f"b_{uuid4().hex[:8]}",
        )
        patiently_migrate(settings)
        pool = ClickHouse(settings)
        [(clickhouse,)] = pool.query("SELECT version()")
        pool.close()
        ensure_topics(broker.bootstrap, partitions=1)
        asyncio.run(fill(broker.bootstrap, options.records))
        neighbours = {"ClickHouse": server.pid, "broker": broker.pid}

        def run(key: str) -> Run:
            if key == "minmai":
                return ours(settings, options.records, neighbours)
            if key != KAFKA_ENGINE:
                return compete(
                    *(key, RIVALS[key], settings, options.records, neighbours),
                    folder=folder,
                    limit=options.limit,
                )
            port, pid = options.kafka_engine or (native, server.pid)
            its = settings.model_copy(update={"clickhouse_port": port})
            return compete_engine(its, Server(pid), broker.pid, options.records, options.limit)

        return [_entry(key, run) for key in ("minmai", *options.only)], clickhouse
    finally:
        server.stop(10)
        broker.stop()


def _entry(key: str, run: Callable[[str], Run]) -> Entry:
    rival = RIVALS.get(key)
    name = rival.name if rival else key
    guarantees = rival.guarantees if rival else OURS if key == "minmai" else ENGINE
    print(f"… {name}", flush=True)
    try:
        return Entry(name, run(key), guarantees)
    except (RuntimeError, AssertionError) as error:
        return Entry(name, None, guarantees, " ".join(str(error).split())[:300])


if __name__ == "__main__":
    sys.exit(main())
