"""As many rounds as asked, on a broker and a ClickHouse of their own.

    .venv/bin/python -m tests.kills [--rounds 300] [--broker kafka] [--seed 1] [--only PATTERN]

A line a round: what befell whom, what was written and counted. Ends with a summary and exit code 0, or with
what does not agree, the ends of the workers' logs and exit code 1.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import cycle, islice
from pathlib import Path
from random import Random

import pytest

from tests.kills.faults import FAULTS, sequence
from tests.kills.rounds import rounds
from tests.kills.stage import Stage, staged
from tests.support.brokers import KINDS, new_broker
from tests.support.clickhouse import ClickHouse

DATABASE = "kills"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--broker", choices=KINDS, default="kafka")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=100, help="records written in each round, at least")
    parser.add_argument("--away", type=float, default=60, help="seconds that ClickHouse is away")
    parser.add_argument("--session", type=float, default=3, help="seconds a silent worker keeps what it has")
    parser.add_argument("--only", default="*", help="faults by a pattern of their name: 'superseded *'")
    parser.add_argument("--folder", type=Path, help="keeps the data and the workers' logs; must not exist")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.folder:
            options.folder.mkdir(parents=True)
            folder = options.folder.resolve()
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minmai-kills-")))
        (folder / "broker").mkdir()
        broker, server = new_broker(options.broker, folder / "broker"), ClickHouse(folder / "clickhouse")
        stack.callback(broker.kill)
        stack.callback(server.kill)
        broker.start()
        server.start()
        with server.client() as client:
            client.execute(f"CREATE DATABASE {DATABASE}")
        stage = stack.enter_context(
            staged(
                *(broker, server, DATABASE, folder),
                seed=options.seed,
                session_seconds=options.session,
                away_seconds=options.away,
            )
        )
        return _play(stage, options)


def _play(stage: Stage, options: argparse.Namespace) -> int:
    faults = sequence(Random(options.seed), keeps_log=stage.broker.keeps_log)
    if options.only != "*":
        faults = cycle([one for one in FAULTS if fnmatchcase(one.name, options.only)])
    say(f"{options.rounds} rounds on {options.broker}, seed {options.seed}")
    befell: Counter[str] = Counter()
    began = time.monotonic()
    try:
        for one in rounds(stage, islice(faults, options.rounds), options.records):
            say(str(one))
            befell[one.fault] += 1
        stage.judge.check_published()
    except (Exception, pytest.fail.Exception):
        say(f"after {befell.total()} rounds:\n{traceback.format_exc()}\n{stage.crew.tail()}")
        return 1
    say(
        f"{befell.total()} rounds with {len(befell)} kinds of fault in {time.monotonic() - began:.0f} s: of "
        f"{stage.books.written} records written {len(stage.books.counted)} were counted, and every table and "
        "figure agreed with the independent count every time"
    )
    return 0


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
