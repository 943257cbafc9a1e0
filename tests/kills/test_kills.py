"""Counted once, whoever dies at whatever step; `python -m tests.kills` plays as many rounds as asked."""

from itertools import islice
from pathlib import Path
from random import Random

import pytest

from tests.kills.faults import sequence
from tests.kills.rounds import rounds
from tests.kills.stage import staged
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse

pytestmark = pytest.mark.long

_SEED = 1
_RECORDS = 60


def test_whoever_dies_at_whatever_step_everything_is_counted_once(
    fresh_broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path
) -> None:
    keeps_log = fresh_broker.keeps_log
    faults = islice(sequence(Random(_SEED), keeps_log=keeps_log), 20 if keeps_log else 8)
    with staged(
        *(fresh_broker, clickhouse, database, tmp_path), seed=_SEED, session_seconds=3, away_seconds=5
    ) as stage:
        try:
            for one in rounds(stage, faults, _RECORDS):
                print(one)  # pytest shows it when the test has failed
            stage.judge.check_published()
        finally:
            print(stage.crew.tail())
