"""The whole page as it was on a day, in a real browser: every view shows that moment, and says so."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from schemas.indicator import Figure
from services.platform import clickhouse as platform
from tests.board.county import TODAY, figures, plan, write_figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY, FOUND, TOWN, open_matrix, shown
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

BEDS = "medical_beds_per_1000"
PAST = {"as_of": "2023-11-30", "known_at": "2023-12-15"}
LISTEN = """() => new Promise((connected) => {
    const stream = new EventSource("/v1/stream");
    stream.addEventListener("source", connected);
    window.__heard = new Promise((heard) =>
        stream.addEventListener("figure", (event) => heard(JSON.parse(event.data).version)));
})"""
"""Resolves when the page listens once more; `__heard` with the version of the first figure that comes."""
SAID = "2023年11月30日的数字，按 2023年12月15日所知"


def answered(board: RunningBoard, **moment: str) -> dict[tuple[str, str], Figure]:
    answer = board.get("/v1/indicators", **moment)
    rows = [Figure.model_validate(row) for one in answer["indicators"] for row in one["figures"]]
    return {(row.indicator, row.division): row for row in rows}


def choose(page: Page, **moment: str) -> None:
    page.locator("#moment-open").click()
    for name, day in moment.items():
        page.locator(f"#moment-{name.replace('_', '-')}").fill(day)
    page.locator(".moment-show").click()


def card(page: Page, indicator: str) -> Any:
    return page.locator(f".card:has([data-figure='{indicator}/{COUNTY}']) .big")


ALERT = {
    **{"indicator": BEDS, "division": COUNTY, "kind": "value", "subject": "", "subject_name": None, "by": ""},
    **{"name": {"zh": "床位不足", "en": "too few beds"}, "severity": "warning", "alert_id": ""},
    **{"state": "firing", "condition": "firing", "held": "", "changed_at": "2023-01-01T00:00:00Z"},
    **{"value": 1.5, "threshold": "7", "reason": "1.5，低于 7", "as_of": "2023-01-01"},
}


def test_the_rail_does_not_tell_a_past_figure_as_that_of_now(
    ledger_board: RunningBoard, open_page: Open
) -> None:
    page = open_page(ledger_board)
    page.route("**/v1/alerts", lambda route: route.fulfill(json={"available": True, "alerts": [ALERT]}))
    page.reload()
    low = page.locator("#alerts li", has_text="床位不足")
    expect(low).to_contain_text("现为")
    choose(page, **PAST)
    expect(low).to_contain_text("1.5，低于 7")
    expect(low).to_contain_text("2023-01-01")
    expect(low).not_to_contain_text("现为")


def test_every_view_shows_the_moment_that_was_chosen(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board)
    live, past = answered(ledger_board), answered(ledger_board, **PAST)
    beds = plan().indicators[BEDS]
    assert shown(beds, live[BEDS, COUNTY]) != shown(beds, past[BEDS, COUNTY])
    expect(card(page, BEDS)).to_have_text(shown(beds, live[BEDS, COUNTY]))
    expect(page.locator("#moment")).to_be_hidden()
    choose(page, **PAST)
    expect(card(page, BEDS)).to_have_text(shown(beds, past[BEDS, COUNTY]))
    expect(page.locator("#moment")).to_contain_text(SAID)
    expect(page.locator("#moment")).to_contain_text("not live")
    expect(page.locator("#as-of")).to_have_attribute("datetime", "2023-11-30")
    expect(page.locator("#connection")).to_contain_text("已连接")
    expect(page.locator(".rail .still-live")).to_be_visible()
    expect(page).to_have_title(re.compile("^非实时"))
    assert "as_of=2023-11-30&known_at=2023-12-15" in page.url

    open_matrix(page)
    found = page.evaluate(FOUND)
    townships = {one.code for one in plan().shown_divisions}
    for (indicator, division), figure in past.items():
        declared = plan().indicators[indicator]
        if "township" in declared.levels and division in townships:
            assert found[f"{indicator}/{division}"] == [shown(declared, figure), figure.status]

    page.locator("[data-tab=map]").click()
    tile = page.locator(f".town-tile[href='#township/{TOWN}']")
    expect(tile.locator(".num")).to_have_text(
        shown(plan().indicators[CHILDCARE], past[CHILDCARE, TOWN]).replace("暂无数据", "—")
    )
    tile.click()
    expect(page.locator("#h-township")).to_have_text("江那镇")
    listed = ledger_board.get("/v1/facilities", division=TOWN, limit="1000", **PAST)["facilities"]
    rows = page.locator("[data-view=township] .kinds ~ .grid-box tbody tr")
    expect(rows).to_have_count(len(listed))
    now = ledger_board.get("/v1/facilities", division=TOWN, limit="1000")["facilities"]

    page.locator("#moment-live").click()
    expect(page.locator("#moment")).to_be_hidden()
    expect(rows).to_have_count(len(now))
    expect(page.locator("#as-of")).to_have_attribute("datetime", str(TODAY))
    assert "known_at" not in page.url
    page.go_back()
    expect(page.locator("#moment")).to_contain_text(SAID)
    expect(page.locator("#as-of")).to_have_attribute("datetime", "2023-11-30")


def test_a_moment_has_an_address(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/?known_at=2023-12-15#{BEDS}/{COUNTY}")
    expect(page.locator("#panel")).to_have_attribute("data-past", "")
    [past] = ledger_board.get(f"/v1/indicators/{BEDS}", division=COUNTY, known_at="2023-12-15")["figures"]
    [live] = ledger_board.get(f"/v1/indicators/{BEDS}", division=COUNTY)["figures"]
    beds = plan().indicators[BEDS]
    big = page.locator("#panel .big")
    expect(big).to_have_text(shown(beds, Figure.model_validate(past)))
    expect(page.locator("#panel-known-at")).to_have_value("2023-12-15")
    page.locator("#panel-live").click()  # of the whole page
    expect(big).to_have_text(shown(beds, Figure.model_validate(live)))
    expect(page.locator("#panel")).not_to_have_attribute("data-past", "")
    page.keyboard.press("Escape")
    expect(page.locator("#moment")).to_be_hidden()
    assert page.url == f"{ledger_board.url}/"


def test_a_panel_may_look_at_yet_another_moment(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/?known_at=2023-12-15#{BEDS}/{COUNTY}")
    page.locator("#panel-known-at").fill("2023-10-31")
    [past] = ledger_board.get(f"/v1/indicators/{BEDS}", division=COUNTY, known_at="2023-10-31")["figures"]
    expect(page.locator("#panel .big")).to_have_text(
        shown(plan().indicators[BEDS], Figure.model_validate(past))
    )
    page.keyboard.press("Escape")
    expect(page.locator("#moment")).to_contain_text("2023年12月15日的看板")


def test_a_day_that_has_not_come_is_refused(
    board: RunningBoard, open_page: Open, browser_errors: list[str]
) -> None:
    page = open_page(board, "/?as_of=2999-01-01")
    expect(page.locator(".moment-refusal")).to_contain_text("2999-01-01 不在")
    expect(page.locator("#moment")).to_be_hidden()
    expect(page.locator(".card").first).to_be_visible()
    assert all("422" in error for error in browser_errors)
    browser_errors.clear()


def test_the_past_stands_still_and_the_way_back_has_what_came_meanwhile(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, board_broker: Broker
) -> None:
    page = open_page(own_board)
    past = answered(own_board, as_of="2024-04-30")[CHILDCARE, COUNTY]
    declaration = plan().indicators[CHILDCARE]
    choose(page, as_of="2024-04-30")
    expect(card(page, CHILDCARE)).to_have_text(shown(declaration, past))
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")
    page.evaluate(LISTEN)
    [before] = [one for one in figures() if (one.indicator, one.division) == (CHILDCARE, COUNTY)]
    changed = before.model_copy(update={"value": 9.5, "status": "met", "version": 900})
    write_figures(tables, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    assert page.evaluate("window.__heard") == 900
    expect(card(page, CHILDCARE)).to_have_text(shown(declaration, past))
    page.locator("#moment-live").click()
    expect(card(page, CHILDCARE)).to_have_text("9.50")
