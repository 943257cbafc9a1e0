"""The keeper: what others tell it, what it takes over, what it no longer may write, days that pass."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from schemas.indicator import Figure
from services.aggregate import pipeline
from services.aggregate.keeper import Keeper
from services.aggregate.withdrawals import take_out_withdrawn
from services.figures import source
from services.figures.source import Source
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.plan import Plan
from tests.aggregate.support import Worker, event, messages, place

COUNTY = "532622"
DAY = date(2024, 5, 1)
NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)
ISSUED, EVENTS = "voucher_issued_value", "fitness_events_in_year"


def keeper(pool: ClickHouse, plan: Plan) -> Keeper:
    one = Keeper(pool, plan, uuid4().hex)
    one.begin()
    return one


def voucher(number: int, time: datetime = NOON) -> dict[str, object]:
    data = {
        "voucher_id": f"V{number}",
        "campaign": "qihua",
        "step": "issued",
        "face_value": "20.00",
        "sector": "retail",
        "division": "532622101",
    }
    return event("consumption-voucher", "commerce-bureau", f"issued-{number}", time, data)


def withdrawn(number: int, id: str = "withdrawal") -> dict[str, object]:
    data = {"stream": "consumption-voucher", "record": f"issued-{number}", "reason": "重复发放"}
    return event("retraction", "commerce-bureau", f"{id}-{number}", NOON, data)


def held(number: int) -> dict[str, object]:
    data = {
        "event_id": f"E{number}",
        "name": "篮球赛",
        "level": "county",
        "sport": "篮球",
        "division": COUNTY,
        "day": "2024-05-01",
        "status": "held",
        "participants": 100,
    }
    return event("fitness-event", "sports-bureau", f"held-{number}", NOON, data)


async def count(pool: ClickHouse, stream: str, *events: dict[str, object]) -> None:
    await Worker(pool).count(place(stream), messages(events))


def live(pool: ClickHouse, indicator: str = ISSUED) -> tuple[str, int]:
    rows = pool.query(
        "SELECT toString(numerator), version FROM indicator_live FINAL"
        " WHERE indicator = %(indicator)s AND division = %(county)s",
        {"indicator": indicator, "county": COUNTY},
    )
    return rows[0] if rows else ("", 0)


def changed(figures: list[Figure]) -> dict[tuple[str, str], Figure]:
    return {(one.indicator, one.division): one for one in figures}


async def test_only_what_was_touched_is_told_again(pool: ClickHouse, plan: Plan) -> None:
    one = keeper(pool, plan)
    await count(pool, "consumption-voucher", voucher(1))
    assert len(one.refresh(DAY)) > 700, "a new day is told of every figure"
    await count(pool, "consumption-voucher", voucher(2))
    told = changed(one.refresh(DAY))
    assert {division for _, division in told} == {COUNTY, "532622101"}
    assert {indicator for indicator, _ in told} <= {name for name in plan.indicators if "voucher" in name}
    assert told[ISSUED, COUNTY].numerator == 40
    assert one.refresh(DAY) == []


async def test_a_superseded_keeper_writes_nothing(pool: ClickHouse, plan: Plan) -> None:
    old = keeper(pool, plan)
    await count(pool, "consumption-voucher", voucher(1))
    old.refresh(DAY)
    new = keeper(pool, plan)
    new.refresh(DAY)
    before = live(pool)
    await count(pool, "consumption-voucher", voucher(2))
    old.refresh(DAY)
    assert live(pool) == before
    new.refresh(DAY)
    assert live(pool)[0] == "40"
    assert live(pool)[1] > before[1]


@pytest.mark.parametrize("failing", ["vouchers", "states"])
async def test_what_cannot_be_read_now_is_read_at_the_next_try(
    pool: ClickHouse, plan: Plan, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ClickHouse goes away between telling what was touched and what stands there."""
    one = keeper(pool, plan)
    one.refresh(DAY)
    await count(pool, "consumption-voucher", voucher(1))
    await count(pool, "fitness-event", held(1))

    def away(*_asked: object) -> None:
        raise Unavailable("ClickHouse is away")

    with monkeypatch.context() as broken:
        broken.setattr(Source, failing, away)
        with pytest.raises(Unavailable):
            one.refresh(DAY)
    one.refresh(DAY)
    assert (live(pool)[0], live(pool, EVENTS)[0]) == ("20", "1")


@pytest.mark.parametrize("lost", ["indicator_history", "indicator_live"])
async def test_a_new_keeper_completes_what_the_last_one_left(pool: ClickHouse, plan: Plan, lost: str) -> None:
    first = keeper(pool, plan)
    await count(pool, "consumption-voucher", voucher(1))
    first.refresh(DAY)
    rows = pool.query(f"SELECT indicator, division, numerator, status FROM {lost} FINAL ORDER BY ALL")
    pool.query(f"TRUNCATE TABLE {lost}")
    keeper(pool, plan).refresh(DAY)
    assert pool.query(f"SELECT indicator, division, numerator, status FROM {lost} FINAL ORDER BY ALL") == rows


async def test_a_wrong_row_of_the_history_is_mended_at_the_next_start(pool: ClickHouse, plan: Plan) -> None:
    """Also on a day on which nothing is left to tell."""
    await count(pool, "consumption-voucher", voucher(1))
    keeper(pool, plan).refresh(DAY)
    pool.query(
        "INSERT INTO indicator_history"
        " (indicator, division, day, definition, numerator, value, status, version, updated_at)"
        " VALUES (%(indicator)s, %(county)s, '2024-04-30', %(definition)s, 99, 99, 'watched', 1, now())",
        {"indicator": ISSUED, "county": COUNTY, "definition": plan.indicators[ISSUED].definition_id},
    )
    keeper(pool, plan).refresh(DAY)
    rows = pool.query(
        "SELECT day, toString(numerator), status FROM indicator_history FINAL"
        " WHERE indicator = %(indicator)s AND division = %(county)s ORDER BY day",
        {"indicator": ISSUED, "county": COUNTY},
    )
    assert rows == [(date(2024, 4, 30), None, "no_data"), (DAY, "20", "watched")]


async def test_rows_of_the_last_keeper_follow_what_is_told_late_of_an_earlier_day(
    pool: ClickHouse, plan: Plan
) -> None:
    """Also one that was right when this keeper began, on a day on which nothing is left to tell."""
    first = keeper(pool, plan)
    await count(pool, "consumption-voucher", voucher(1, datetime(2024, 4, 1, tzinfo=UTC)), voucher(2))
    first.refresh(DAY)
    await count(pool, "retraction", withdrawn(2))
    first.refresh(DAY)
    new = keeper(pool, plan)
    await count(pool, "consumption-voucher", voucher(3, datetime(2024, 4, 15, tzinfo=UTC)))
    new.refresh(DAY)
    rows = pool.query(
        "SELECT day, toString(numerator) FROM indicator_history FINAL"
        " WHERE indicator = %(indicator)s AND division = %(county)s ORDER BY day",
        {"indicator": ISSUED, "county": COUNTY},
    )
    assert rows == [(date(2024, 4, 1), "20"), (date(2024, 4, 15), "40"), (DAY, "40")]


@pytest.mark.parametrize("first", ["record", "withdrawal"])
async def test_a_withdrawal_takes_money_back_once_whichever_comes_first(
    pool: ClickHouse, plan: Plan, first: str
) -> None:
    one = keeper(pool, plan)
    vouchers, retractions = place("consumption-voucher"), place("retraction")

    async def come(what: str) -> None:
        for _ in range(2):  # each block is tried twice
            if what == "record":
                await Worker(pool).count(vouchers, messages([voucher(1), voucher(2)]))
            else:
                await Worker(pool).count(retractions, messages([withdrawn(1)]))

    await come(first)
    one.refresh(DAY)
    await come("withdrawal" if first == "record" else "record")
    await count(pool, "retraction", withdrawn(1, "again"))
    one.refresh(DAY)
    assert live(pool)[0] == "20"
    assert pool.query("SELECT sum(records), toString(sum(face_value)) FROM voucher_hourly") == [(1, "20")]
    keeper(pool, plan).refresh(DAY)
    assert live(pool)[0] == "20"


async def test_a_record_that_is_withdrawn_twice_at_once_is_taken_out_once(
    pool: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By two partitions: each saw the other's retraction, and took it for one that had been done before."""
    both_are_there = threading.Barrier(2, timeout=60)

    def take_out(clickhouse: ClickHouse, names: Sequence[UUID]) -> None:
        both_are_there.wait()
        take_out_withdrawn(clickhouse, names)

    await count(pool, "consumption-voucher", voucher(1), voucher(2))
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "take_out_withdrawn", take_out)
        await asyncio.gather(*(count(pool, "retraction", withdrawn(1, id)) for id in ("one", "two")))
    left = "SELECT sum(records), toString(sum(face_value)) FROM voucher_hourly"
    assert pool.query(left) == [(1, "20")]
    pool.query("ALTER TABLE voucher_hourly MODIFY SETTING non_replicated_deduplication_window = 0")
    await count(pool, "retraction", withdrawn(1, "much later, when tokens are forgotten"))
    assert pool.query(left) == [(1, "20")]


async def test_a_withdrawn_event_is_not_in_the_history_either(pool: ClickHouse, plan: Plan) -> None:
    one = keeper(pool, plan)
    await count(pool, "fitness-event", held(1), held(2))
    one.refresh(DAY)
    assert live(pool, EVENTS)[0] == "2"
    later = date(2024, 6, 1)
    data = {"stream": "fitness-event", "record": "held-2", "reason": "未举办"}
    retraction = event("retraction", "sports-bureau", "w", datetime(2024, 6, 1, tzinfo=UTC), data)
    await count(pool, "retraction", retraction)
    one.refresh(later)
    assert live(pool, EVENTS)[0] == "1"
    rows = pool.query(
        "SELECT toString(numerator) FROM indicator_history FINAL"
        " WHERE indicator = %(indicator)s AND division = %(county)s AND day = %(day)s",
        {"indicator": EVENTS, "county": COUNTY, "day": DAY},
    )
    assert rows == [("1",)]


async def test_somebody_elses_record_cannot_be_withdrawn(pool: ClickHouse, plan: Plan) -> None:
    one = keeper(pool, plan)
    data = {"stream": "fitness-event", "record": "held-1", "reason": "不是我的"}
    await count(pool, "retraction", event("retraction", "other-bureau", "w", NOON, data))
    await count(pool, "fitness-event", held(1))
    one.refresh(DAY)
    assert live(pool, EVENTS)[0] == "1"


async def test_a_new_year_begins_with_nothing_though_nothing_is_sent(pool: ClickHouse, plan: Plan) -> None:
    one = keeper(pool, plan)
    await count(pool, "fitness-event", held(1))
    one.refresh(DAY)
    one.refresh(date(2025, 1, 2))
    assert live(pool, EVENTS)[0] == "0"
    rows = pool.query(
        "SELECT day, toString(numerator) FROM indicator_history FINAL"
        " WHERE indicator = %(indicator)s AND division = %(county)s ORDER BY day",
        {"indicator": EVENTS, "county": COUNTY},
    )
    assert rows == [(DAY, "1"), (date(2025, 1, 1), "0")]


async def test_what_stands_is_the_same_asked_of_few_and_of_many(
    pool: ClickHouse, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count(pool, "fitness-event", *(held(number) for number in range(3)))
    await count(pool, "consumption-voucher", *(voucher(number) for number in range(3)))
    asked = Source(pool, plan, list(plan.indicators.values()))
    events = [(name, day) for name in ("E0", "E1", "it's") for day in (DAY, date(2024, 5, 2))]
    [(township,)] = pool.query("SELECT DISTINCT division FROM consumption_voucher_log")
    cells = [(township, DAY), (township, date(2024, 5, 2))]
    few = list(asked.states("fitness-event", events)), list(asked.vouchers(cells))
    monkeypatch.setattr(source, "_FEW", 0)
    assert few == (list(asked.states("fitness-event", events)), list(asked.vouchers(cells)))
    assert [one.state is not None for one in few[0]] == [True, False, True, False, False, False]
    assert [len(sums) for _, _, sums in few[1]] == [1, 0]
