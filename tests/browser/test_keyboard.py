"""Every view with the keyboard alone: what can be clicked is reached, in the order of reading, and seen."""

import pytest
from playwright.sync_api import Page, expect

from tests.board.running import RunningBoard
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY
from tests.browser.views import VIEWS, View

pytestmark = pytest.mark.browser

REACHABLE = """() => {
    const page = document.querySelector("dialog[open]") ?? document.body;
    const all = page.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
    window.__stops = [...all].filter((one) => one.checkVisibility({ visibilityProperty: true })
        && !one.disabled && one.tabIndex >= 0 && !one.closest("details:not([open]) > :not(summary)"));
    return window.__stops.length;
}"""
AT = """() => {
    const one = document.activeElement;
    if (!one || one === document.body || one.tagName === "DIALOG") return null;  // its frame can be scrolled
    const ring = (element, pseudo) => {
        const style = getComputedStyle(element, pseudo);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    };
    return {
        place: window.__stops.indexOf(one),
        ring: ring(one) || ring(one, "::after") || ring(one, "::before"),
        said: `${one.tagName} ${one.id} ${one.textContent.trim().slice(0, 40)}`,
    };
}"""


def tour(page: Page) -> list[str]:
    """Press Tab until the focus has been everywhere; return what was wrong on the way."""
    many = page.evaluate(REACHABLE)
    start = page.evaluate(AT)  # a dialog has the focus in it from the beginning
    before = start["place"] if start else -1
    wrong, reached = [], {before} - {-1}
    for _ in range(3 * many + 30):  # a date field has stops within, and the browser's own frame is one
        page.keyboard.press("Tab")
        at = page.evaluate(AT)
        if at is None:
            continue
        if at["place"] < 0:
            wrong.append(f"nothing to do at {at['said']}")
            continue
        if at["place"] in reached and at["place"] != before:
            break
        if not at["ring"]:
            wrong.append(f"the focus is not seen at {at['said']}")
        if at["place"] < before < many - 1:  # from the last stop it goes to the first
            wrong.append(f"the focus jumps back to {at['said']}")
        before = at["place"]
        reached.add(before)
    missed = set(range(many)) - reached
    unseen = page.evaluate("places => places.map((place) => __stops[place].outerHTML)", sorted(missed)[:10])
    return [*dict.fromkeys(wrong), *(f"not reached: {one[:200]}" for one in unseen)]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_focus_goes_everywhere_in_order_and_is_seen(
    view: View, request: pytest.FixtureRequest, open_page: Open
) -> None:
    board: RunningBoard = request.getfixturevalue(view.board)
    page = open_page(board, view.path, width=view.widths[-1], reduced=True, live=view.live)
    view.wait(page)
    assert tour(page) == []


def test_a_working_day_without_a_mouse(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    press = page.keyboard.press
    focused = page.locator(":focus")

    press("Tab")
    expect(focused).to_have_class("skip")
    press("Enter")
    expect(focused).to_have_id("main")
    page.reload()
    page.wait_for_selector("#main:not([aria-busy])")

    # The language, then another view.
    page.locator(".languages [value=en]").focus()
    press("Enter")
    expect(page.locator("html")).to_have_attribute("data-lang", "en")
    page.locator("[data-tab=townships]").focus()
    press("Enter")
    expect(page.locator("#matrix")).to_be_visible()
    expect(page.locator("[data-tab=townships]")).to_have_attribute("aria-current", "page")

    # What is behind, a figure of it, a past day, and back to where one was.
    page.locator("[data-tab=overview]").focus()
    press("Enter")
    behind = page.locator("#tally [data-pick=behind]")
    behind.focus()
    press("Space")
    expect(behind).to_have_attribute("aria-pressed", "true")
    press("Space")
    expect(behind).to_have_attribute("aria-pressed", "false")
    name = page.locator(f".card [data-figure='{CHILDCARE}/{COUNTY}']")
    name.focus()
    press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_be_visible()
    assert page.evaluate("document.querySelector('#panel').contains(document.activeElement)")
    page.locator("#panel-records > summary").focus()
    press("Enter")
    expect(page.locator("#panel-records")).to_have_attribute("open", "")
    press("Escape")
    expect(panel).to_be_hidden()
    expect(name).to_be_focused()
