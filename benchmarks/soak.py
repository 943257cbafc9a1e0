"""An hour of a county at its own pace, while every process is killed in turn: is every record accounted for?

    .venv/bin/python -m benchmarks.soak [--minutes 60] [--kill-every 240]

A system pushes over HTTP, a person sends sheets, a third agency writes to its own topic: some 15 records a
second, repetitions, contradictions and wrong records among them. Every few minutes the next process of
`minmai up` is killed, which has to bring it back. At the end it fails with what does not agree: answers,
receipts, dead letters, records and their money in ClickHouse. Freshness is what the receipts say: from a push
to the figures that hold it.
"""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from signal import SIGKILL

from benchmarks.machine import Minmai, children, machine, memory, percentile, running_minmai
from services.ingest.agencies import add
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from tests.e2e.reckoning import Shown, settled_receipts, wait_for_tables
from tests.e2e.senders import STREAM, ApiSender, FileSender, Pace, Sender, TopicSender, at_work

AGENCIES = ("bureau", "market", "bank", "chamber")
PARTS = ("ingest", "tansu", "clickhouse", "aggregate", "alerts", "board")
"""As `memory` names them; tansu is the broker."""

_GO_ON_SECONDS = 240
_COUNTED_SECONDS = 600
_DISTURBED = timedelta(seconds=30)


def soak(minmai: Minmai, minutes: float, kill_every: float) -> None:
    agencies = minmai.folder / "agencies.json"
    keys = {name: add(agencies, name, [STREAM], ["532622"], feed=name == "chamber") for name in AGENCIES}
    senders = _senders(minmai, keys)
    kills = _work(minmai, senders, minutes, kill_every)
    for sender in senders:
        say(
            f"{sender.name}: {sender.pushes} pushes, {len(sender.good)} records, {len(sender.wrong)} wrong, "
            f"{len(sender.contradicted)} contradicted, {sender.interrupted} times unanswered or told to wait"
        )
    db = ClickHouse(Common(clickhouse_port=minmai.ports["clickhouse"]))
    began = time.monotonic()
    wait_for_tables(db, senders, _COUNTED_SECONDS, keeps_log=False)
    db.close()
    records = sum(len(sender.good) for sender in senders)
    say(
        f"ClickHouse agrees after {time.monotonic() - began:.0f} s: {records} records and their money, once "
        "each; a dead letter for each refusal; every receipt received = accepted + duplicate + rejected"
    )
    shown = settled_receipts(minmai.url("ingest"), keys, senders, _COUNTED_SECONDS)
    say(f"{len(shown)} receipts are final and say what was answered")
    _tell_freshness("in the whole time", shown)
    calm = [one for one in shown if not any(abs(one.received - kill) < _DISTURBED for kill in kills)]
    _tell_freshness(f"not within {_DISTURBED.seconds} s of a kill", calm)


def _senders(minmai: Minmai, keys: Mapping[str, str]) -> list[Sender]:
    ingest = minmai.url("ingest")
    few = Pace((1, 1, 2, 5, 10), pause=(0.5, 1.5))
    return [
        *(ApiSender(name, few, ingest, keys[name]) for name in ("bureau", "market")),
        FileSender("bank", Pace((20, 200, 2_000), pause=(60, 180)), ingest, keys["bank"]),
        TopicSender("chamber", Pace((1, 5), pause=(1, 3)), minmai.host("kafka")),
    ]


def _work(minmai: Minmai, senders: Sequence[Sender], minutes: float, kill_every: float) -> list[datetime]:
    """Have the agencies push for so long, and kill a part every so often; return when."""
    end = time.monotonic() + 60 * minutes
    kills = []
    steady = [sender for sender in senders if not isinstance(sender, FileSender)]  # who push every second
    with at_work(senders) as go_on:
        for part in cycle(PARTS):
            pause = min(kill_every, end - time.monotonic())
            if pause <= 0:
                break
            time.sleep(pause)
            say(", ".join(f"{name} {size:.0f} MB" for name, size in sorted(memory(minmai.pid).items())))
            os.kill(children(minmai.pid)[part], SIGKILL)
            kills.append(datetime.now(UTC))
            began = time.monotonic()
            go_on(steady, _GO_ON_SECONDS)
            say(f"{part} killed; pushes went on after {time.monotonic() - began:.1f} s")
    return kills


def _tell_freshness(when: str, shown: Sequence[Shown]) -> None:
    late = [(one.on_the_board - one.received).total_seconds() for one in shown if one.on_the_board]
    told = ", ".join(f"p{share * 100:g} {percentile(late, share):.2f} s" for share in (0.5, 0.9, 0.99, 1))
    say(f"from a push to its figures, {when} ({len(late)} pushes): {told}")


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kill-every", type=float, default=240, help="seconds")
    options = parser.parse_args()
    say(f"{machine()}; {options.minutes:g} minutes, a kill every {options.kill_every:g} s")
    with running_minmai(clock="wall") as minmai:
        soak(minmai, options.minutes, options.kill_every)
    say("everything agrees")


if __name__ == "__main__":
    main()
