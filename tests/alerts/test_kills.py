"""None lost, at whatever step the service is killed; `python -m tests.alerts.kills` plays more rounds."""

from itertools import islice
from pathlib import Path

import pytest

from tests.alerts.kills.faults import sequence
from tests.alerts.kills.rounds import rounds
from tests.alerts.kills.stage import staged
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse

pytestmark = pytest.mark.long

_ROUNDS = 7


def test_killed_at_whatever_step_it_loses_no_notice(
    fresh_broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path
) -> None:
    with staged(fresh_broker, clickhouse, database, tmp_path, seed=1) as stage:
        for one in rounds(stage, islice(sequence(), _ROUNDS)):
            print(one)  # pytest shows it when the test has failed
