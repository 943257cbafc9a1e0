"""The wall in a real browser: it fits the screen, turns by itself, and says when it is cut off."""

from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from schemas.declaration import Indicator
from services.platform import clickhouse as platform
from tests.board.county import figures, plan, write_figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY, TOWN, aimed, changed_figure, shown
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

SCROLLS = """() => {
    const root = document.documentElement;
    return [root.scrollWidth > root.clientWidth, root.scrollHeight > root.clientHeight];
}"""
CUT_OFF = """() => {
    const cut = (one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1;
    const boxes = [...document.querySelectorAll("#slide > *, .tile, .large, .late, .wall-top, #slide")];
    const stage = document.querySelector("#stage").getBoundingClientRect();
    const below = [...document.querySelectorAll("#slide > * > *")]
        .filter((one) => one.getBoundingClientRect().bottom > stage.bottom + 1);
    return [...boxes.filter(cut), ...below].map((one) => `${one.className}: ${one.textContent.slice(0, 40)}`);
}"""


def targets() -> list[Indicator]:
    return [one for one in plan().indicators.values() if one.target_at("county")]


def pages(page: Page) -> list[str]:
    names: list[str] = page.locator("#dots button").evaluate_all("all => all.map((one) => one.value)")
    return names


@pytest.mark.parametrize("width", [1920, 3840])
@pytest.mark.parametrize("language", ["both", "zh", "en"])
def test_each_page_fits_the_screen(board: RunningBoard, open_page: Open, width: int, language: str) -> None:
    page = open_page(board, f"/wall?every=600&lang={language}", width=width)
    names = pages(page)
    assert names[0] == "targets"
    assert names[-1].startswith("missed")
    for name in names:
        page.locator(f"#dots button[value={name}]").click()
        expect(page.locator(f"#slide[data-page={name}]")).to_be_visible()
        assert page.evaluate(SCROLLS) == [False, False], name
        assert page.evaluate(CUT_OFF) == [], name


def test_it_shows_all_targets_and_how_many_stand_how(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/wall?every=600", width=1920)
    county = aimed(COUNTY)
    assert len(county) == 37
    expect(page.locator(".tile")).to_have_count(37)
    for status, many in Counter(figure.status for figure in county).items():
        expect(page.locator(f"#counts [data-status={status}] b")).to_have_text(str(many))
    values = [
        "—" if figure.value is None else shown(plan().indicators[figure.indicator], figure)
        for figure in county
    ]
    assert Counter(page.locator(".tile .num").all_inner_texts()) == Counter(values)
    expect(page.locator("#alerts li")).to_have_count(3)
    expect(page.locator("#missed li").first).to_be_visible()


def test_it_fills_the_screen_whatever_stands_beside_it(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/wall?every=600", width=1920)
    expect(page.locator("#alerts li")).to_have_count(3)
    page.locator(".wall-rail").evaluate("one => one.replaceChildren()")
    assert page.evaluate("document.querySelector('#main').getBoundingClientRect().bottom === innerHeight")


def test_it_turns_by_itself_and_can_be_held(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/wall?every=0.2", width=1920)
    names = pages(page)
    expect(page.locator(f"#slide[data-page={names[1]}]")).to_be_visible()
    expect(page.locator(f"#slide[data-page={names[0]}]")).to_be_visible()  # round and round
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    now = page.locator("#slide").get_attribute("data-page")
    assert now is not None
    page.keyboard.press("ArrowRight")
    after = names[(names.index(now) + 1) % len(names)]
    expect(page.locator(f"#slide[data-page={after}]")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"#slide[data-page={now}]")).to_be_visible()


def test_one_page_can_be_kept(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/wall?every=0.1&page=townships", width=1920)
    rows = page.locator(".wall-towns tbody tr")
    expect(rows).to_have_count(12)
    town = next(one for one in figures() if (one.indicator, one.division) == (CHILDCARE, TOWN))
    cell = rows.nth(1).locator("td").first
    expect(cell).to_have_attribute("data-status", town.status)
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    expect(rows).to_have_count(12)


def test_it_moves_and_says_when_it_is_cut_off(
    own_board: RunningBoard,
    open_page: Open,
    tables: platform.ClickHouse,
    board_broker: Broker,
    browser_errors: list[str],
) -> None:
    page = open_page(own_board, "/wall?every=600", width=1920)
    changed = changed_figure(numerator=3000, version=600, status="met")
    write_figures(tables, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    expected = shown(plan().indicators[CHILDCARE], changed)
    newest = page.locator("#changed li").first
    expect(newest).to_contain_text(expected)
    expect(newest).to_contain_text("4.43")  # what it was
    expect(page.locator(".tile", has_text="3岁以下婴幼儿托位数").locator(".num")).to_have_text(expected)
    own_board.stop()
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("#trouble")).to_contain_text("与服务器失去联系")
    own_board.start()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.locator("#trouble")).to_be_hidden()
    assert all("ERR_CONNECTION_REFUSED" in error or "ERR_INCOMPLETE" in error for error in browser_errors)
    browser_errors.clear()
