"""What is printed: A4, black on white, with as of when and printed when; an open figure by itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.board.running import RunningBoard
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY

pytestmark = pytest.mark.browser

BOX = re.compile(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]")
A4 = (595, 842)
"""Points, rounded."""
PRINT = "() => { window.print = () => { window.__printed = true; }; }"
"""An expression that is a function would be called at once."""


def on_paper(page: Page) -> Page:
    """Show the page as it is printed, in a browser that is dark."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    return page


def sheets(page: Page) -> list[tuple[int, int]]:
    """The sizes of the sheets."""
    pdf = page.pdf(prefer_css_page_size=True)
    return [(round(float(wide)), round(float(tall))) for wide, tall in BOX.findall(pdf)]


@pytest.mark.parametrize(("view", "ready"), [("overview", ".card .big"), ("tasks", ".task .report")])
def test_a_view_is_printed_upright(board: RunningBoard, open_page: Open, view: str, ready: str) -> None:
    page = open_page(board, f"/#{view}", scheme="dark")
    page.locator(ready).first.wait_for()
    on_paper(page)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("#as-of")).to_contain_text("2024年5月31日")
    expect(page.locator("#printed")).to_be_visible()
    expect(page.locator("#printed")).to_have_text(re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}"))
    expect(page.locator("#synthetic")).to_be_visible()
    for gone in (".tabs", "#connection", "[data-print]", ".languages"):
        expect(page.locator(gone).first).to_be_hidden()
    colours = page.evaluate("""() => {
        const { color, backgroundColor } = getComputedStyle(document.body);
        return [color, backgroundColor];
    }""")
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert set(sheets(page)) == {A4}


def test_the_townships_are_printed_lying(board: RunningBoard, open_page: Open) -> None:
    page = on_paper(open_page(board, "/#townships"))
    assert set(sheets(page)) == {A4[::-1]}


def test_an_open_figure_is_printed_by_itself(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, f"/#{CHILDCARE}/{COUNTY}")
    page.locator("#panel-chart :is(svg, canvas)").first.wait_for()
    expect(page.locator("#panel [data-print]")).to_be_visible()
    on_paper(page)
    expect(page.locator("#main")).to_be_hidden()
    expect(page.locator("#panel .big")).to_be_visible()
    expect(page.locator("#printed")).to_be_visible()
    assert page.evaluate(
        "document.querySelector('#panel').scrollHeight <= document.querySelector('#panel').clientHeight + 1"
    )
    printed = sheets(page)
    assert set(printed) == {A4}
    assert 1 < len(printed) < 5


def test_it_prints_though_something_cannot_be_read(
    board: RunningBoard, open_page: Open, browser_errors: list[str]
) -> None:
    page = open_page(board, "/#overview")
    page.locator(".card .big").first.wait_for()
    page.route("**/dashboards.js", lambda route: route.abort())
    page.evaluate("location.hash = 'dashboards'")
    page.evaluate(PRINT)
    page.locator("[data-print]").first.click()
    page.wait_for_function("() => window.__printed")
    browser_errors.clear()  # of the file that was not there


def test_the_button_prints(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    page.evaluate(PRINT)
    page.locator(".when [data-print]").click()
    page.wait_for_function("() => window.__printed")


def test_what_is_out_of_sight_is_printed_as_well(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/#dashboards/vouchers")
    page.evaluate(PRINT)
    page.locator(".box").first.wait_for()
    page.keyboard.press("Control+p")
    page.wait_for_function("() => window.__printed")
    assert page.locator(".box[aria-busy]").count() == 0
    plots = page.locator(".box:not([data-empty]) .echart-plot")
    assert plots.count() > 10
    assert plots.locator("canvas").count() == plots.count()
