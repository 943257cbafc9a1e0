"""The speed of one ingest process, with the broker on the same machine.

    .venv/bin/python -m benchmarks.ingest [--broker kafka] [--seconds 15] [--json FILE]

Broker, ClickHouse, one ingest process and the load share this machine's cores. Everything that is sent is
ready before the clock starts; counted is what was answered in the window, divided by its true length. Beside
each rate a bare rival does the least of the same job in the same run: for batches, records from memory parsed
and produced with as many batches in flight, without HTTP; for single records, the HTTP route one would write
first. Whatever the speed, the exit code is 0; it is 1 if an answer was not 200, a record not accepted, or the
topic does not hold exactly what was answered.
"""

import argparse
import json
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.ingest.report import report
from benchmarks.ingest.scenarios import Options, measure
from benchmarks.ingest.stage import set_up
from benchmarks.ingest.topic import MiscountedError
from benchmarks.machine import machine
from services.ingest.settings import RECORDS_A_REQUEST
from services.ingest.sheets.limits import ROWS_A_SHEET
from tests.support.brokers import KINDS

_COUNTED = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.ingest", description="the speed of one ingest process")
    parser.add_argument("--broker", choices=KINDS, default=KINDS[0])
    parser.add_argument("--seconds", type=float, default=15, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of ours and the bare rival in turn")
    parser.add_argument("--batch", type=int, default=500, help="records of a batch")
    parser.add_argument("--batch-connections", type=int, default=8, help="that send batches")
    parser.add_argument("--connections", type=int, default=64, help="that send single records")
    parser.add_argument("--rows", type=int, default=100_000, help="of the files")
    parser.add_argument("--counted", type=int, default=_COUNTED, help="records counted before, in ClickHouse")
    parser.add_argument("--json", type=Path, help="file to keep the figures in")
    given = parser.parse_args()
    if not 2 <= given.batch <= RECORDS_A_REQUEST or not 1 <= given.rows <= ROWS_A_SHEET:
        parser.error(f"a batch has 2 to {RECORDS_A_REQUEST} records, a file 1 to {ROWS_A_SHEET:,} rows")
    options = Options(
        given.seconds, given.rounds, given.batch, given.batch_connections, given.connections, given.rows
    )
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # it logs that the server still starts
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # and leave nothing behind
    here = machine()
    print(f"{here}; broker: {given.broker}")
    print(
        f"One ingest process and no aggregate beside it; {given.counted:,} records were counted before; "
        f"{'a journal' if given.broker == 'embedded' else 'no journal, the broker keeps its log'}. "
        "Broker, ClickHouse and the load share the cores."
    )
    try:
        results = measure(
            lambda: set_up(given.broker, given.counted),
            options,
            lambda text: print(f"… {text}", flush=True),
        )
    except (RuntimeError, TimeoutError, MiscountedError) as error:
        print(f"the run is void: {error!r}", file=sys.stderr)
        return 1
    report(results, options)
    if given.json:
        kept = {"machine": here, "options": vars(given) | {"json": None}, "results": asdict(results)}
        given.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
