"""The public page in a real browser: what it tells is what `/v1/public/indicators` answers."""

from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.board.county import TODAY, plan
from tests.board.running import RunningBoard
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

CHILDCARE = "childcare_places_per_1000"
COUNTY = "532622"
TOWN = "532622101"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def public(board: RunningBoard, open_page: Open) -> Page:
    return told(open_page(board, "/public", live=False))


def told(page: Page) -> Page:
    """Return the page when it shows its figures."""
    page.wait_for_selector("#main:not([aria-busy])")
    return page


def test_it_tells_every_figure_and_how_it_is_made(public: Page, board: RunningBoard) -> None:
    answer = board.get("/v1/public/indicators")
    expect(public.locator(".card:visible")).to_have_count(len(plan().indicators))
    states = [
        row["status"]
        for one in answer["indicators"]
        for row in one["figures"]
        if row["division"] == COUNTY and row["target"] is not None and not row["withheld"]
    ]
    for status, many in Counter(states).items():
        expect(public.locator(f"#tally [data-pick={status}] b")).to_have_text(str(many))
    expect(public.locator("#as-of")).to_have_attribute("datetime", str(TODAY))
    expect(public.locator("#synthetic")).to_be_visible()
    expect(public.locator("h1")).to_contain_text("砚山县")

    card = public.locator(f"#{CHILDCARE}")
    expect(card.locator(".big")).to_have_text("4.43")
    card.locator("summary").click()
    for words in (
        "常住人口",
        "托位总数之和",
        "县卫生健康局",
        "各行业主管部门的机构登记",
        "resident population",
    ):
        expect(card.locator(".facts")).to_contain_text(words)
    expect(card.locator(".towns tbody tr")).to_have_count(11)


def test_it_is_narrowed_down(public: Page) -> None:
    cards = public.locator(".card:visible")
    public.locator("#tally [data-pick=met]").click()
    assert {card.get_attribute("data-status") for card in cards.all()} == {"met"}
    public.locator("#tally [data-pick=met]").click()
    public.locator("#find").fill("托位")
    expect(cards).not_to_have_count(len(plan().indicators))
    expect(public.locator("#shown")).to_contain_text("显示")
    public.locator("#find").fill("")
    public.locator("#division").select_option(TOWN)
    kept = sum("township" in one.levels for one in plan().indicators.values())
    expect(cards).to_have_count(kept)


def test_an_address_opens_an_indicator(board: RunningBoard, open_page: Open) -> None:
    page = told(open_page(board, f"/public#{CHILDCARE}", live=False))
    expect(page.locator(f"#{CHILDCARE} .facts")).to_be_visible()


def test_all_of_it_can_be_downloaded(public: Page, tmp_path: Path) -> None:
    with public.expect_download() as begun:
        public.locator(".download", has_text="CSV").click()
    file = tmp_path / "public.csv"
    begun.value.save_as(file)
    assert "公开指标" in begun.value.suggested_filename
    text = file.read_text(encoding="utf-8-sig")
    assert CHILDCARE in text
    assert "砚山县" in text


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_hangs_over_the_edge(board: RunningBoard, open_page: Open, width: int) -> None:
    page = told(open_page(board, "/public", width=width, live=False))
    for summary in page.locator(".card summary").all()[:3]:
        summary.click()
    assert page.evaluate(WIDE) == 0
