"""The page in a real browser: what it shows is what the tables hold, and it moves by itself."""

import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from schemas.declaration import Indicator
from schemas.indicator import Figure
from services.platform import clickhouse as platform
from services.platform.settings import Common
from tests.board.county import UPDATED, figures, plan, write_figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / "output" / "screenshots"
CHILDCARE = "childcare_places_per_1000"
COUNTY = "532622"
TOWN = "532622101"
WORDS = {"no_data": "暂无数据", "not_applicable": "不适用"}


def shown(declaration: Indicator, figure: Figure) -> str:
    """What stands in a figure's cell, worked out from the row (none here is just below its target)."""
    if figure.value is None or figure.numerator is None:
        return WORDS[figure.status]
    value = declaration.scale * figure.numerator / (figure.denominator or Decimal(1))
    unit = Decimal(1).scaleb(-declaration.decimals)
    return f"{value.quantize(unit, ROUND_HALF_UP):,}"


def cell(page: Page, indicator: str, division: str) -> str:
    return page.locator(f"#matrix [data-figure='{indicator}/{division}'] .num").inner_text()


def test_the_page_is_the_table(board: RunningBoard, open_page: Open, county: Common) -> None:
    page = open_page(board)
    rows = platform.ClickHouse(county).rows("SELECT * FROM indicator_live FINAL")
    assert len(rows) == 8 * 12
    for row in rows:
        figure = Figure.model_validate(row)
        declaration = plan().indicators[figure.indicator]
        assert cell(page, figure.indicator, figure.division) == shown(declaration, figure)
        button = page.locator(f"#matrix [data-figure='{figure.indicator}/{figure.division}']")
        assert button.get_attribute("data-status") == figure.status
    names = page.locator("#matrix tbody th").all_inner_texts()
    assert names == ["全县", *(division.name for division in plan().shown_divisions[1:])]


def test_each_target_has_its_card_with_status_and_gap(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    county = {figure.indicator: figure for figure in figures() if figure.division == COUNTY}
    aimed = [declaration for declaration in plan().indicators.values() if declaration.target]
    cards = page.locator(".card")
    assert cards.count() == len(aimed)
    for place, declaration in enumerate(aimed):
        card = cards.nth(place)
        figure = county[declaration.id]
        assert declaration.target is not None
        expect(card.locator("h3")).to_contain_text(declaration.name.zh)
        expect(card.locator("h3")).to_contain_text(declaration.name.en)
        expect(card.locator(".big")).to_have_text(shown(declaration, figure))
        expect(card.locator(".promise")).to_contain_text(f"≥ {declaration.target.value}")
        expect(card.locator(".badge")).to_contain_text("达标" if figure.status == "met" else "未达标")
    expect(page.locator(".card .gap").first).to_contain_text("还差 0.07 个/千人")
    expect(page.locator("#tally")).to_contain_text("3达标")
    expect(page.locator("#document")).to_have_text("砚政办发〔2022〕187号")
    expect(page.locator("#as-of")).to_have_text("2024年5月31日")
    expect(page.locator("#synthetic")).to_be_visible()


def test_a_changed_figure_moves_the_page_without_a_reload(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, board_broker: Broker
) -> None:
    page = open_page(own_board)
    page.wait_for_selector("#feeds li")
    page.evaluate("window.__same = true")
    reads: list[str] = []
    page.on("request", lambda request: reads.append(request.url))
    changed = changed_figure(numerator=3000, version=600, status="met")
    write_figures(tables, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    expected = shown(plan().indicators[CHILDCARE], changed)
    expect(page.locator(f"#matrix [data-figure='{CHILDCARE}/{COUNTY}'] .num")).to_have_text(expected)
    card = page.locator(".card").first
    expect(card.locator(".big")).to_have_text(expected)
    expect(card.locator(".badge")).to_contain_text("达标")
    assert card.get_attribute("data-status") == "met"
    expect(page.locator("#tally")).to_contain_text("4达标")
    assert page.evaluate("window.__same") is True
    assert [url for url in reads if url.endswith("/v1/indicators")] == []


def changed_figure(numerator: int, version: int, status: Literal["met", "below"]) -> Figure:
    [before] = [row for row in figures() if (row.indicator, row.division) == (CHILDCARE, COUNTY)]
    assert before.denominator is not None
    return before.model_copy(
        update={
            "numerator": Decimal(numerator),
            "value": float(1000 * Decimal(numerator) / before.denominator),
            "version": version,
            "status": status,
            "updated_at": UPDATED,
        }
    )


def test_an_older_figure_does_not_turn_the_page_back(
    board: RunningBoard, open_page: Open, board_broker: Broker
) -> None:
    page = open_page(board)
    produce(board_broker.bootstrap, [changed_figure(numerator=9, version=2, status="below")])
    newer = changed_figure(numerator=2400, version=700, status="met").model_copy(update={"division": TOWN})
    produce(board_broker.bootstrap, [newer])
    number = page.locator(f"#matrix [data-figure='{CHILDCARE}/{TOWN}'] .num")
    expect(number).to_have_text(shown(plan().indicators[CHILDCARE], newer))
    assert cell(page, CHILDCARE, COUNTY) == "4.43"


def test_a_value_just_below_its_target_does_not_look_like_it(
    board: RunningBoard, open_page: Open, board_broker: Broker
) -> None:
    page = open_page(board)
    close = changed_figure(numerator=0, version=800, status="below")
    produce(board_broker.bootstrap, [close.model_copy(update={"value": 4.4992})])
    expect(page.locator(".card .big").first).to_have_text("4.499")
    expect(page.locator(".card .gap").first).to_contain_text("还差 < 0.01")


def test_the_page_says_when_it_is_cut_off_and_comes_back_by_itself(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, browser_errors: list[str]
) -> None:
    page = open_page(own_board)
    page.evaluate("window.__same = true")
    own_board.stop()
    connection = page.locator("#connection")
    expect(connection).to_have_attribute("data-state", "reconnecting")
    expect(connection).to_contain_text("正在重连")
    assert connection.get_attribute("aria-live") == "polite"
    expect(page.locator("#trouble")).to_be_visible()
    write_figures(tables, "indicator_live", [changed_figure(numerator=3100, version=900, status="met")])
    own_board.start()
    expect(connection).to_have_attribute("data-state", "live", timeout=30_000)
    expect(page.locator(".card .big").first).to_have_text("6.43", timeout=30_000)
    expect(page.locator("#trouble")).to_be_hidden()
    assert page.evaluate("window.__same") is True
    # The browser itself reports each connection that was refused; nothing else may be there.
    assert all("ERR_CONNECTION_REFUSED" in error or "ERR_INCOMPLETE" in error for error in browser_errors)
    browser_errors.clear()


def test_details_by_keyboard(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    button = page.locator(f"#matrix [data-figure='{CHILDCARE}/{TOWN}']")
    button.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#tip")).to_contain_text("分子 numerator 640")
    expect(page.locator("#tip")).to_contain_text("分母 denominator 129,310")
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_be_visible()
    for text in (
        "640",
        "129,310",
        "1,000 × 640 ÷ 129,310 ≈ 4.95",
        "县卫生健康局",
        "附件第4项",
        "开放的托育机构",
    ):
        expect(panel).to_contain_text(text)
    expect(panel.locator("svg.history path.line")).to_be_visible()
    expect(panel.locator("svg.history .aim")).to_be_attached()
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


def test_text_from_data_stays_text(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    expect(page.locator("#alerts")).to_contain_text("<img src=x onerror=window.__injected=1>")
    expect(page.locator("#alert-count")).to_have_text("2")
    expect(page.locator("#alerts")).to_contain_text("每千人口托位数低于目标")
    expect(page.locator("#alerts")).not_to_contain_text("养老")
    assert page.evaluate("window.__injected") is None


def test_no_data_is_neither_green_nor_nought(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    background = "e => getComputedStyle(e).backgroundColor"
    green = page.locator("#matrix [data-status=met]").first.evaluate(background)
    for status, word in WORDS.items():
        found = page.locator(f"#matrix [data-status={status}]")
        assert found.count() > 0
        for button in found.all():
            assert button.locator(".num").inner_text() == word
            assert button.evaluate(background) != green


def test_reduced_motion_is_respected(board: RunningBoard, open_page: Open, board_broker: Broker) -> None:
    page = open_page(board, reduced=True)
    produce(board_broker.bootstrap, [changed_figure(numerator=2500, version=1000, status="met")])
    button = page.locator(f"#matrix [data-figure='{CHILDCARE}/{COUNTY}'].flash")
    button.wait_for()
    assert button.evaluate("e => getComputedStyle(e).animationName") == "none"
    assert button.evaluate("e => getComputedStyle(e).outlineStyle") == "dashed"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_has_its_picture_taken(
    board: RunningBoard,
    open_page: Open,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page = open_page(board, width=width, scheme=scheme, reduced=True)
    page.wait_for_selector("#hours svg")
    page.wait_for_selector("#feeds li")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (sum(map(int, dark)) < 200) is (scheme == "dark")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"board-{width}-{scheme}.png", full_page=True)
    page.locator(".card .open").first.click()
    page.wait_for_selector("#panel svg.history")
    page.screenshot(path=SCREENSHOTS / f"details-{width}-{scheme}.png")
