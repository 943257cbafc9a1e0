"""Every figure equals the independent count: in any order, with any copies, in any split into blocks."""

import asyncio
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cli.sample import truth
from schemas.streams import STREAMS
from services.aggregate.keeper import Keeper
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.aggregate.pushes import DAYS, pushed
from tests.aggregate.support import Worker, messages, place


def empty(pool: ClickHouse) -> None:
    logs = [stream.log_table for stream in STREAMS.values()]
    views = ["record_identity", "feed_live", "voucher_hourly", "block", "touch"]
    for table in (*logs, *views, "indicator_live", "indicator_history", "task_live"):
        pool.query(f"TRUNCATE TABLE {table}")


async def take_in(pool: ClickHouse, events: list[dict[str, Any]], cuts: list[int], twice: bool) -> None:
    """Count the events in blocks cut anywhere, each perhaps tried twice, in the order they came."""
    worker = Worker(pool)
    edges = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    places = {stream.name: (place(stream.name, uuid4()), 0) for stream in STREAMS.values()}
    for begin, end in pairwise(edges):
        for stream in STREAMS.values():
            where, first = places[stream.name]
            own = messages((one for one in events[begin:end] if one["type"] == stream.topic), first)
            if own:
                for _ in range(1 + twice):
                    await worker.count(where, own)
                places[stream.name] = where, first + len(own)


def as_count(
    numerator: Decimal | None, denominator: Decimal | None, value: float | None, status: str
) -> object:
    return numerator, denominator, value if value is None else pytest.approx(value, rel=1e-12), status


def expected(figures: truth.Figures) -> dict[tuple[str, str], object]:
    return {
        key: as_count(one.numerator, one.denominator, one.value, one.status) for key, one in figures.items()
    }


def check_history(pool: ClickHouse, plan: Plan, events: list[dict[str, Any]], days: list[date]) -> None:
    for day, figures in truth.history(plan, events, days).items():
        held = pool.query(
            "SELECT indicator, division,"
            " argMax((numerator, denominator, value, status), day) FROM indicator_history FINAL"
            " WHERE day <= %(day)s GROUP BY indicator, division",
            {"day": day},
        )
        kept = {(indicator, division): figure for indicator, division, figure in held}
        for key, figure in figures.items():
            # A day before the first row: nothing has been told, only what the plan itself knows is there.
            nothing = (None, figure.denominator, None, "no_data")
            found = as_count(figure.numerator, figure.denominator, figure.value, figure.status)
            assert kept.get(key, nothing) == found, (day, key)


def check_live(pool: ClickHouse, plan: Plan, events: list[dict[str, Any]], day: date) -> None:
    rows = pool.rows("SELECT * FROM indicator_live FINAL")
    live = {(row["indicator"], row["division"]): row for row in rows}
    for key, one in truth.figures(plan, events, day).items():
        row = live[key]
        found = row["numerator"], row["denominator"], row["value"]
        assert found == as_count(one.numerator, one.denominator, one.value, "")[:3], key  # type: ignore[index]
        if one.status in ("met", "watched", "no_data", "not_applicable"):
            before_due = row["due"] is None or row["due"] >= day
            assert row["status"] == one.status or not before_due, key
    wanted = {
        task: (report.data["percent"], report.id) for task, report in truth.tasks(plan, events, day).items()
    }
    reports = pool.query("SELECT task, percent, record_id FROM task_live FINAL WHERE status IS NOT NULL")
    assert {task: (percent, id) for task, percent, id in reports} == wanted


def test_figures_equal_the_independent_count(pool: ClickHouse, plan: Plan) -> None:
    @settings(
        max_examples=12,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(pushed(plan), st.lists(st.integers(0, 100), max_size=3), st.booleans(), st.booleans())
    def check(events: list[dict[str, Any]], cuts: list[int], twice: bool, anew: bool) -> None:
        empty(pool)
        keeper = Keeper(pool, plan, uuid4().hex)
        keeper.begin()
        half = len(events) // 2
        asyncio.run(take_in(pool, events[:half], cuts, twice))
        keeper.refresh(DAYS[-2])
        asyncio.run(take_in(pool, events[half:], cuts, twice))
        if anew:  # another worker takes over, and the first has not heard of it
            another = Keeper(pool, plan, uuid4().hex)
            another.begin()
            another.refresh(DAYS[-1])
            keeper.refresh(DAYS[-2])
        else:
            keeper.refresh(DAYS[-1])
        check_live(pool, plan, events, DAYS[-1])
        check_history(pool, plan, events, DAYS)
        hours = pool.query(
            "SELECT campaign, sector, division, hour, step, sum(records) AS n, sum(face_value),"
            " sum(order_amount), sum(redeemed_value) FROM voucher_hourly"
            " GROUP BY campaign, sector, division, hour, step HAVING n > 0"
        )
        assert {tuple(row[:5]): truth.Steps(*row[5:]) for row in hours} == truth.voucher_hourly(events)

    check()
