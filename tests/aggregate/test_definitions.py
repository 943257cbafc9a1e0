"""Definitions of indicators: what makes one another, which held when, and a keeper with a new one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from schemas.declaration import Change, Indicator, Text
from schemas.parts import RecordsPart
from services.aggregate.keeper import Keeper
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.aggregate.test_keeper import COUNTY, DAY, ISSUED, count, keeper, live, voucher

SPRING, SUMMER = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
CHANGED = Change(day=date(2024, 6, 1), what=Text(zh="按张数计", en="by their number"))


def redefined(plan: Plan, *changes: Change) -> Plan:
    """The plan, with vouchers issued counted instead of added up."""
    parts = [
        RecordsPart.model_validate(
            {"from": "consumption-voucher", "count": True, "where": {"step": "issued"}}
        )
    ]
    changed = {"numerator": parts, "changes": list(changes)}
    one = plan.indicators[ISSUED].model_copy(update=changed)
    return replace(plan, indicators={**plan.indicators, ISSUED: one})


def history(pool: ClickHouse, definition: str) -> list[tuple[date, str]]:
    return pool.query(
        "SELECT day, toString(numerator) FROM indicator_history FINAL WHERE indicator = %(indicator)s"
        " AND division = %(county)s AND definition = %(definition)s ORDER BY day",
        {"indicator": ISSUED, "county": COUNTY, "definition": definition},
    )


def by(pool: ClickHouse) -> set[str]:
    rows = pool.query(
        "SELECT definition FROM indicator_live FINAL WHERE indicator = %(indicator)s", {"indicator": ISSUED}
    )
    return {definition for (definition,) in rows}


def test_words_make_no_other_definition_and_numbers_do(plan: Plan) -> None:
    for one in plan.indicators.values():
        words = {
            "note": Text(zh="另注", en="another"),
            "owner": "某局",
            "definition": Text(zh="说", en="say"),
        }
        assert one.model_copy(update=words).definition_id == one.definition_id
        others = [
            {"scale": one.scale + 1},
            {"decimals": one.decimals + 1},
            {"numerator": [*one.numerator, *one.numerator]},
            {"denominator": [*one.denominator, *one.numerator]},
            {"limits": one.limits.model_copy(update={"high": Decimal(12345)})},
            {"changes": [CHANGED]},
        ]
        if one.target:
            others.append({"target": one.target.model_copy(update={"value": one.target.value + 1})})
        ids = {one.definition_id, *(one.model_copy(update=other).definition_id for other in others)}
        assert len(ids) == len(others) + 1, one.id


def test_a_definition_is_read_back_as_it_was_written_down(plan: Plan) -> None:
    for one in plan.indicators.values():
        again = Indicator.model_validate_json(one.model_dump_json(by_alias=True, exclude_defaults=True))
        assert (again, again.definition_id) == (one, one.definition_id)


async def test_a_new_definition_has_a_history_of_its_own_and_the_former_one_stays(
    pool: ClickHouse, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    await count(pool, "consumption-voucher", voucher(1), voucher(2))
    keeper(pool, plan).refresh(DAY, SPRING)
    before, after = plan, redefined(plan)
    first, second = (one.indicators[ISSUED].definition_id for one in (before, after))
    assert (live(pool)[0], by(pool)) == ("40", {first})
    keeper(pool, after).refresh(DAY, SUMMER)
    assert (live(pool)[0], by(pool)) == ("2", {second})
    assert history(pool, first) == [(DAY, "40")]
    assert history(pool, second) == [(DAY, "2")]
    rows = pool.query(
        "SELECT definition, since FROM indicator_definition WHERE indicator = %(indicator)s ORDER BY since",
        {"indicator": ISSUED},
    )
    assert [(one, since.replace(tzinfo=UTC)) for one, since in rows] == [(first, SPRING), (second, SUMMER)]
    assert f"{ISSUED}: its definition was {first} and is {second}" in caplog.text
    # Written down under `changes` it is another number, and nobody is warned.
    caplog.clear()
    written = redefined(plan, CHANGED)
    keeper(pool, written).refresh(DAY, SUMMER)
    assert by(pool) == {written.indicators[ISSUED].definition_id}
    assert by(pool).pop().startswith("2.")
    assert "its definition was" not in caplog.text
    # Back again: the history under the first one is brought up to what has come since.
    await count(pool, "consumption-voucher", voucher(3))
    keeper(pool, plan).refresh(DAY, SUMMER)
    assert history(pool, first) == [(DAY, "60")]


async def test_another_keeper_prepares_beside_and_takes_over_what_came_meanwhile(
    pool: ClickHouse, plan: Plan
) -> None:
    old, new = keeper(pool, plan), Keeper(pool, redefined(plan), uuid4().hex)
    await count(pool, "consumption-voucher", voucher(1))
    old.refresh(DAY)
    new.prepare()
    await count(pool, "consumption-voucher", voucher(2))
    old.refresh(DAY)
    assert live(pool)[0] == "40", "the one that keeps goes on while another prepares"
    new.take_over()
    await count(pool, "consumption-voucher", voucher(3))
    old.refresh(DAY)
    assert live(pool)[0] == "40", "it writes nothing once another has taken over"
    new.refresh(DAY)
    assert live(pool)[0] == "3"
    assert history(pool, redefined(plan).indicators[ISSUED].definition_id) == [(DAY, "3")]


async def test_what_the_former_keeper_wrote_while_another_prepared_is_held_against_the_records(
    pool: ClickHouse, plan: Plan
) -> None:
    old, new = keeper(pool, plan), Keeper(pool, plan, uuid4().hex)
    await count(pool, "consumption-voucher", voucher(1))
    old.refresh(DAY)
    new.prepare()
    pool.query(
        "INSERT INTO indicator_history SELECT * REPLACE ('2024-04-30' AS day, 99 AS numerator,"
        " version + 1 AS version) FROM indicator_history WHERE indicator = %(one)s AND division = %(county)s",
        {"one": ISSUED, "county": COUNTY},
    )
    new.take_over()
    new.refresh(DAY)
    wanted = [(date(2024, 4, 30), None), (DAY, "20")]
    assert history(pool, plan.indicators[ISSUED].definition_id) == wanted


def test_a_rebuild_is_said_to_be_shown_by_a_keeper_that_began_after_it_was_asked_for(
    pool: ClickHouse, plan: Plan
) -> None:
    def said() -> list[str]:
        return [one for (one,) in pool.query("SELECT said FROM rebuild ORDER BY at")]

    old = keeper(pool, plan)
    old.refresh(DAY)
    assert not old.asked_anew()
    pool.insert("rebuild", {"id": [uuid4()], "said": ["asked"], "by": ["somebody"]})
    assert old.asked_anew()
    old.refresh(DAY)
    assert said() == ["asked"], "it has not read everything since"
    new = keeper(pool, plan)
    assert not new.asked_anew()
    new.refresh(DAY)
    assert said() == ["asked", "shown"]
    assert not old.asked_anew()
