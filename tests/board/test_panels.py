"""Every panel's query on the real engine: with data, with none, over ranges of time; what it gives is what
its kind needs, whether Grafana shows it or we do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from services.board import lexicon
from services.board.panels.every import dashboards
from services.board.panels.figures import aims
from services.board.panels.model import Asked, Panel, filled
from services.board.panels.words import DIVISION_TITLE
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common
from tests.board.county import TODAY, UPDATED, fill, plan, write_alerts
from tests.board.pipeline_rows import LATE, write_pipeline
from tests.support.clickhouse import ClickHouse

CHILDCARE = "childcare_places_per_1000"
COUNTY = "532622"
NUMBER = ("Int", "UInt", "Float", "Decimal")
YEAR = Asked(UPDATED - timedelta(days=365), UPDATED + timedelta(days=1), 86_400, COUNTY, CHILDCARE)
HOURS = Asked(UPDATED - timedelta(hours=3), UPDATED + timedelta(hours=3), 60, COUNTY, CHILDCARE)
AGES_AGO = Asked(datetime(1999, 1, 1, tzinfo=UTC), datetime(1999, 2, 1, tzinfo=UTC), 3600, COUNTY, CHILDCARE)
TOWNSHIP = Asked(YEAR.begin, YEAR.end, 3600, "532622101", CHILDCARE)
NAMED = {HOURS: "$__", AGES_AGO: "$__", TOWNSHIP: "${division:"}
"""What a statement names that makes it worth being asked again."""
Row = dict[str, object]


def qingxi() -> Plan:
    return load_plan(Path(__file__).parents[1] / "plans" / "qingxi")


@pytest.fixture(scope="module")
def databases(clickhouse: ClickHouse) -> Iterator[dict[str, platform.ClickHouse]]:
    """An empty database and one with a county's figures."""
    pools = {}
    for name in ("panels_empty", "panels_filled"):
        with clickhouse.client() as client:
            client.execute(f"CREATE DATABASE {name}")
        settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name)
        migrate(settings)
        pools[name.removeprefix("panels_")] = platform.ClickHouse(settings)
    fill(pools["filled"])
    write_alerts(pools["filled"])
    write_pipeline(pools["filled"])
    yield pools
    for pool in pools.values():
        pool.close()


def panel(dashboard: str, id: str) -> Panel:
    [whole] = [one for one in dashboards(plan()) if one.id == dashboard]
    [found] = [one for one in whole.panels if one.id == id]
    return found


def rows(pool: platform.ClickHouse, dashboard: str, id: str, asked: Asked = YEAR) -> list[Row]:
    return pool.rows(filled(panel(dashboard, id).sql, asked))


def number(kind: str) -> bool:
    return kind.removeprefix("Nullable(").startswith(NUMBER)


def check(client: Client, one: Panel, asked: Asked) -> int:
    """Run a panel's query; how many rows it has given."""
    sql = filled(one.sql, asked)
    data, described = client.execute(sql, with_column_types=True)
    kinds = dict(described)
    assert list(kinds) == [column.name for column in one.columns]
    found = [dict(zip(kinds, row, strict=True)) for row in data]
    first, *others = kinds
    if one.kind == "stat":
        assert len(found) == 1
        assert all(map(number, kinds.values())), kinds
    elif one.kind == "time_series":
        assert first == "time"
        assert kinds["time"].startswith("DateTime")
        assert others
        assert all(number(kinds[name]) for name in others), kinds
        times = [row["time"] for row in found]
        assert times == sorted(times)
        if isinstance(one.every, int):
            gaps = [later - sooner for sooner, later in pairwise(times)]
            assert min(gaps, default=timedelta.max) >= timedelta(seconds=one.every)
        assert all(
            asked.begin <= (time if time.tzinfo else time.replace(tzinfo=UTC)) <= asked.end for time in times
        )
    elif one.kind == "bar":
        assert kinds[first].endswith("String)") or kinds[first] == "String"
        assert others
        assert all(number(kinds[name]) for name in others), kinds
    elif one.kind == "state_wall":
        assert set(kinds.values()) == {"String"}
        for row in found:
            for column in one.columns[1:]:
                assert row[column.name] in {*column.words, ""}
    # A moment says of which zone it is: without one it would be read by the reader's own clock.
    assert all("'" in kind for kind in kinds.values() if "DateTime" in kind), kinds
    for column in one.columns:
        # What is rounded, has a unit or a threshold is a number; words stand for texts.
        if column.decimals is not None or column.unit or column.thresholds:
            assert number(kinds[column.name]), column
        if column.words and one.kind != "table":
            assert not number(kinds[column.name]), column
    return len(found)


@pytest.mark.parametrize(
    ("state", "asked"),
    [("empty", YEAR), ("filled", YEAR), ("filled", HOURS), ("filled", AGES_AGO), ("filled", TOWNSHIP)],
    ids=["nothing", "year", "hours", "ages-ago", "township"],
)
def test_every_query_gives_what_its_kind_needs(
    databases: dict[str, platform.ClickHouse], clickhouse: ClickHouse, state: str, asked: Asked
) -> None:
    client = clickhouse.client(f"panels_{state}")
    seen: dict[tuple[str, str], int] = {}
    wrong: list[str] = []
    for whole in dashboards(plan()):
        for one in whole.panels:
            # What leaves nothing open is the same whatever is asked.
            if asked is YEAR or (NAMED[asked] in one.sql):
                try:
                    seen[whole.id, one.id] = check(client, one, asked)
                except (AssertionError, Error) as error:
                    wrong.append(f"{whole.id}/{one.id}: {error}"[:600])
    client.disconnect()
    assert seen
    assert not wrong, "\n".join(wrong)
    if (state, asked) == ("filled", YEAR):
        assert not [name for name, count in seen.items() if not count], "each is seen with rows"


@pytest.mark.usefixtures("databases")
def test_another_county_has_its_own(clickhouse: ClickHouse) -> None:
    every = dashboards(qingxi())
    assert [one.id for one in every] == EVERY_OF_QINGXI
    said = "".join(one.sql for whole in every for one in whole.panels)
    assert "532622" not in said
    assert "990101" in said
    with clickhouse.client("panels_empty") as client:
        for whole in every:
            for one in whole.panels:
                check(client, one, YEAR)


EVERY_OF_QINGXI = [
    *("county", "elder_care", "sports_culture", "support"),
    *("tasks", "division", "feeds", "pipeline"),
]


@pytest.mark.usefixtures("databases")
def test_a_plan_that_has_hardly_begun_has_dashboards(clickhouse: ClickHouse) -> None:
    bare = replace(plan(), indicators={}, tasks={}, rules={}, feeds={})
    every = dashboards(bare)
    assert [one.id for one in every] == ["county", "feeds", "pipeline"]
    with clickhouse.client("panels_filled") as client:
        for whole in every:
            for one in whole.panels:
                check(client, one, YEAR)


def test_the_counts_are_those_of_the_figures(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    [counts] = rows(pool, "county", "counts")
    assert sum(counts.values()) == len(aims(plan())) == 37  # type: ignore[arg-type]
    live = pool.rows(
        "SELECT status, count() AS n FROM indicator_live FINAL WHERE division = %(county)s "
        "AND indicator IN %(aims)s GROUP BY status",
        {"county": COUNTY, "aims": tuple(one.id for one in aims(plan()))},
    )
    assert {name: n for name, n in counts.items() if n} == {row["status"]: row["n"] for row in live}
    [nothing] = rows(databases["empty"], "county", "counts")
    assert {name: n for name, n in nothing.items() if n} == {"no_data": 37}


def test_the_wall_has_every_target_everywhere(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    found = rows(pool, "county", "wall")
    assert [row["indicator"] for row in found] == [one.id for one in aims(plan())]
    live = {
        (row["indicator"], f"d{row['division']}"): row["status"]
        for row in pool.rows("SELECT indicator, division, status FROM indicator_live FINAL")
    }
    for row in found:
        for name, status in row.items():
            if name != "indicator":
                assert status == live.get((row["indicator"], name), ""), (row["indicator"], name)
    for row in rows(databases["empty"], "county", "wall"):
        townships = "township" in plan().indicators[str(row["indicator"])].levels
        assert set(row.values()) - {row["indicator"]} == {"no_data"} | ({""} if not townships else set())


def test_what_will_be_missed_is_what_the_figures_say(databases: dict[str, platform.ClickHouse]) -> None:
    found = rows(databases["filled"], "county", "missed")
    statuses = [str(row["status"]) for row in found]
    assert set(statuses) == {"missed", "off_track", "behind"}
    assert statuses == sorted(statuses, key=["missed", "off_track", "behind"].index)
    for row in found:
        assert row["indicator"] == row["owner"] == row["unit"]


def test_what_changed_today_is_today_s_step(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    found = {str(row["indicator"]): row for row in rows(pool, "county", "changed")}
    history = pool.query(
        "SELECT day, value FROM indicator_history FINAL WHERE indicator = %(one)s AND division = %(county)s "
        "ORDER BY day DESC LIMIT 2",
        {"one": CHILDCARE, "county": COUNTY},
    )
    [(day, value), (_before, former)] = history
    assert day == TODAY
    row = found[CHILDCARE]
    assert (row["before"], row["value"]) == (former, value)
    assert row["change"] == pytest.approx(value - former)


def test_a_trend_begins_and_ends_with_what_held_then(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    theme = plan().indicators[CHILDCARE].theme
    history = pool.query(
        "SELECT toDateTime(day, 'Asia/Shanghai'), value FROM indicator_history FINAL "
        "WHERE indicator = %(one)s AND division = %(county)s ORDER BY day",
        {"one": CHILDCARE, "county": COUNTY},
    )
    for asked in (YEAR, Asked(YEAR.begin, UPDATED - timedelta(days=50))):
        found = rows(pool, theme, f"{CHILDCARE}-trend", asked)
        known = [(time, value) for time, value in history if time <= asked.end]
        carried = [value for time, value in known if time <= asked.begin][-1]
        assert (found[0]["time"], found[0]["value"]) == (asked.begin, carried)
        assert found[-1]["value"] == known[-1][1]
        inside = [(time, value) for time, value in known if time > asked.begin]
        assert [(row["time"], row["value"]) for row in found[1:-1]] == inside
        assert found[-1]["time"] > found[-2]["time"]


def test_vouchers_by_the_minute_leave_out_what_is_withdrawn(
    databases: dict[str, platform.ClickHouse],
) -> None:
    [row] = rows(databases["filled"], "vouchers", "voucher-minutes")
    assert (row["time"], row["issued"], row["redeemed"]) == (LATE.replace(second=0), 50.0, 30.0)


def test_vouchers_of_a_range_are_those_of_its_hours(databases: dict[str, platform.ClickHouse]) -> None:
    pool = databases["filled"]
    for asked in (YEAR, HOURS):
        [whole] = rows(pool, "vouchers", "voucher-totals", asked)
        hours = rows(pool, "vouchers", "voucher-hours", asked)
        for step in ("issued", "redeemed"):
            assert whole[step] == pytest.approx(sum(row[step] for row in hours))  # type: ignore[misc]
            assert whole[step]
        for id in ("voucher-sectors", "voucher-townships"):
            found = rows(pool, "vouchers", id, asked)
            assert sum(row["issued"] for row in found) == pytest.approx(whole["issued"])  # type: ignore[misc]


def test_every_task_is_there_and_a_withdrawn_report_is_none(
    databases: dict[str, platform.ClickHouse],
) -> None:
    found = rows(databases["filled"], "tasks", "tasks")
    assert [row["number"] for row in found] == sorted(plan().tasks)
    told = {row["number"]: (row["status"], row["percent"]) for row in found}
    assert (told[1], told[2], told[3]) == (("on_schedule", 45), ("delayed", 10), ("not_reported", None))
    [counts] = rows(databases["filled"], "tasks", "counts")
    assert {name: n for name, n in counts.items() if n} == {
        **{"on_schedule": 1, "delayed": 1},
        "not_reported": len(plan().tasks) - 2,
    }


def test_a_promise_of_which_nothing_came_is_a_feed_too(databases: dict[str, platform.ClickHouse]) -> None:
    found = rows(databases["empty"], "feeds", "feeds")
    assert {row["promise"] for row in found} == set(plan().feeds)
    assert {row["records"] for row in found} == {0}
    assert {row["silent"] for row in found} == {None}


def test_a_feed_is_silent_up_to_the_end_of_the_range(databases: dict[str, platform.ClickHouse]) -> None:
    """That is now by the county's clock: in a demo the machine's is years ahead."""
    told = [row for row in rows(databases["filled"], "feeds", "feeds") if row["received_at"]]
    assert told
    for row in told:
        assert row["silent"] == max(0, int((YEAR.end - row["received_at"]).total_seconds()))


def test_what_was_refused_is_a_share_of_what_came(databases: dict[str, platform.ClickHouse]) -> None:
    [row] = rows(databases["filled"], "feeds", "pushed")  # of a feed's receipt the fullest holds
    assert (row["accepted"], row["duplicate"], row["rejected"]) == (15, 3, 8)
    assert row["share"] == pytest.approx(100 * 8 / 26)
    [nothing] = rows(databases["empty"], "feeds", "pushed")
    assert nothing["share"] is None
    letters = rows(databases["filled"], "feeds", "reasons")
    assert [tuple(row.values()) for row in letters] == [("unknown_division", 2), ("type", 1)]


def test_freshness_is_until_a_block_was_shown_first(databases: dict[str, platform.ClickHouse]) -> None:
    [row] = rows(databases["filled"], "pipeline", "freshness")
    assert (row["slowest"], row["median"]) == (4.0, 3.0)
    assert rows(databases["empty"], "pipeline", "waiting") == [{"blocks": 0, "longest": 0.0}]


def test_no_panel_asks_for_what_may_be_a_secret_or_about_people() -> None:
    for whole in dashboards(plan()):
        for one in whole.panels:
            assert not re.search(r"SELECT \*", one.sql), (whole.id, one.id)
            for column in ("recipient", "payload", "raw", "remote", "merchant_id", "address"):
                assert not re.search(rf"\b{column}\b", one.sql), (whole.id, one.id)


def test_a_statement_names_nothing_that_is_not_put_in() -> None:
    with pytest.raises(ValueError, match="timeFilter"):
        filled("SELECT 1 WHERE $__timeFilter(time)", YEAR)
    with pytest.raises(ValueError, match="no code"):
        filled("SELECT ${division:sqlstring}", Asked(YEAR.begin, YEAR.end, division="' OR 1"))


def test_ids_and_places_are_fixed_and_fit() -> None:
    every = dashboards(plan())
    assert len({one.id for one in every}) == len(every)
    for whole in every:
        ids = [one.id for one in whole.panels]
        assert len(set(ids)) == len(ids), whole.id
        for section in whole.sections:
            across = 0
            for one in section.panels:
                across += one.width
                assert across <= 24, (whole.id, one.id)
                across %= 24
            assert across == 0, (whole.id, section.title.zh)
        chosen = {
            name for name in ("division", "indicator") if any(f"${{{name}:" in p.sql for p in whole.panels)
        }
        assert chosen == set(whole.choices), whole.id


def test_links_lead_to_figures_that_there_are() -> None:
    for whole in dashboards(plan()):
        for one in whole.panels:
            names = {column.name for column in one.columns}
            for link in (one.link, *(column.link for column in one.columns)):
                for row in re.findall(r"\{row:(\w+)\}", link):
                    assert row in names, (whole.id, one.id, link)
                open_ones = set(re.findall(r"\{(\w+)\}", link))
                assert open_ones - {"value"} <= set(whole.choices), (whole.id, one.id, link)
                figure, _, place = re.sub(r"\{[\w:]+\}", "", link).removesuffix("/records").partition("/")
                assert figure in {"", "tasks", *plan().indicators}, (whole.id, one.id, link)
                assert place in {"", *plan().divisions}, (whole.id, one.id, link)
            bar_of_places = one.kind == "bar" and one.columns[0].title == DIVISION_TITLE
            if bar_of_places or one.kind == "state_wall":
                assert all(column.link for column in one.columns[: 1 if bar_of_places else None])


def test_every_text_is_in_both_languages_and_from_the_plan_where_it_has_one() -> None:
    for whole in dashboards(plan()):
        for one in whole.panels:
            for text in (whole.title, one.title, *(column.title for column in one.columns)):
                assert text.zh
                assert text.en
            assert "达标" not in one.sql
            assert not any(indicator.name.zh in one.sql for indicator in plan().indicators.values())


def test_the_page_says_the_same_words() -> None:
    """If this fails, run `make generate`."""
    assert lexicon.FILE.read_text(encoding="utf-8") == lexicon.module()
