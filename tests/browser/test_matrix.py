"""Every view in each language, light and dark, at each width: what holds of all, and their pictures."""

from functools import partial
from pathlib import Path
from typing import Literal, get_args

import pytest
from playwright.sync_api import Page

from tests.board.county import plan
from tests.board.running import RunningBoard
from tests.browser.conftest import Open
from tests.browser.test_page import SCREENSHOTS
from tests.browser.views import DESK, HEIGHTS, PHONE, VIEWS, View
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.long]

STRUCTURE = (Path(__file__).parent / "structure.js").read_text(encoding="utf-8")

Language = Literal["both", "zh", "en"]
Scheme = Literal["light", "dark"]

PICTURES: tuple[tuple[Language, Scheme, int], ...] = (
    ("both", "light", DESK),
    ("both", "dark", PHONE),
    ("zh", "dark", DESK),
    ("en", "light", PHONE),
    ("en", "light", DESK),
)
"""Those of the ways to look at a view that are kept for the eye; of wider views all are."""

CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [role=tab]")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".languages"))
    .map((one) => [one.tagName, one.id, one.type ?? "", one.dataset.figure ?? ""].join("|"))"""

BACKGROUND = """() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    return red + green + blue < 382 ? "dark" : "light";
}"""


def names() -> list[str]:
    """What has no English: places, departments, the sources of records; longest first."""
    said = {division.name for division in plan().divisions.values()}
    said |= {indicator.owner for indicator in plan().indicators.values()}
    for task in plan().tasks.values():
        said |= {*task.lead, *task.cooperating}
    said |= {plan().county.document, "县商务局", "县统计局"}  # these two send records
    return sorted(said - {""}, key=len, reverse=True)


def show(page: Page, language: Language, scheme: Scheme, width: int) -> None:
    """Have the page in a language, light or dark, at a width, without opening it anew."""
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme)
    # By script: where a dialog is open the switch behind it cannot be clicked.
    page.locator(f".languages [value={language}]").evaluate("button => button.click()")
    page.wait_for_function("language => document.documentElement.dataset.lang === language", arg=language)


def controls(page: Page, width: int) -> list[list[str]]:
    """What can be pressed, chosen or filled in, in each language: parts of a view may still be coming."""
    found = []
    for language in get_args(Language):
        show(page, language, "light", width)
        found.append(page.evaluate(CONTROLS))
    return found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_in_each_language_scheme_and_width(
    view: View, request: pytest.FixtureRequest, open_page: Open
) -> None:
    board: RunningBoard = request.getfixturevalue(view.board)
    page = open_page(board, view.path, width=view.widths[-1], reduced=True, live=view.live)
    view.wait(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    wrong = []
    for width in view.widths:
        for language in get_args(Language):
            for scheme in get_args(Scheme):
                show(page, language, scheme, width)
                where = f"{view.name} at {width}, {language}, {scheme}"
                found = page.evaluate(STRUCTURE, {"language": language, "names": names()})
                wrong += [f"{where}: {one}" for one in found]
                if page.evaluate(BACKGROUND) != scheme:
                    wrong.append(f"{where}: its background is not {scheme}")
                if width > DESK or (language, scheme, width) in PICTURES:
                    page.screenshot(path=SCREENSHOTS / f"{view.name}-{width}-{language}-{scheme}.png")
        eventually(
            partial(controls, page, width),
            30,
            f"{view.name} at {width}: the same controls in each language",
            until=lambda seen: all(one == seen[0] for one in seen),
        )
    assert not wrong, "\n".join(wrong)


def test_the_language_is_kept_and_an_address_goes_before_it(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/?lang=en#tasks")
    chosen = page.locator(".languages [aria-pressed=true]")
    assert chosen.inner_text() == "English"
    assert page.locator("[data-tab=tasks]").inner_text() == "Tasks"
    page.reload()
    assert chosen.inner_text() == "English"
    page.locator(".languages [value=zh]").click()
    assert page.locator("[data-tab=tasks]").inner_text() == "任务"
    assert page.url == f"{board.url}/#tasks"
    page.reload()
    assert chosen.inner_text() == "中文"
    assert page.locator("[data-tab=tasks]").inner_text() == "任务"
    page.goto(f"{board.url}/?lang=both#tasks")
    assert page.locator("[data-tab=tasks]").inner_text() == "任务 Tasks"
    page.goto(f"{board.url}/#tasks")
    assert chosen.inner_text() == "中文", "a link changes nothing for good"
