"""The API of dashboards: every panel of every one, as its declaration says, from the tables as they are."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.board.panels import asking
from services.board.panels.every import dashboards
from services.platform import clickhouse as platform
from services.platform.settings import Common
from tests.board.county import UPDATED, figures, plan, write_figures
from tests.board.test_api import application

CHILDCARE = "childcare_places_per_1000"
COUNTY, TOWN = "532622", "532622101"
YEAR = {"from": "2023-06-01", "to": "2024-05-31"}
TREND = f"/v1/dashboards/childcare_education/panels/{CHILDCARE}-trend"


@pytest.fixture(scope="module")
def api(county: Common) -> TestClient:
    return application(county.model_copy(update={"clock": "event"}))


@pytest.fixture
def own(settings: Common) -> TestClient:
    return application(settings)


def get(api: TestClient, path: str, **params: str) -> Any:
    response = api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def panels() -> Iterator[tuple[str, Any]]:
    return ((whole.id, panel) for whole in dashboards(plan()) for panel in whole.panels)


def test_dashboards_are_as_declared_and_say_no_statement(api: TestClient) -> None:
    text = api.get("/v1/dashboards").text
    assert "SELECT" not in text
    told = get(api, "/v1/dashboards")["dashboards"]
    assert [one["id"] for one in told] == [one.id for one in dashboards(plan())]
    for one, declared in zip(told, dashboards(plan()), strict=True):
        assert one["title"] == declared.title.model_dump()
        assert (one["choices"], one["span"], one["refresh"]) == (
            list(declared.choices),
            declared.span,
            declared.refresh,
        )
        for section, wanted in zip(one["sections"], declared.sections, strict=True):
            assert section["title"] == wanted.title.model_dump()
            for panel, whole in zip(section["panels"], wanted.panels, strict=True):
                for name in ("id", "kind", "link", "every", "width", "height"):
                    assert panel[name] == getattr(whole, name)
                assert [column["name"] for column in panel["columns"]] == [
                    column.name for column in whole.columns
                ]
    [trend] = [
        panel
        for one in told
        for section in one["sections"]
        for panel in section["panels"]
        if panel["id"] == f"{CHILDCARE}-trend"
    ]
    assert trend["columns"][1] == {
        "name": "value",
        "title": {"zh": "现值", "en": "value"},
        "unit": plan().indicators[CHILDCARE].unit.zh,
        "decimals": plan().indicators[CHILDCARE].decimals,
        "words": {},
        "link": "",
        "colour": "blue",
        "thresholds": [],
    }


def test_every_panel_answers_with_its_columns(api: TestClient) -> None:
    for dashboard, panel in panels():
        answer = get(api, f"/v1/dashboards/{dashboard}/panels/{panel.id}", **YEAR)
        assert list(answer) == ["columns", "rows", "from", "to", "step", "at"]
        assert answer["columns"] == [column.name for column in panel.columns], (dashboard, panel.id)
        assert all(len(row) == len(panel.columns) for row in answer["rows"])
        assert (answer["from"], answer["to"]) == ("2023-05-31T16:00:00Z", "2024-05-31T16:00:00Z")
        for row in answer["rows"]:
            for column, value in zip(panel.columns, row, strict=True):
                if column.decimals is not None:
                    assert value is None or isinstance(value, int | float), (panel.id, column.name, value)
                if column.name == "time":
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value)


def test_a_trend_is_what_the_history_says(api: TestClient) -> None:
    answer = get(api, TREND, **YEAR)
    told = get(api, f"/v1/indicators/{CHILDCARE}/history", division=COUNTY, **YEAR)
    assert [row[1] for row in answer["rows"][:-1]] == [point["value"] for point in told["points"]]
    assert answer["rows"][0][0] == answer["from"]
    assert {row[2] for row in answer["rows"]} == {4.5}
    assert answer["step"] == 86_400


def test_what_is_not_known_is_null_and_what_is_exact_a_number(api: TestClient) -> None:
    answer = get(api, "/v1/dashboards/county/panels/firing")
    rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
    [gone] = [row for row in rows if row["rule"] == "forgotten_rule"]
    assert (gone["value"], gone["threshold"]) == (None, 1.0)
    [low] = [row for row in rows if row["rule"] == "childcare_places_below_target"]
    assert datetime.fromisoformat(low["changed_at"]) < UPDATED


def test_a_division_and_an_indicator_are_chosen_where_they_can_be(api: TestClient) -> None:
    path = "/v1/dashboards/division/panels/trend"
    town = get(api, path, division=TOWN, indicator=CHILDCARE, **YEAR)
    told = get(api, f"/v1/indicators/{CHILDCARE}/history", division=TOWN, **YEAR)
    assert town["rows"][-2][1] == told["points"][-1]["value"]
    first = next(iter(plan().indicators))
    assert get(api, path, **YEAR) == get(api, path, division=COUNTY, indicator=first, **YEAR)
    assert get(api, path, **YEAR)["rows"] != town["rows"]
    # Where nothing can be chosen nothing is.
    assert get(api, TREND, division="999", **YEAR) == get(api, TREND, **YEAR)


def test_the_board_s_clock_tells_now_and_the_machine_s_what_was_received(api: TestClient) -> None:
    answer = get(api, "/v1/dashboards/county/panels/counts", **{"from": "now-2d"})
    assert datetime.fromisoformat(answer["at"]) == UPDATED  # the newest event
    assert (answer["from"], answer["to"]) == ("2024-05-29T06:30:00Z", "2024-05-31T06:30:00Z")
    received = get(api, "/v1/dashboards/feeds/panels/pushed")
    assert datetime.fromisoformat(received["at"]) > UPDATED.replace(year=2025)
    assert get(api, "/v1/dashboards")["dashboards"][-1]["times"] == "receipt"


def test_who_has_it_already_is_told_so(own: TestClient, tables: platform.ClickHouse) -> None:
    path = "/v1/dashboards/county/panels/counts"
    first = own.get(path, params=YEAR)
    again = own.get(path, params=YEAR, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    newer = [
        one.model_copy(update={"version": 101, "status": "met"})
        for one in figures()
        if one.division == COUNTY and one.target is not None
    ]
    write_figures(tables, "indicator_live", newer)
    changed = own.get(path, params=YEAR, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert sum(changed.json()["rows"][0]) == sum(first.json()["rows"][0])
    assert changed.json()["rows"] != first.json()["rows"]


def test_it_is_compressed_for_who_takes_it_so(api: TestClient) -> None:
    path = "/v1/dashboards/county/panels/wall"
    packed = api.get(path, params=YEAR)
    plain = api.get(path, params=YEAR, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/v1/dashboards/nowhere/panels/counts", {}, 404),
        ("/v1/dashboards/county/panels/nothing", {}, 404),
        ("/v1/dashboards/county/panels/counts", {"from": "long ago"}, 422),
        ("/v1/dashboards/county/panels/counts", {"from": "now", "to": "now-1h"}, 422),
        ("/v1/dashboards/division/panels/trend", {"division": "' OR 1 = 1"}, 404),
        ("/v1/dashboards/division/panels/trend", {"indicator": "' OR 1 = 1"}, 404),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    api: TestClient, path: str, params: dict[str, str], status: int
) -> None:
    response = api.get(path, params=params)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert " · " in response.json()["detail"]


@pytest.mark.parametrize(
    ("limit", "status"),
    [({"max_result_rows": 1}, 422), ({"max_rows_to_read": 1}, 422), ({"max_memory_usage": 1}, 503)],
)
def test_a_panel_that_is_too_much_is_refused(
    own: TestClient,
    tables: platform.ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
    limit: dict[str, int],
    status: int,
) -> None:
    monkeypatch.setattr(asking, "LIMITS", {**asking.LIMITS, **limit})
    response = own.get(TREND, params=YEAR)
    assert response.status_code == status, response.text
    assert ("retry-after" in response.headers) == (status == 503)


def test_a_panel_s_statement_cannot_write(tables: platform.ClickHouse) -> None:
    with pytest.raises(platform.ServerException, match="readonly"):
        tables.table("INSERT INTO keeper (term, worker) SELECT 1, 'x'", settings=asking.LIMITS)


def test_answers_are_counted(own: TestClient, tables: platform.ClickHouse) -> None:
    own.get("/v1/dashboards/county/panels/counts", params=YEAR)
    own.get("/v1/dashboards/county/panels/counts", params={**YEAR, "from": "2024-01-01"})
    text = own.get("/metrics").text
    assert 'minmai_board_panel_answers_total{by="statement"} 2.0' in text
    assert 'minmai_board_panel_statement_seconds_count{dashboard="county",outcome="answered"} 2.0' in text
