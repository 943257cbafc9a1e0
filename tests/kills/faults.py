"""The faults: what befalls the workers, ClickHouse or the broker while records are being written."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from tests.kills.effects import Order, When
from tests.kills.stage import Stage
from tests.support.waiting import eventually

_STOPPED_SECONDS = 30.0
_LEFT = (0, -signal.SIGTERM)
"""Exit codes of one that was asked to end: by itself, or before it had begun."""
_MOVES = 20
_MOVE_SECONDS = 10.0
_LOOK_SECONDS = 0.1
_CREW = (2, 4)
"""How many workers there are, at least and at most."""


@dataclass(frozen=True)
class Fault:
    """Something that befalls; `strike` returns whom it befell, when it is over and everybody is back."""

    name: str
    strike: Callable[[Stage], str]
    loses_broker: bool = False
    """It takes a broker that keeps its log."""


def _kill(effect: str, when: When, often: int, stage: Stage) -> str:
    """A worker dies at a step."""
    order = stage.order(effect, when, nth=stage.random.randint(1, often))
    return _replaced(stage, stage.taken(order))


def _kill_in_rebalance(effect: str, when: When, stage: Stage) -> str:
    """A worker dies while partitions move, because another one has come or gone."""
    pid, leaving = _partitions_move(stage, stage.order(effect, when))
    name = stage.crew.named(pid)
    stage.crew.buried(name, -signal.SIGKILL)
    stage.crew.join()
    if leaving and leaving != name:
        stage.crew.buried(leaving, *_LEFT)
        stage.crew.join()
    return f"worker {name}"


def _kill_anytime(stage: Stage) -> str:
    """A worker dies at any instruction."""
    order = stage.order("*", "after", nth=stage.random.randint(1, 30), delay=stage.random.uniform(0, 0.2))
    return _replaced(stage, stage.taken(order))


def _all_die(stage: Stage) -> str:
    """Every worker dies at once, in the middle of something."""
    stage.taken(stage.order("insert *", "after", nth=stage.random.randint(1, 10), sent=0))
    names = sorted(stage.crew.members)
    for name in names:
        stage.crew.members[name].kill()
        del stage.crew.members[name]
    for _ in names:
        stage.crew.join()
    return f"workers {' and '.join(names)}"


def _move(stage: Stage) -> str:
    """A worker joins, or leaves as it should, under load."""
    members = sorted(stage.crew.members)
    if len(members) < _CREW[1] and (len(members) <= _CREW[0] or stage.random.random() < 0.5):
        return f"worker {_joined(stage)} joined"
    name = stage.random.choice(members)
    stage.crew.leave(name)
    stage.crew.buried(name, 0)
    return f"worker {name} left"


def _supersede(effect: str, when: When, stage: Stage) -> str:
    """A worker sleeps at a step until others have done its work, and wakes: nothing is written any more."""
    pid = stage.taken(stage.order(effect, when, sent=signal.SIGSTOP))
    name = stage.crew.named(pid)
    eventually(partial(_sleeps, pid), _STOPPED_SECONDS, f"worker {name} sleeps")
    if len(stage.crew.members) < _CREW[0]:
        stage.crew.join()
    stage.settle()
    before = _rows(stage)
    back = stage.order("commit", "before", sent=0, by=pid)  # it has done what it had in hand
    os.kill(pid, signal.SIGCONT)
    stage.taken(back)
    after = _rows(stage)
    changed = {table: (rows, after[table]) for table, rows in before.items() if rows != after[table]}
    assert not changed, f"worker {name} woke and wrote; what they hold, before and after: {changed}"
    return f"worker {name}"


def _kill_clickhouse(effect: str, when: When, latest: float, stage: Stage) -> str:
    """ClickHouse dies so many seconds (at most `latest`) after a worker begins to insert, and comes back."""
    delay = stage.random.uniform(0, latest)
    nth = stage.random.randint(1, 8)
    stage.taken(stage.order(effect, when, nth=nth, to=stage.server.pid, delay=delay))
    eventually(lambda: not stage.server.running, _STOPPED_SECONDS, "ClickHouse is dead")
    stage.server.kill()
    stage.server.start()
    stage.crew.check()
    return f"ClickHouse, {delay * 1000:.1f} ms later"


def _clickhouse_away(stop: int, stage: Stage) -> str:
    """ClickHouse is away for a while, dead or asleep."""
    pid = stage.server.pid
    stage.taken(stage.order("insert *_log", "before", nth=stage.random.randint(1, 8), sent=stop, to=pid))
    time.sleep(stage.away_seconds)
    stage.crew.check()
    if stop == signal.SIGSTOP:
        os.kill(pid, signal.SIGCONT)
    else:
        stage.server.kill()
        stage.server.start()
    return f"ClickHouse, {stage.away_seconds:g} s long"


def _kill_broker(effect: str, when: When, stage: Stage) -> str:
    """The broker dies and comes back with its log."""
    pid = stage.broker.pid
    stage.taken(stage.order(effect, when, nth=stage.random.randint(1, 4), to=pid, sent=signal.SIGKILL))
    eventually(lambda: not stage.broker.running, _STOPPED_SECONDS, "the broker is dead")
    stage.broker.kill()
    stage.broker.start()
    stage.crew.check()
    return "the broker"


def _kill_broker_in_rebalance(stage: Stage) -> str:
    """The broker dies while partitions move, because a worker leaves, and comes back with its log."""
    if len(stage.crew.members) <= _CREW[0]:
        _joined(stage)
    broker, name = stage.broker.pid, stage.random.choice(sorted(stage.crew.members))
    order = stage.order("revoke", "before", to=broker, sent=signal.SIGKILL)
    stage.crew.leave(name)
    stage.taken(order)
    eventually(lambda: not stage.broker.running, _STOPPED_SECONDS, "the broker is dead")
    stage.broker.kill()
    stage.broker.start()
    stage.crew.buried(name, 0)
    stage.crew.check()
    return "the broker"


def _replaced(stage: Stage, pid: int) -> str:
    name = stage.crew.named(pid)
    stage.crew.buried(name, -signal.SIGKILL)
    stage.crew.join()
    return f"worker {name}"


def _joined(stage: Stage) -> str:
    """Have a worker join, and return its name once it has partitions."""
    name = stage.crew.join()
    stage.taken(stage.order("assign", "after", sent=0, by=stage.crew.members[name].pid))
    return name


def _partitions_move(stage: Stage, order: Order) -> tuple[int, str | None]:
    """Have workers join and leave until one carries out the order; return its pid, and who leaves just then.

    Of one move nobody knows which partitions go where: the one that matters may stay where it is.
    """
    for _ in range(_MOVES):
        leaving = _rebalance(stage)
        end = time.monotonic() + _MOVE_SECONDS
        while time.monotonic() < end:
            if pid := stage.orders.taken(order):
                return pid, leaving
            time.sleep(_LOOK_SECONDS)
        if leaving:
            stage.crew.buried(leaving, *_LEFT)
    return stage.taken(order), None


def _rebalance(stage: Stage) -> str | None:
    """Have a worker join, or leave; return who is about to leave."""
    members = sorted(stage.crew.members)
    if len(members) < _CREW[1]:
        stage.crew.join()
        return None
    name = stage.random.choice(members)
    stage.crew.leave(name)
    return name


def _sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _rows(stage: Stage) -> dict[str, int]:
    """What the tables hold to which nobody may add when nothing new is on the topics."""
    # Letters of the block it had in hand it may send again, under the same ids: a new block of their topic.
    claims = f"block WHERE topic != '{DEAD_LETTER_TOPIC}'"
    kept = [claims, "record_identity", *(stream.log_table for stream in STREAMS.values())]
    asked = dict.fromkeys(kept, "count()")
    asked |= dict.fromkeys(("voucher_hourly", "feed_live"), "sum(records)")
    return {table: stage.db.query(f"SELECT {what} FROM {table}")[0][0] for table, what in asked.items()}


def _step(what: str, effect: str, often: int = 4) -> Iterator[Fault]:
    """A worker's death before and after an effect."""
    for when in ("before", "after"):
        yield Fault(f"{when} {what}", partial(_kill, effect, when, often))


_LOG = "insert *_log"
FIRST = (
    Fault("after fetch", partial(_kill, "fetch", "after", 4)),
    *_step("insert", _LOG, 8),
    Fault("between table and views", partial(_kill_clickhouse, _LOG, "before", 0.02)),
    Fault("before commit", partial(_kill, "commit", "before", 4)),
    Fault("during revoke", partial(_kill_in_rebalance, "revoke", "before")),
    Fault("superseded after fetch", partial(_supersede, "fetch", "after")),
    Fault("superseded before insert", partial(_supersede, _LOG, "before")),
    Fault("a worker joins or leaves", _move),
    Fault("the broker restarts", partial(_kill_broker, _LOG, "before"), loses_broker=True),
    Fault("ClickHouse is away, dead", partial(_clickhouse_away, signal.SIGKILL)),
    *_step("claim", "insert block", 8),
    Fault("after dead letters sent", partial(_kill, "send minmai.dead-letter.v1", "after", 4)),
    Fault("before account", partial(_kill, "insert receipt_counted", "before", 8)),
    Fault("before tell", partial(_kill, "insert touch", "before", 8)),
    Fault("between history and live", partial(_kill, "insert indicator_history", "after", 3)),
    Fault("between shown and publish", partial(_kill, "insert block_shown", "after", 3)),
    Fault("all workers at once", _all_die),
)
"""The faults of a short run, in this order."""

FAULTS = (
    *FIRST,
    Fault("before dead letters sent", partial(_kill, "send minmai.dead-letter.v1", "before", 4)),
    Fault("after account", partial(_kill, "insert receipt_counted", "after", 8)),
    Fault("after tell", partial(_kill, "insert touch", "after", 8)),
    Fault("after commit", partial(_kill, "commit", "after", 4)),
    *_step("withdraw", "insert voucher_hourly", 1),
    *_step("insert of withdrawals", "insert retraction_log", 2),
    *_step("insert of dead letters", "insert dead_letter", 2),
    *_step("insert of receipts", "insert receipt", 2),
    *_step("insert of refused pushes", "insert refused_push", 2),
    Fault("before history", partial(_kill, "insert indicator_history", "before", 3)),
    *_step("live", "insert indicator_live", 3),
    *_step("tasks", "insert task_live", 2),
    Fault("before shown", partial(_kill, "insert block_shown", "before", 3)),
    *_step("publish", "send minmai.indicator.v1", 40),
    Fault("after taking over the figures", partial(_kill_in_rebalance, "insert keeper", "after")),
    Fault("after revoke", partial(_kill_in_rebalance, "revoke", "after")),
    Fault("before assign", partial(_kill_in_rebalance, "assign", "before")),
    Fault("after assign", partial(_kill_in_rebalance, "assign", "after")),
    Fault("at any instruction", _kill_anytime),
    Fault("superseded before claim", partial(_supersede, "insert block", "before")),
    Fault("superseded after claim", partial(_supersede, "insert block", "after")),
    Fault("superseded after insert", partial(_supersede, _LOG, "after")),
    Fault("superseded before tell", partial(_supersede, "insert touch", "before")),
    Fault("superseded before live", partial(_supersede, "insert indicator_live", "before")),
    Fault("ClickHouse is away, asleep", partial(_clickhouse_away, signal.SIGSTOP)),
    Fault("ClickHouse dies after claim", partial(_kill_clickhouse, "insert block", "after", 0.05)),
    Fault("ClickHouse dies amid tell", partial(_kill_clickhouse, "insert touch", "before", 0.01)),
    Fault("ClickHouse dies amid refresh", partial(_kill_clickhouse, "insert indicator_*", "before", 0.02)),
    Fault(
        "ClickHouse dies amid account", partial(_kill_clickhouse, "insert receipt_counted", "before", 0.01)
    ),
    *(
        Fault(
            f"between table and views, within {int(latest * 1000)} ms",
            partial(_kill_clickhouse, _LOG, "before", latest),
        )
        for latest in (0.002, 0.005, 0.01, 0.05)
    ),
    Fault("the broker dies at commit", partial(_kill_broker, "commit", "before"), loses_broker=True),
    Fault(
        "the broker dies at refusal",
        partial(_kill_broker, "send minmai.dead-letter.v1", "after"),
        loses_broker=True,
    ),
    Fault("the broker dies in a rebalance", _kill_broker_in_rebalance, loses_broker=True),
)
"""All faults."""


def sequence(random: Random, *, keeps_log: bool) -> Iterator[Fault]:
    """Faults without end: those of a short run, then all of them again and again in random order."""
    yield from (fault for fault in FIRST if keeps_log or not fault.loses_broker)
    while True:
        deck = [fault for fault in FAULTS if keeps_log or not fault.loses_broker]
        random.shuffle(deck)
        yield from deck
