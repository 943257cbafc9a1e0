"""The whole plan at once: a sample of 100,000 records, and every example, through the whole pipeline.

All streams, mistakes, contradictions, repetitions and withdrawals in their three ways; then every table holds
what the independent count says, for every indicator and division, at each month's end and at the last.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from operator import not_
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cli.sample.county import BEGIN, sample
from cli.sample.outbox import Sent
from cli.sample.truth import counted, history, months_over, today
from schemas import examples
from schemas.streams import RETRACTION, STREAMS
from services.platform import clickhouse as platform
from services.platform.plan import Plan
from services.platform.settings import Common
from tests.e2e import judging
from tests.e2e.agencies import Books, at_work
from tests.e2e.pushes import Event, Item
from tests.support.services import Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

RECORDS = 100_000
SCALE = 1.87
"""How many times the usual sample it takes to have so many."""

END = date(2026, 1, 20)
"""Past most due days, so that promises are kept or missed, and into a year whose counts begin anew."""

_PUSH = 2_000
_COUNTED_SECONDS = 300.0


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[dict[str, Service]]:
    """Ingest and the aggregator, running; their logs are shown when the test fails."""
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock=settings.clock,
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        session_timeout_ms=3_000,
        rebalance_timeout_ms=3_000,
    )
    both = {name: Service(name, env, tmp_path) for name in ("ingest", "aggregate")}
    for service in both.values():
        service.start(ready=False)
    yield both
    for service in both.values():
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


def test_every_figure_of_a_whole_county_equals_the_independent_count(
    settings: Common, db: platform.ClickHouse, services: dict[str, Service], plan: Plan, keys: dict[str, str]
) -> None:
    # The services start up while the county is made.
    pushes = _pushes(list(sample(plan, scale=SCALE, seed=11, end=END, mistakes=True)))
    books = Books()
    services["ingest"].wait_ready()
    with at_work(services["ingest"].url, keys, pushes, books):
        services["aggregate"].wait_ready()
    right = counted(books.accepted)
    assert len(right) >= RECORDS
    assert {code for code, _ in books.refused} >= {"invalid_field", "time_out_of_range", "unknown_division"}
    assert books.conflicts()

    day = today(plan, right)
    wanted = history(plan, right, [*months_over(BEGIN, day), *judging.dues_over(day), day])
    eventually(
        lambda: judging.records_counted(db),
        _COUNTED_SECONDS,
        "all is counted",
        until=lambda number: number >= len(right),
    )
    eventually(
        lambda: judging.told_number(db, "voucher_issued_count", plan.county.county),
        _COUNTED_SECONDS,
        "the vouchers issued are right",
        until=lambda number: number == wanted[day]["voucher_issued_count", plan.county.county].numerator,
    )
    eventually(
        lambda: judging.live_differences(db, wanted, day),
        _COUNTED_SECONDS,
        "the live figures are right",
        until=not_,
    )
    assert judging.history_differences(db, wanted) == []
    assert judging.task_differences(db, plan, right, day) == []
    assert judging.hour_differences(db, right) == []
    assert judging.log_differences(db, right) == []
    eventually(
        lambda: judging.dead_letter_differences(db, books), 60, "the dead letters are right", until=not_
    )
    _check_examples(db)
    judging.check_published(settings.kafka, db)


def _pushes(sent: Sequence[Sent]) -> dict[str, list[list[Item]]]:
    """Each agency's pushes, in the order of sending; the examples' agency pushes each on its own."""
    items: dict[str, list[Item]] = {}
    random = Random(11)
    for one in _withdrawn_in_three_ways(sent, random):
        items.setdefault(one.agency, []).append(Item(one.event, one.wrong))
    pushes = {agency: list(_cut(mine)) for agency, mine in items.items()}
    return {**pushes, examples.SOURCE: [[Item(event)] for event in examples.events()]}


def _withdrawn_in_three_ways(sent: Sequence[Sent], random: Random) -> Iterator[Sent]:
    """Write withdrawals as records of their own stream, as `op: retract` with the id, or with the record."""
    first: dict[tuple[str, str], Event] = {}
    for one in sent:
        if not one.wrong:
            first.setdefault((one.stream, one.event["id"]), one.event)
    ways: dict[str, Event] = {}
    for one in sent:
        if one.stream != RETRACTION.name:
            yield one
            continue
        # A withdrawal that is sent twice is written alike twice.
        event = ways.setdefault(one.event["id"], _withdrawal(one.event, first, random))
        yield Sent(one.moment, one.agency, one.stream, event)


def _withdrawal(event: Event, first: dict[tuple[str, str], Event], random: Random) -> Event:
    said = event["data"]
    stream = STREAMS[said["stream"]]
    asked = {"op": "retract", "reason": said["reason"]}
    way = random.randrange(3)
    if way == 1:
        plain = {name: value for name, value in event.items() if name not in ("data", "subject")}
        return {**plain, "type": stream.topic, **asked, "retracts": said["record"]}
    if way == 2:
        return {**first[stream.name, said["record"]], **asked}
    return event


def _cut(items: Sequence[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while push := list(islice(rest, _PUSH)):
        yield push


def _check_examples(db: platform.ClickHouse) -> None:
    """Every example lies in its log table, each field as it was said."""
    for event in examples.events():
        stream = STREAMS[event["type"].removeprefix("minmai.").removesuffix(".v1")]
        [row] = db.rows(
            f"SELECT * FROM {stream.log_table} WHERE source = %(source)s AND id = %(id)s",
            {"source": event["source"], "id": event["id"]},
        )
        model = stream.model.model_validate(event["data"])
        said: dict[str, Any] = getattr(model, "root", model).model_dump()
        assert {name: row[name] for name in stream.columns if name in said} == {
            name: said[name] for name in stream.columns if name in said
        }
        assert row["subject"] == stream.subject(said)
