"""Every figure equals the independent count: in any order, with any copies, in any split into blocks."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cli.sample import truth
from schemas.streams import STREAMS
from services.aggregate.indicators import IndicatorTables
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.aggregate.support import Worker, event, messages, place

URBAN = ("532622101001", "532622101002")
COMMUNITIES = (*URBAN, "532622102001", "532622103001")
TOWNSHIPS = ("532622101", "532622102", "532622103")
# Around midnight in the county (16:00 UTC), around New Year, and with ties.
TIMES = st.sampled_from(
    [
        datetime(2023, 12, 30, 3, tzinfo=UTC),
        datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC),
        datetime(2023, 12, 31, 16, tzinfo=UTC),
        datetime(2024, 1, 1, 8, 0, 0, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 8, tzinfo=UTC),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
    ]
)
CENTS = st.decimals(0, 9999, places=2)
STATUS = st.sampled_from(["open", "open", "closed", "building"])


@st.composite
def facility(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    number = draw(st.integers(0, 4))
    data = {
        "facility_id": f"F{number}",
        "name": "某机构",
        "division": draw(st.sampled_from(COMMUNITIES)),
        "status": draw(STATUS),
        "ownership": "public",
        "kind": draw(st.sampled_from(["childcare", "childcare", "elder_care", "sports_venue"])),
    }
    if data["kind"] == "elder_care":
        data["beds"] = draw(st.integers(0, 50))
        data["nursing_beds"] = draw(st.integers(0, data["beds"]))
    if data["kind"] == "sports_venue":
        data["sports_area"] = str(draw(CENTS))
    return "facility", data


@st.composite
def childcare_place(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    total = draw(st.integers(0, 60))
    return "childcare-place", {
        "facility_id": f"F{draw(st.integers(0, 4))}",
        "total": total,
        "inclusive": draw(st.integers(0, total)),
        "enrolled": draw(st.integers(0, 60)),
    }


@st.composite
def fitness_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    return "fitness-event", {
        "event_id": f"E{draw(st.integers(0, 3))}",
        "name": "篮球赛",
        "level": "county",
        "sport": "篮球",
        "division": draw(st.sampled_from(["532622", *TOWNSHIPS, *COMMUNITIES])),
        "day": str(date(2023, 12, 30) + timedelta(days=draw(st.integers(0, 4)))),
        "status": draw(st.sampled_from(["planned", "held", "held", "cancelled"])),
        "participants": draw(st.integers(0, 500)),
    }


@st.composite
def voucher(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    return "consumption-voucher", {
        "voucher_id": f"V{draw(st.integers(0, 9))}",
        "campaign": draw(st.sampled_from(["qihua", "qixiang"])),
        "step": draw(st.sampled_from(["issued", "claimed", "redeemed", "refunded"])),
        "face_value": str(draw(CENTS)),
        "order_amount": str(draw(CENTS)),
        "merchant_id": "M1",
        "sector": draw(st.sampled_from(["retail", "catering"])),
        "division": draw(st.sampled_from(TOWNSHIPS)),
    }


def statistic(plan: Plan) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    townships = [code for code, division in plan.divisions.items() if division.level == "township"]
    return st.builds(
        lambda code, value: (
            "statistic",
            {"division": code, "measure": "resident_population", "value": value},
        ),
        st.sampled_from(townships),
        st.integers(0, 90_000),
    )


def pushed(plan: Plan) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Events as they come in: shuffled in time, some ids used again with the same or other content."""
    bodies = st.one_of(facility(), facility(), childcare_place(), fitness_event(), voucher(), statistic(plan))
    events = st.builds(
        lambda body, source, number, time: event(body[0], source, f"r{number}", time, body[1]),
        bodies,
        st.sampled_from(["one-bureau", "other-bureau"]),
        st.integers(0, 60),
        TIMES,
    )
    every_township = [
        event(
            "statistic",
            "statistics-bureau",
            f"census/{code}",
            datetime(2023, 12, 31, 4, tzinfo=UTC),
            {"division": code, "measure": "resident_population", "value": 40_000},
        )
        for code, division in plan.divisions.items()
        if division.level == "township"
    ]
    return st.builds(
        lambda some, census, copies: some + census + [some[n % len(some)] for n in copies if some],
        st.lists(events, max_size=40),
        st.sampled_from([[], every_township]),
        st.lists(st.integers(0, 1000), max_size=10),
    ).flatmap(lambda all_: st.permutations(all_) if len(all_) < 60 else st.just(all_))


def empty(pool: ClickHouse) -> None:
    tables = [stream.log_table for stream in STREAMS.values()]
    for table in (*tables, "record_identity", "feed_live", "voucher_hourly", "block"):
        pool.query(f"TRUNCATE TABLE {table}")
    for table in ("part_delta", "indicator_live", "indicator_history"):
        pool.query(f"TRUNCATE TABLE {table}")


async def take_in(pool: ClickHouse, events: list[dict[str, Any]], cuts: list[int], twice: bool) -> None:
    """Count the events stream by stream, in blocks cut anywhere, each perhaps tried twice."""
    worker = Worker(pool)
    for stream in STREAMS.values():
        own = messages(one for one in events if one["type"] == stream.topic)
        where = place(stream.name, uuid4())
        edges = sorted({0, len(own), *(cut % (len(own) + 1) for cut in cuts)})
        for begin, end in pairwise(edges):
            for _ in range(1 + twice):
                await worker.count(where, own[begin:end])


def as_count(
    numerator: Decimal | None, denominator: Decimal | None, value: float | None, status: str
) -> object:
    return numerator, denominator, value if value is None else pytest.approx(value, rel=1e-12), status


def expected(figures: truth.Figures) -> dict[tuple[str, str], object]:
    return {
        key: as_count(one.numerator, one.denominator, one.value, one.status) for key, one in figures.items()
    }


DAYS = [date(2023, 12, 30) + timedelta(days=number) for number in range(5)] + [date(2024, 2, 29)]


def test_figures_equal_the_independent_count(pool: ClickHouse, plan: Plan) -> None:
    tables = IndicatorTables(pool, plan)

    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(pushed(plan), st.lists(st.integers(0, 100), max_size=3), st.booleans(), st.booleans())
    def check(events: list[dict[str, Any]], cuts: list[int], twice: bool, halfway: bool) -> None:
        empty(pool)
        tables.declare()
        half = len(events) // 2 if halfway else 0
        if half:  # figures that later records correct
            asyncio.run(take_in(pool, events[:half], cuts, twice))
            tables.refresh(STREAMS, DAYS[-2])
        asyncio.run(take_in(pool, events[half:], cuts, twice))
        tables.refresh(STREAMS, DAYS[-1])

        live = {(one.indicator, one.division): one for one in tables.live()}
        wanted = expected(truth.figures(events, plan, DAYS[-1]))
        assert {
            key: as_count(one.numerator, one.denominator, one.value, one.status) for key, one in live.items()
        } == wanted
        for day, figures in truth.history(events, plan, DAYS).items():
            held = pool.query(
                "SELECT indicator, division,"
                " argMax((numerator, denominator, value, status), day) FROM indicator_history FINAL"
                " WHERE day <= %(day)s GROUP BY indicator, division",
                {"day": day},
            )
            kept = {(indicator, division): figure for indicator, division, figure in held}
            for key, figure in expected(figures).items():
                nothing = (None, wanted[key][1] if key[0] in ALWAYS_DIVIDED else None, None, "no_data")  # type: ignore[index]
                assert kept.get(key, nothing) == figure, (day, key)
        hours = pool.query(
            "SELECT campaign, sector, division, hour, step, sum(records), sum(face_value), sum(order_amount)"
            " FROM voucher_hourly GROUP BY campaign, sector, division, hour, step"
        )
        assert {tuple(row[:5]): truth.HourSum(*row[5:]) for row in hours} == truth.voucher_hourly(events)

    check()


# Their denominator is a number of places, which is there before any record is.
ALWAYS_DIVIDED = {"community_childcare_coverage"}
