"""As many rounds as asked, on a broker and a ClickHouse of their own.

    .venv/bin/python -m tests.alerts.kills [--rounds 60] [--seed 1]

A line a round: where the service was killed, what had been sent and what came twice. Ends with a summary
and exit code 0, or with what does not agree, the end of the service's log and exit code 1.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from tests.alerts.kills.faults import sequence
from tests.alerts.kills.rounds import Round, rounds
from tests.alerts.kills.stage import staged
from tests.support.brokers import new_broker
from tests.support.clickhouse import ClickHouse

DATABASE = "alert_kills"
_LOG_BYTES = 6_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.alerts.kills", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minmai-alert-kills-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker, server = new_broker("embedded", folder / "broker"), ClickHouse(folder / "clickhouse")
        try:
            broker.start()
            server.start()
            with server.client() as client:
                client.execute(f"CREATE DATABASE {DATABASE}")
            with staged(broker, server, DATABASE, folder, options.seed) as stage:
                return _play(
                    options, rounds(stage, islice(sequence(), options.rounds)), folder / "alerts.log"
                )
        finally:
            broker.kill()
            server.kill()


def _play(options: argparse.Namespace, played: Iterable[Round], log: Path) -> int:
    befell: Counter[str] = Counter()
    before = twice = 0
    began = time.monotonic()
    say(f"{options.rounds} rounds, seed {options.seed}")
    try:
        for one in played:
            say(str(one))
            befell[one.fault] += 1
            before += one.before
            twice += one.twice
    except (Exception, pytest.fail.Exception):
        said = log.read_text(errors="replace")[-_LOG_BYTES:]
        say(f"after {befell.total()} rounds:\n{traceback.format_exc()}\n{said}")
        return 1
    say(
        f"{befell.total()} rounds at {len(befell)} steps in {time.monotonic() - began:.0f} s: of "
        f"{4 * befell.total()} notices none was lost; {before} had been sent when the service died, and "
        f"{twice} came twice, each killed between sending and recording, under the same idempotency key"
    )
    return 0


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
