"""What is old goes, and nothing that is shown, or will be, changes by it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from schemas.alert import FEED_STOPPED
from services.aggregate import metrics
from services.aggregate.blocks import Block, Claims
from services.aggregate.housekeeper import Housekeeper
from services.aggregate.keeper import Keeper
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from services.platform.retention import RULES, Retention, RetentionSettings
from tests.aggregate.pushes import DAYS, pushed
from tests.aggregate.support import Worker, messages, place
from tests.aggregate.test_figures import check_history, check_live, empty, take_in
from tests.aggregate.test_keeper import voucher

NOW = datetime(2036, 5, 20, 7, 30, tzinfo=UTC)
LATER = datetime(2046, 5, 20, tzinfo=UTC)
"""By then all that a test of today counts is old."""
TABLES = {rule.table for rule in RULES}


def retention(pool: ClickHouse, **days: int) -> Retention:
    return Retention(pool, RetentionSettings(**days))


def drop(pool: ClickHouse, now: datetime, **days: int) -> Mapping[str, int]:
    """How many rows went, by table; what was announced is what went."""
    announced = {one.rule.table: one.rows for one in retention(pool, **days).due(now) if one.rows}
    gone = {one.rule.table: one.rows for one in retention(pool, **days).drop(now)}
    assert gone == announced
    assert not list(retention(pool, **days).drop(now))
    return gone


def content(pool: ClickHouse) -> dict[str, Any]:
    """A digest of each table that no rule is about."""
    tables = pool.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')"
    )
    names = sorted({name for (name,) in tables} - TABLES)
    return {name: pool.query(f"SELECT count(), groupBitXor(cityHash64(*)) FROM {name}") for name in names}


def test_figures_equal_the_independent_count_though_all_that_may_go_has_gone(
    pool: ClickHouse, plan: Plan
) -> None:
    """Late records, copies and withdrawals of what was counted before come after it, and a fresh keeper."""

    @hypothesis(
        max_examples=8,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pushed(plan), st.lists(st.integers(0, 100), max_size=3), st.integers(0, 100))
    def check(events: list[dict[str, Any]], cuts: list[int], cut: int) -> None:
        empty(pool)
        keeper = Keeper(pool, plan, uuid4().hex)
        keeper.begin()
        half = cut % (len(events) + 1)
        asyncio.run(take_in(pool, events[:half], cuts, False))
        keeper.refresh(DAYS[-2])
        before = content(pool)
        gone = drop(pool, LATER)
        assert content(pool) == before
        assert not events[:half] or gone["block_shown"]
        asyncio.run(take_in(pool, events, cuts, True))
        keeper.refresh(DAYS[-1])
        check_live(pool, plan, events, DAYS[-1])
        check_history(pool, plan, events, DAYS)
        another = Keeper(pool, plan, uuid4().hex)
        told = {(one.indicator, one.division) for one in another.begin()}
        assert told
        assert another.refresh(DAYS[-1]) == [], "a fresh keeper finds nothing to change"

    check()


async def test_whoever_takes_over_begins_with_the_newest_block_however_old(pool: ClickHouse) -> None:
    where, worker = place("consumption-voucher"), Worker(pool)
    for number in range(3):
        await worker.count(where, messages([voucher(number)], first=number))
    assert drop(pool, LATER)["block"] == 2
    assert Claims(pool, "another").newest(where) == Block(where, 2, 2)


def insert(pool: ClickHouse, table: str, **values: Any) -> None:
    """A row; what is not given is its type's default."""
    pool.insert(table, {name: [value] for name, value in values.items()})


def ago(months: int) -> datetime:
    return NOW - timedelta(days=30 * months)


AGES = st.lists(st.integers(0, 80), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("table", "column", "days"),
    [
        ("refused_push", "last_at", "keep_refused_pushes_days"),
        ("access_log", "at", "keep_alerts_days"),
        ("dead_letter", "time", "keep_dead_letters_days"),
    ],
)
def test_whole_months_go_when_they_are_old_enough(
    pool: ClickHouse, table: str, column: str, days: str
) -> None:
    @hypothesis(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(AGES, st.integers(32, 1_000))
    def check(ages: list[int], keep: int) -> None:
        pool.query(f"TRUNCATE TABLE {table}")
        for age in ages:
            id = uuid4()
            named = {"refused_push": {"id": id}, "dead_letter": {"id": str(id)}}.get(table, {})
            insert(pool, table, **named, **{column: ago(age)})
        drop(pool, NOW, **{days: keep})
        edge = (NOW - timedelta(days=keep)).replace(day=1, hour=0, minute=0)
        left = sorted(moment for (moment,) in pool.query(f"SELECT {column} FROM {table}"))
        assert left == sorted(ago(age) for age in ages if ago(age) >= edge)

    check()


def test_a_receipt_goes_with_all_that_is_of_it_and_no_other_does(pool: ClickHouse) -> None:
    for name, months in (("old", 70), ("new", 1)):
        block = {"topic_id": uuid4(), "partition": 1, "first_offset": 5}
        insert(pool, "receipt", receipt=name, received_at=ago(months))
        insert(pool, "receipt_counted", receipt=name, counted_at=ago(months), **block)
        insert(pool, "block_shown", shown_at=ago(months), **block)
        # The table of refusals is filled from the letters.
        insert(
            pool, "dead_letter", id=name, receipt=name, time=ago(months), service="ingest", place="push/r/0"
        )
    # An old letter that was refused again lately, and a refusal that has come before its receipt.
    insert(pool, "dead_letter", id="again", receipt="new", time=ago(69), service="ingest", place="push/r/1")
    insert(pool, "dead_letter", id="early", receipt="coming", time=ago(0), service="ingest", place="push/r/0")
    gone = drop(pool, NOW)
    assert gone == {
        "receipt": 1,
        "receipt_counted": 1,
        "block_shown": 1,
        "receipt_fault": 1,
        "dead_letter": 2,
    }
    for table in ("receipt", "receipt_counted"):
        assert pool.query(f"SELECT receipt FROM {table}") == [("new",)]
    left = pool.query("SELECT receipt, letter FROM receipt_fault ORDER BY letter")
    assert left == [("new", "again"), ("coming", "early"), ("new", "new")]


def test_mends_and_replays_stay_as_long_as_their_letter(pool: ClickHouse) -> None:
    for name, months in (("old", 70), ("new", 1)):
        insert(pool, "dead_letter", id=name, time=ago(months))
        insert(pool, "dead_letter_mended", letter=name, at=ago(65))
        insert(pool, "dead_letter_replayed", letter=name, at=ago(65))
    drop(pool, NOW)
    for table in ("dead_letter_mended", "dead_letter_replayed"):
        assert pool.query(f"SELECT letter FROM {table}") == [("new",)]


def alert(pool: ClickHouse, rule: str, division: str, begun: int, ended: int | None) -> UUID:
    """An alert that fired so many months ago, and ended; with a notice."""
    id = uuid4()
    common = {"alert_id": id, "rule": rule, "division": division, "indicator": "childcare_occupancy"}
    for state, months in (("firing", begun), ("resolved", ended)):
        if months is not None:
            insert(pool, "alert_log", state=state, changed_at=ago(months), **common)
    insert(pool, "alert_notice", alert_id=id, notice_id=uuid4(), at=ago(begun))
    return id


def test_the_newest_alert_of_each_rule_and_place_stays(pool: ClickHouse) -> None:
    alert(pool, "low", "532622101", 75, 74)
    ends_lately = alert(pool, "low", "532622101", 70, 2)
    fires_still = alert(pool, "low", "532622102", 79, None)
    ended_long_ago = alert(pool, "low", "532622103", 79, 78)
    told = alert(pool, FEED_STOPPED, "532622", 79, 78), alert(pool, FEED_STOPPED, "532622", 70, 69)
    assert drop(pool, NOW) == {"alert_notice": 1, "alert_log": 2}
    left = {id for (id,) in pool.query("SELECT alert_id FROM alert_log")}
    assert left == {ends_lately, fires_still, ended_long_ago, *told}
    assert {id for (id,) in pool.query("SELECT alert_id FROM alert_notice")} == left


def test_a_notice_of_several_alerts_stays_for_the_last_of_them(pool: ClickHouse) -> None:
    over, again, fires = (
        alert(pool, "low", place, begun, ended)
        for place, begun, ended in (
            ("532622101", 79, 78),
            ("532622101", 70, 2),
            ("532622102", 79, None),
        )
    )
    gone = alert(pool, "high", "532622101", 79, 78)
    alert(pool, "high", "532622101", 70, 2)
    pool.query("TRUNCATE TABLE alert_notice")
    notices = {"group": [gone, over, fires], "both over": [over, gone], "new": [gone], "tried lately": [over]}
    ids = {name: uuid4() for name in notices}
    for name, told in notices.items():
        covers = [(one, "firing", ago(78), "low", "532622101", "") for one in told]
        sent = {"alert_id": told[0], "notice_id": ids[name]}
        insert(pool, "alert_notice", **sent, covers=covers, at=ago(2 if name == "new" else 78))
        insert(pool, "alert_notice", **sent, covers=[], attempt=1, at=ago(2 if "late" in name else 77))
    assert drop(pool, NOW)["alert_notice"] == 2
    left = {name for name, id in ids.items() if (id,) in pool.query("SELECT notice_id FROM alert_notice")}
    assert left == {"group", "new", "tried lately"}
    assert again in {id for (id,) in pool.query("SELECT alert_id FROM alert_log")}


async def test_the_keeper_of_the_figures_does_it_once_a_day(pool: ClickHouse) -> None:
    def refused(months: int) -> None:
        insert(pool, "refused_push", id=uuid4(), last_at=ago(months))

    def left() -> int:
        [(rows,)] = pool.query("SELECT count() FROM refused_push")
        return int(rows)

    keeping, clock = False, [NOW]
    one = Housekeeper(retention(pool), lambda: keeping, lambda: clock[0])
    refused(60)
    await one.look()
    assert left() == 1, "it is another worker's"
    keeping = True
    await one.look()
    assert left() == 0
    dropped = metrics.DROPPED.labels("refused_push")._value.get()
    refused(60)
    clock[0] += timedelta(hours=23)
    await one.look()
    assert left() == 1
    clock[0] += timedelta(hours=1)
    await one.look()
    assert left() == 0
    assert metrics.DROPPED.labels("refused_push")._value.get() == dropped + 1


async def test_a_clickhouse_that_refuses_stops_nothing(
    pool: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    pool.query("RENAME TABLE refused_push TO hidden")
    await Housekeeper(retention(pool), lambda: True, lambda: NOW).look()
    assert "is not dropped" in caplog.text


def test_the_page_tells_of_every_table_and_setting() -> None:
    page = (Path(__file__).parents[2] / "docs" / "retention.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"`{rule.table}`" in page
    for name, field in RetentionSettings.model_fields.items():
        if name.startswith("keep_"):
            assert f"| `MINMAI_{name.upper()}` | {field.default} |" in page
