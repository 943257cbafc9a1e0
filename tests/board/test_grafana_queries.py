"""The queries of Grafana's rules, on the real engine: one row, one number, with data and with none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.rules import RULE, Rule
from services.alerts.log import Log
from services.alerts.rules.limits import Limit
from services.board.grafana import alert_rules, queries
from services.board.grafana.alert_rules import Place
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.plan import Plan
from services.platform.settings import Common
from tests.board.county import fill, plan
from tests.board.grafana_server import GrafanaServer
from tests.support.clickhouse import ClickHouse

COUNTY = "532622"
PLACE = Place(1, "minmai-532622-folder", "minmai-532622-clickhouse", "minmai-532622-", "http://board")
CHILDCARE = "childcare_places_per_1000"
NUMBER = ("Int", "UInt", "Float", "Nullable(Int", "Nullable(UInt", "Nullable(Float")


def rule(**fields: Any) -> Rule:
    name = fields["id"]
    return RULE.validate_python({"name": {"zh": f"规则{name}", "en": f"rule {name}"}, **fields})


BAD = ["missed", "off_track", "met"]
RULES = [
    rule(id="value", indicator=CHILDCARE, levels=["county", "township"], clear_margin=Decimal("0.05")),
    rule(id="status", kind="status", indicator=CHILDCARE, statuses=BAD, levels=["county", "township"]),
    rule(id="forecast", kind="forecast", indicator=CHILDCARE),
    rule(id="exactly", indicator="oversized_classes"),
    rule(id="budget", kind="voucher_budget", budget=Decimal(3_500_000)),
    rule(id="peak", kind="voucher_peak"),
    rule(id="refund", kind="voucher_refund"),
    rule(id="full", kind="childcare_full"),
    rule(id="empty", kind="childcare_empty"),
    rule(id="silent", kind="feed_silent"),
    rule(id="stopped", kind="feed_stopped"),
    rule(id="refused", kind="refused_share"),
    rule(id="lag", kind="lag"),
    rule(id="fresh", kind="freshness"),
]


def with_rules(*rules: Rule) -> Plan:
    return replace(plan(), rules={one.id: one for one in rules})


def sql_of(rules: list[dict[str, Any]]) -> dict[str, str]:
    """The query of each rule, by the rule's id and its division."""
    return {
        f"{one['labels']['minmai_rule']}/{one['labels']['division']}": one["data"][0]["model"]["rawSql"]
        for one in rules
    }


@pytest.fixture(scope="module")
def databases(clickhouse: ClickHouse) -> Iterator[dict[str, platform.ClickHouse]]:
    """An empty database and one with a county's figures."""
    pools = {}
    for name in ("grafana_empty", "grafana_filled"):
        with clickhouse.client() as client:
            client.execute(f"CREATE DATABASE {name}")
        settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name)
        migrate(settings)
        pools[name.removeprefix("grafana_")] = platform.ClickHouse(settings)
    fill(pools["filled"])
    yield pools
    for pool in pools.values():
        pool.close()


QUERIES = sql_of(alert_rules.of(with_rules(*RULES), PLACE)) | sql_of(alert_rules.of(plan(), PLACE))


@pytest.mark.parametrize("state", ["empty", "filled"])
def test_every_query_is_one_number(databases: dict[str, platform.ClickHouse], state: str) -> None:
    pool = databases[state]
    for name, sql in QUERIES.items():
        [(column, kind, *_rest)] = pool.query(f"DESCRIBE ({sql})")
        assert column == "value", name
        assert kind.startswith(NUMBER), (name, kind)
        rows = pool.query(sql)
        assert len(rows) == 1, (name, rows)
        assert len(rows[0]) == 1, (name, rows)
        assert "now" not in sql.lower(), "no window that a late row would miss"


def test_every_kind_of_rule_has_one() -> None:
    assert {name.partition("/")[0] for name in QUERIES} >= {one.id for one in RULES}
    assert sum(name.startswith("value/") for name in QUERIES) == 1 + 11


def test_the_numbers_are_those_of_the_figures(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    live = {
        row["division"]: row
        for row in pool.rows(
            "SELECT division, value, forecast, status FROM indicator_live FINAL WHERE indicator = %(one)s",
            {"one": CHILDCARE},
        )
    }
    assert pool.query(QUERIES[f"value/{COUNTY}"]) == [(live[COUNTY]["value"],)]
    assert live[COUNTY]["forecast"] is not None
    assert pool.query(QUERIES[f"forecast/{COUNTY}"]) == [(live[COUNTY]["forecast"],)]
    for division, row in live.items():
        assert pool.query(QUERIES[f"value/{division}"]) == [(row["value"],)]
    told = {division: pool.query(QUERIES[f"status/{division}"])[0][0] for division in live}
    unknown = ("no_data", "not_applicable", "cannot_say")
    assert told == {
        division: None if row["status"] in unknown else int(row["status"] in BAD)
        for division, row in live.items()
    }
    assert set(told.values()) >= {0, 1}


def test_without_data_there_is_no_number(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["empty"]
    for one in ("value", "status", "forecast"):
        assert pool.query(QUERIES[f"{one}/{COUNTY}"]) == [(None,)]
    for one in ("peak", "silent", "lag"):
        assert pool.query(QUERIES[f"{one}/{COUNTY}"]) == [(0,)]


def change(subject: str, minute: int, condition: str, held: str | None = None) -> AlertChange:
    return AlertChange(
        alert_id=uuid4(),
        state=condition,
        condition=condition,
        held=held,
        severity="warning",
        rule="peak",
        kind="voucher_peak",
        name=Text(zh="峰", en="peak"),
        reason=Text(zh="因", en="why"),
        indicator="",
        indicator_name=Text(zh="峰", en="peak"),
        division=COUNTY,
        division_name="砚山县",
        subject=subject,
        numerator=None,
        denominator=None,
        value=None,
        shown="",
        unit=Text(zh="次", en="times"),
        direction="at_most",
        threshold=Decimal(200),
        clear_level=Decimal(200),
        gap="",
        as_of=datetime(2024, 5, 31, tzinfo=UTC).date(),
        figure_version=minute,
        owner="",
        changed_at=datetime(2024, 5, 31, 6, minute, tzinfo=UTC),
        link="",
    )


def test_rules_of_other_kinds_count_what_fires(clickhouse: ClickHouse, database: str) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=database)
    migrate(settings)
    pool = platform.ClickHouse(settings)
    Log(pool).write(
        [
            change("a", 1, "pending"),
            change("a", 2, "firing"),
            change("b", 1, "firing"),
            change("b", 3, "resolved"),
            change("c", 1, "firing"),
            change("c", 4, "no_data", "firing"),  # silence does not take it back
            change("d", 5, "error", "ok"),
            change("e", 1, "firing"),
            change("e", 5, "recovering"),
            change("f", 5, "pending"),
        ]
    )
    assert pool.query(QUERIES[f"peak/{COUNTY}"]) == [(3,)]  # a, c, e
    pool.close()


MARKS = st.decimals(-10, 10, places=2)


@given(
    direction=st.sampled_from(["at_least", "at_most", "exactly"]),
    threshold=MARKS,
    margin=st.decimals(0, 3, places=2),
    values=st.lists(st.none() | MARKS, max_size=12),
)
def test_a_threshold_expression_decides_as_the_machine_does(
    direction: Any, threshold: Decimal, margin: Decimal, values: list[Decimal | None]
) -> None:
    """Fires beyond the threshold, recovers at the clear level, and by no data does neither."""
    margin = {"at_least": margin, "at_most": -margin, "exactly": Decimal(0)}[direction]
    limit = Limit(direction, threshold, threshold + margin)
    fires, recovers = queries.evaluators(limit)
    server = GrafanaServer.__new__(GrafanaServer)
    condition = {"evaluator": vars(fires), "unloadEvaluator": vars(recovers)}
    server.rules = {"r": {"data": [{}, {"model": {"conditions": [condition]}}]}}
    firing = expected = False
    for value in values:
        firing = server.evaluate("r", None if value is None else float(value), firing)
        if value is not None:
            expected = not limit.cleared_by(Fraction(value)) if expected else limit.broken_by(Fraction(value))
        assert firing == expected
