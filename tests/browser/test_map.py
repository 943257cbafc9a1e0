"""The map in a real browser: its tiles are the figures, lie as the plan says, and lead to the townships."""

import math
from collections.abc import Iterable
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from schemas.indicator import Figure
from services.platform import clickhouse as platform
from tests.board.county import figures, plan, write_figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY, TOWN, shown
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

MONEY = "voucher_issued_value"
STEPS = 5


def tile(page: Page, division: str) -> Locator:
    return page.locator(f".town-tile[href='#township/{division}']")


def of_townships(indicator: str) -> list[Figure]:
    return [one for one in figures() if one.indicator == indicator and one.division != COUNTY]


def step(figure: Figure, beside: Iterable[Figure]) -> str:
    """The shade of a value: which fifth of the way from the least to the greatest."""
    values = [one.value for one in beside if one.value is not None]
    assert figure.value is not None
    share = (figure.value - min(values)) / (max(values) - min(values))
    return str(min(STEPS - 1, math.floor(share * STEPS)))


def test_each_township_has_a_tile_with_its_figure(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#map")
    expect(page.locator(".town-tile")).to_have_count(11)
    declaration = plan().indicators[CHILDCARE]
    for figure in of_townships(CHILDCARE):
        one = tile(page, figure.division)
        expect(one).to_have_attribute("data-status", figure.status)
        expect(one.locator(".name")).to_have_text(plan().divisions[figure.division].name)
        expect(one.locator(".num")).to_have_text(shown(declaration, figure))
    expect(page.locator(".map-side .big")).to_have_text(
        shown(
            declaration,
            next(one for one in figures() if one.division == COUNTY and one.indicator == CHILDCARE),
        )
    )
    expect(page.locator(".map-note")).to_contain_text("示意图")
    expect(page.locator(".map-note")).to_contain_text("not to scale")
    statuses = {figure.status for figure in of_townships(CHILDCARE)}
    expect(page.locator(".map-legend li")).to_have_count(len(statuses))


def test_another_figure_is_chosen_and_has_an_address(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#map")
    page.locator("[data-mode=value]").click()
    expect(page).to_have_url(f"{board.url}/#map/{CHILDCARE}/value")
    for figure in of_townships(CHILDCARE):
        expect(tile(page, figure.division)).to_have_attribute(
            "data-step", step(figure, of_townships(CHILDCARE))
        )
    page.locator("#map-indicator").select_option(MONEY)
    expect(page).to_have_url(f"{board.url}/#map/{MONEY}")
    expect(page.locator("[data-mode=status]")).to_be_disabled()  # nothing is promised of it
    declaration = plan().indicators[MONEY]
    for figure in of_townships(MONEY):
        expect(tile(page, figure.division).locator(".num")).to_have_text(shown(declaration, figure))
        expect(tile(page, figure.division)).to_have_attribute("data-step", step(figure, of_townships(MONEY)))
    again = open_page(board, f"/#map/{MONEY}")
    expect(again.locator("#map-indicator")).to_have_value(MONEY)
    expect(again.locator(".shades li[data-step]")).to_have_count(STEPS)


def test_a_figure_without_data_is_hatched_and_says_so(board: RunningBoard, open_page: Open) -> None:
    beds = "eldercare_nursing_bed_share"
    page = open_page(board, f"/#map/{beds}/value")
    for figure in of_townships(beds):
        if figure.value is not None:
            continue
        one = tile(page, figure.division)
        expect(one.locator(".num")).to_have_text("—")
        expect(one.locator(".state")).to_contain_text("暂无数据")
        assert one.get_attribute("data-step") is None
        assert "hatch" in one.locator("polygon").evaluate("e => getComputedStyle(e).fill")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_tiles_lie_as_the_plan_says(board: RunningBoard, open_page: Open, width: int) -> None:
    page = open_page(board, "/#map", width=width)
    expect(page.locator(".town-tile")).to_have_count(11)
    boxes = {}
    for one in plan().schematic.tiles:
        box = tile(page, one.division).bounding_box()
        assert box is not None
        boxes[one.division] = box
    wide = boxes[TOWN]["width"]
    first = plan().schematic.tiles[0]
    for one in plan().schematic.tiles:
        box, origin = boxes[one.division], boxes[first.division]
        assert box["x"] - origin["x"] == pytest.approx((one.column - first.column) * wide / 2, abs=2)
        assert box["y"] - origin["y"] == pytest.approx((one.row - first.row) * wide * 0.866, abs=3)
        inside = tile(page, one.division).locator(".town-tile-text").bounding_box()
        assert inside is not None
        assert inside["width"] <= wide + 1, f"the name of {one.division} is wider than its tile"
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_tile_leads_to_the_township_by_keyboard(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#map")
    tile(page, TOWN).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{board.url}/#township/{TOWN}")
    expect(page.locator("#h-township")).to_have_text("江那镇")
    expect(page.locator("#h-township")).to_be_focused()
    page.go_back()
    expect(tile(page, TOWN)).to_be_visible()
    page.locator(".map-side .compare a").first.click()
    expect(page.locator("#h-township")).to_be_visible()


def test_a_changed_figure_moves_its_tile(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, board_broker: Broker
) -> None:
    page = open_page(own_board, "/#map")
    expect(page.locator(".town-tile")).to_have_count(11)
    [before] = [one for one in of_townships(CHILDCARE) if one.division == TOWN]
    assert before.denominator is not None
    changed = before.model_copy(
        update={
            "numerator": Decimal(1_500),
            "value": float(1_500_000 / before.denominator),
            "status": "met",
            "version": 900,
        }
    )
    write_figures(tables, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    one = tile(page, TOWN)
    expect(one.locator(".num")).to_have_text(shown(plan().indicators[CHILDCARE], changed))
    expect(one).to_have_attribute("data-status", "met")
    expect(page.locator(f".compare a[href='#township/{TOWN}']")).to_be_visible()
    expect(page.locator(".compare li").first).to_contain_text("江那镇")  # the largest now
