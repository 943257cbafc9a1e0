"""The panel: one figure explained, as it is, as it was, as it was known, down to its records."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.board.county import TODAY, figures, plan
from tests.board.running import RunningBoard
from tests.browser.conftest import BEDS, Open
from tests.browser.test_page import CHILDCARE, COUNTY, TOWN, open_matrix

pytestmark = pytest.mark.browser


def number(text: str) -> str:
    """A decimal of an answer as the page writes it."""
    whole, _, rest = text.partition(".")
    rest = rest.rstrip("0")
    return f"{int(whole):,}{'.' + rest if rest else ''}"


def fact(page: Page, name: str) -> Locator:
    """What the panel says under a name."""
    return page.locator(f".facts dt:has-text('{name}') + dd")


def test_details_by_keyboard(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    open_matrix(page)
    page.mouse.move(0, 0)  # what scrolls under a pointer that rests has its tip as well
    button = page.locator(f"#matrix [data-figure='{CHILDCARE}/{TOWN}']")
    button.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#tip")).to_contain_text("分子 numerator 640")
    expect(page.locator("#tip")).to_contain_text("分母 denominator 129,310")
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_be_visible()
    [figure] = [one for one in figures() if (one.indicator, one.division) == (CHILDCARE, TOWN)]
    for text in (
        "1,000 × 640 ÷ 129,310 ≈ 4.95",
        "县卫生健康局",
        "附件第4项",
        "开放的托育机构",
        "Σ 托位总数 [设施机构: 类别 = 托育机构, 状态 = 开放]",
        figure.reason_zh,
    ):
        expect(panel).to_contain_text(text)
    expect(fact(page, "定义版本")).to_have_text(f"第 1 版（{figure.definition}）", use_inner_text=True)
    expect(panel.locator("#panel-chart canvas")).to_be_visible()
    assert page.url.endswith(f"#{CHILDCARE}/{TOWN}")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


def test_details_have_an_address(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#voucher_issued_value/532622102")
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#panel .big")).to_have_text("742,350.00")
    page.locator("#panel-division").select_option("532622103")
    expect(page.locator("#panel .big")).to_have_text("201,000.00")


def test_the_records_behind_a_figure_have_an_address(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#{BEDS}/{COUNTY}/records")
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#records > li")).to_have_count(20)


def test_the_records_behind_a_figure_page_by_page(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#{BEDS}/{COUNTY}")
    answer: Any = ledger_board.get(f"/v1/indicators/{BEDS}/records", division=COUNTY, limit="1000")
    assert len(answer["records"]) > 20, "too few records for a second page"
    page.locator("#panel-records > summary").click()
    rows = page.locator("#records > li")
    expect(rows).to_have_count(20)
    page.locator("#records-more").click()
    expect(rows).to_have_count(min(40, len(answer["records"])))
    expect(page.locator("#records-total")).to_contain_text(f"合计 {number(answer['total'])}")
    for row, record in zip(rows.all(), answer["records"], strict=False):
        expect(row.locator(".record-head")).to_contain_text(record["name"])
        expect(row.locator(".record-head .num")).to_have_text(number(record["amount"]))
        expect(row).to_contain_text(record["source"])
    first = rows.first
    first.locator("summary").click()
    expect(first.locator(".fields")).to_contain_text(answer["records"][0]["id"])
    expect(first.locator(".fields")).to_contain_text(answer["records"][0]["receipt"])

    page.locator("#records-parts [data-part=denominator]").click()
    below: Any = ledger_board.get(f"/v1/indicators/{BEDS}/records", division=COUNTY, part="denominator")
    expect(page.locator("#records-total")).to_contain_text(f"合计 {number(below['total'])}")
    expect(rows).to_have_count(min(20, len(below["records"])))


def test_a_past_moment_is_read_anew_and_marked(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#{BEDS}/{COUNTY}")
    asked = {"as_of": "2023-11-30", "known_at": "2023-12-15"}

    def expected(**moment: str) -> dict[str, Any]:
        answer = ledger_board.get(f"/v1/indicators/{BEDS}", division=COUNTY, **moment)
        figure: dict[str, Any] = answer["figures"][0]
        return figure

    live, past = expected(), expected(**asked)
    assert live["numerator"] != past["numerator"]
    numerator = fact(page, "分子")
    expect(numerator).to_have_text(number(live["numerator"]))
    panel, note = page.locator("#panel"), page.locator(".moment-note")
    expect(note).to_contain_text("实时")
    page.locator("#panel-known-at").fill(asked["known_at"])
    page.locator("#panel-as-of").fill(asked["as_of"])
    expect(numerator).to_have_text(number(past["numerator"]))
    expect(fact(page, "数据截至")).to_have_text("2023年11月30日", use_inner_text=True)
    expect(panel).to_have_attribute("data-past", "")
    expect(note).to_contain_text("非实时：2023年11月30日那天的数字，截至 2023年12月15日 所知道的")
    page.locator("#panel-records > summary").click()
    expect(page.locator("#records-total")).to_contain_text(f"合计 {number(past['numerator'])}")
    page.locator("#panel-live").click()
    expect(numerator).to_have_text(number(live["numerator"]))
    expect(panel).not_to_have_attribute("data-past", "")
    assert page.locator("#panel-as-of").get_attribute("max") == TODAY.isoformat()


def test_vouchers_are_taken_apart_by_campaign(ledger_board: RunningBoard, open_page: Open) -> None:
    page = open_page(ledger_board, f"/#voucher_issued_value/{COUNTY}")
    assert "voucher_issued_value" in plan().indicators
    page.locator("#panel-breakdown > summary").click()
    groups: Any = ledger_board.get("/v1/indicators/voucher_issued_value/breakdown", by="campaign")
    assert len(groups) == 2
    expect(page.locator("#breakdown tbody tr")).to_have_count(2)
    for group, name in zip(groups, ("七花消费券", "七乡购物节"), strict=True):
        row = page.locator(f"#breakdown tr:has-text('{name}')")
        expect(row.locator(".num")).to_have_text(f"{group['value']:,.2f}")
