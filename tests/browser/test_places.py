"""From a township to one record in a real browser: what stands there is what the API answers."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from services.platform import clickhouse as platform
from tests.board import ledger, places_judge
from tests.board.county import UPDATED, figures, plan
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.browser.test_page import COUNTY, TOWN
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

STANDING = {"holds": "现行", "followed": "已被接替", "corrected": "已被更正", "withdrawn": "已撤回"}


def listed(board: RunningBoard, division: str = TOWN, **asked: str) -> list[dict[str, Any]]:
    answer = board.get("/v1/facilities", division=division, limit="1000", **asked)
    facilities: list[dict[str, Any]] = answer["facilities"]
    return facilities


def facility_rows(page: Page) -> Locator:
    return page.locator("[data-view=township] .kinds ~ .grid-box tbody tr")


def busiest(board: RunningBoard) -> dict[str, Any]:
    """A facility of the township with a withdrawn record among others, and all its records."""
    answers = [board.get(f"/v1/facilities/{one['id']}") for one in listed(board, COUNTY)]
    return next(
        answer
        for answer in sorted(answers, key=lambda answer: -answer["total"])
        if {"withdrawn", "followed", "holds"} <= {one["standing"] for one in answer["records"]}
    )


def test_a_township_has_its_figures_facilities_and_feeds(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#township/{TOWN}")
    expect(page.locator("#h-township")).to_have_text("江那镇")
    answer = ledger_board.get("/v1/indicators", division=TOWN)
    kept = [one for one in answer["indicators"] if "township" in one["declaration"]["levels"]]
    expect(page.locator(".town-table tbody tr")).to_have_count(len(kept))
    for one in kept:
        [figure] = one["figures"]
        row = page.locator(f".town-table tr:has([data-figure='{one['declaration']['id']}/{TOWN}'])")
        expect(row).to_have_attribute("data-status", figure["status"])
    expect(facility_rows(page)).to_have_count(len(listed(ledger_board)))
    place = ledger_board.get(f"/v1/divisions/{TOWN}")
    total = sum(one["facilities"] for one in place["facilities"])
    expect(page.locator(".kinds button[data-kind=''] b")).to_have_text(str(total))
    feeds = page.locator("[data-view=township] .town-part").last.locator("tbody tr")
    expect(feeds).to_have_count(len(place["feeds"]))
    for row, feed in zip(feeds.all(), place["feeds"], strict=True):
        expect(row).to_contain_text(feed["source"])
        expect(row).to_contain_text(f"{feed['records']:,}")
    page.locator(f".town-table [data-figure='medical_beds_per_1000/{TOWN}']").click()
    expect(page.locator("#panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{ledger_board.url}/#township/{TOWN}")


def test_facilities_are_narrowed_down_and_searched(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#township/{COUNTY}")
    kind = page.locator(".kinds [data-kind=medical]")
    kind.click()
    expect(kind).to_have_attribute("aria-pressed", "true")
    medical = listed(ledger_board, COUNTY, kind="medical")
    expect(facility_rows(page)).to_have_count(len(medical))
    find = page.locator("[data-view=township] .kinds ~ .grid-box input[type=search]")
    find.fill("medical-0")
    wanted = [one for one in medical if one["id"].startswith("medical-0")]
    expect(facility_rows(page)).to_have_count(len(wanted))
    with page.expect_download() as saved:
        page.locator("[data-view=township] .download", has_text="CSV").click()
    rows = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) > len(medical)
    assert sum(row.startswith("medical-") for row in rows) == len(medical)
    find.fill("")
    kind.click()
    expect(facility_rows(page)).to_have_count(len(listed(ledger_board, COUNTY)))


def test_a_facility_and_every_record_of_it(ledger_board: RunningBoard, open_page: Open) -> None:
    answer = busiest(ledger_board)
    town = answer["facility"]["division"][:9]
    page = open_page(ledger_board, f"/#township/{town}")
    page.locator(f"[data-view=township] a[href='#facility/{answer['id']}']").click()
    expect(page).to_have_url(f"{ledger_board.url}/#facility/{answer['id']}")
    expect(page.locator("#h-facility")).to_have_text(answer["facility"]["name"])
    expect(page.locator("#h-facility")).to_be_focused()
    items = page.locator(".timeline > li")
    expect(items).to_have_count(answer["total"])
    for item, record in zip(items.all(), answer["records"], strict=True):
        expect(item).to_have_attribute("data-standing", record["standing"])
        expect(item.locator(".standing")).to_contain_text(STANDING[record["standing"]])
        expect(item).to_contain_text(record["source"])
        for withdrawal in record["withdrawals"]:
            expect(item).to_contain_text(withdrawal["reason"])
    first = items.first
    first.locator("summary").click()
    expect(first.locator(".fields")).to_contain_text(answer["records"][0]["receipt"])
    expect(first.locator(".fields")).to_contain_text(answer["records"][0]["id"])
    counted = {one["indicator"] for one in answer["counted"]}
    for id in counted:
        expect(page.locator(f".counted [data-figure^='{id}/']").first).to_be_visible()
    page.locator(".trail a").last.click()
    expect(page.locator("#h-township")).to_have_text(plan().divisions[town].name)


def test_a_record_that_comes_in_is_on_the_page(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, board_broker: Broker
) -> None:
    id = "食堂-1"
    said = {**places_judge.canteen(id, "532622101001", "幸福食堂"), "meals_per_day": 60}
    first = places_judge.event("facility", "r1", said, at=UPDATED - timedelta(days=40))
    ledger.write(tables, [first])
    page = open_page(own_board, f"/#facility/{id}")
    expect(page.locator(".timeline > li")).to_have_count(1)
    expect(page.locator(".timeline")).to_contain_text("首次报告")
    page.locator(".timeline summary").click()
    second = places_judge.event(
        "facility", "r2", said | {"meals_per_day": 90}, at=UPDATED - timedelta(days=3)
    )
    ledger.write(tables, [second | {"receivedtime": UPDATED.isoformat()}], first=1)
    # A figure that changes tells the page that records have come in.
    produce(board_broker.bootstrap, [figures()[0].model_copy(update={"version": 700})])
    expect(page.locator(".timeline > li")).to_have_count(2)
    newest = page.locator(".timeline > li").first
    expect(newest.locator(".changes")).to_have_text(re.compile(r"日均供餐.*60 份.*→.*90 份"))
    expect(page.locator(".timeline summary").last).to_be_focused()  # where the keyboard was
    expect(newest).to_contain_text("迟报 3 天")
    expect(page.locator("details[data-record$='/r1']")).to_have_attribute("open", "")


def test_a_record_behind_a_figure_leads_to_its_facility(ledger_board: RunningBoard, open_page: Open) -> None:
    beds = "medical_beds_per_1000"
    page = open_page(ledger_board, f"/#{beds}/{COUNTY}/records")
    link = page.locator("#records .record-head a").first
    name = link.inner_text()
    link.click()
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#h-facility")).to_have_text(name)
    expect(page).to_have_url(re.compile(r"#facility/medical-\d+$"))


def test_what_there_is_not_is_said(board: RunningBoard, open_page: Open, browser_errors: list[str]) -> None:
    page = open_page(board, "/#facility/nobody")
    expect(page.locator("[data-view=facility] .trouble")).to_contain_text("没有机构 nobody 的记录")
    assert all("404" in error for error in browser_errors)
    browser_errors.clear()
