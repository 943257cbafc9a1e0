"""The tables of the page's own views in a real browser: put in order, searched."""

import pytest
from playwright.sync_api import expect

from services.platform import clickhouse as platform
from tests.board.county import figures, plan
from tests.board.running import RunningBoard
from tests.browser.conftest import Open
from tests.browser.test_details import BEDS
from tests.browser.test_page import CHILDCARE, COUNTY, open_matrix
from tests.browser.test_tasks import report

pytestmark = pytest.mark.browser


def test_townships_are_put_in_order_by_a_figure(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    open_matrix(page)
    names = {division.code: division.name for division in plan().shown_divisions}
    values = {
        names[one.division]: one.value
        for one in figures()
        if one.indicator == CHILDCARE and one.division != COUNTY and one.value is not None
    }
    table = page.locator("#matrix table", has=page.locator(f"[data-figure='{CHILDCARE}/{COUNTY}']"))
    head = table.locator("thead th", has_text=plan().indicators[CHILDCARE].name.zh)
    rows = table.locator("tbody th")
    head.locator("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert rows.all_inner_texts() == ["全县", *sorted(values, key=lambda name: -values[name])]
    head.locator("button").press("Enter")
    assert rows.all_inner_texts() == ["全县", *sorted(values, key=lambda name: values[name])]
    head.locator("button").press("Enter")
    assert rows.all_inner_texts()[1:] == [name for code, name in names.items() if code != COUNTY]


def test_the_townships_table_is_searched_by_indicator(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#townships")
    find = page.locator("#matrix-find")
    find.fill(plan().indicators[CHILDCARE].name.zh)
    expect(page.locator("#matrix thead th:not(.corner):visible")).to_have_count(1)
    expect(page.locator("#matrix .fold:visible")).to_have_count(1)
    find.fill("没有这样的东西")
    expect(page.locator("#matrix-none")).to_contain_text("没有这样的指标")
    find.fill("")
    expect(page.locator("#matrix-none")).to_be_empty()


def test_tasks_are_searched_and_put_in_order(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse
) -> None:
    report(tables, 5, 30, "on_schedule")
    report(tables, 9, 80, "on_schedule", note="已经<完工>八成")
    page = open_page(own_board, "/#tasks")
    rows = page.locator(".task:visible")
    expect(rows).to_have_count(len(plan().tasks))
    page.locator("#task-order").select_option("percent")
    expect(page.locator(".action")).to_have_count(0)
    assert [row.get_attribute("data-task") for row in rows.all()][:2] == ["9", "5"]
    page.locator("#task-order").select_option("reported")
    assert [row.get_attribute("data-task") for row in rows.all()][:2] == ["5", "9"]
    page.locator("#task-find").fill("<完工>")
    expect(rows).to_have_count(1)
    page.locator("#task-find").fill("")
    page.locator("#task-order").select_option("plan")
    expect(page.locator(".action").first).to_be_visible()
    expect(rows).to_have_count(len(plan().tasks))


def test_records_are_searched_and_put_in_order(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#{BEDS}/{COUNTY}/records")
    rows = page.locator("#records > li")
    expect(rows).to_have_count(20)
    page.locator("#records-order").select_option("amount")
    amounts = [float(text.replace(",", "")) for text in rows.locator(".record-head .num").all_inner_texts()]
    assert amounts == sorted(amounts, reverse=True)
    name = rows.nth(3).locator(".record-head b").first.inner_text()
    page.locator("#records-find").fill(name)
    expect(page.locator("#records > li:visible").first).to_contain_text(name)
    assert page.locator("#records > li:visible").count() < 20
