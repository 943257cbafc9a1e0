"""The proof: records of all streams go over HTTP while the aggregator is killed, and every figure is right.

Right means equal to an independent count in plain Python over what ingest accepted (cli/sample/truth),
to the cent: live figures, their history at each month's end, and the voucher money of every hour.
"""

from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import pairwise
from operator import lt, not_
from pathlib import Path

import pytest

from cli.sample.county import BEGIN, sample
from cli.sample.truth import counted, history, months_over, today
from services.platform import clickhouse as platform
from services.platform.plan import Plan
from services.platform.settings import Common
from tests.e2e import judging
from tests.e2e.agencies import Books, at_work
from tests.e2e.judging import records_counted
from tests.e2e.pushes import Item, pushes
from tests.support.services import Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

RECORDS = 20_000
END = date(2025, 12, 31)
KILLS = 3

_COUNTED_SECONDS = 300.0


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[dict[str, Service]]:
    """Ingest and the aggregator, not started; their logs are shown when the test fails."""
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock=settings.clock,
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        block_records=400,  # many blocks, so that a kill comes between and amid them
        session_timeout_ms=2_000,  # so that a killed member's partitions are free soon
        rebalance_timeout_ms=2_000,
    )
    both = {name: Service(name, env, tmp_path) for name in ("ingest", "aggregate")}
    yield both
    for service in both.values():
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


def test_every_figure_equals_the_independent_count(
    settings: Common, db: platform.ClickHouse, services: dict[str, Service], plan: Plan, keys: dict[str, str]
) -> None:
    ingest, aggregate = services["ingest"], services["aggregate"]
    mine = pushes(list(sample(plan, RECORDS, seed=7, end=END)), seed=7)
    books = Books()
    ingest.start()
    aggregate.start()
    *before_kills, last = _rounds(mine, KILLS + 1)
    for round_ in before_kills:
        before = records_counted(db)
        with at_work(ingest.url, keys, round_, books):
            eventually(
                lambda: records_counted(db), 120, "some records are counted", until=partial(lt, before)
            )
            aggregate.kill()
            aggregate.start(ready=False)
    with at_work(ingest.url, keys, last, books):
        aggregate.wait_ready()

    right = counted(books.accepted)
    eventually(
        lambda: records_counted(db), _COUNTED_SECONDS, "all is counted", until=lambda n: n >= len(right)
    )
    assert judging.log_differences(db, right) == []
    day = today(plan, right)
    wanted = history(plan, right, [*months_over(BEGIN, day), *judging.dues_over(day), day])
    eventually(
        lambda: judging.live_differences(db, wanted, day),
        _COUNTED_SECONDS,
        "the live figures are right",
        until=not_,
    )
    assert judging.history_differences(db, wanted) == []
    assert judging.task_differences(db, plan, right, day) == []
    assert judging.hour_differences(db, right) == []
    judging.check_published(settings.kafka, db)
    eventually(
        lambda: judging.dead_letter_differences(db, books), 60, "the dead letters are right", until=not_
    )
    aggregate.stop()
    ingest.stop()


def _rounds(pushes: dict[str, list[list[Item]]], number: int) -> Iterator[dict[str, list[list[Item]]]]:
    """Cut every agency's pushes into rounds of equal length."""
    for first, last in pairwise(range(number + 1)):
        yield {
            agency: mine[len(mine) * first // number : len(mine) * last // number]
            for agency, mine in pushes.items()
        }
