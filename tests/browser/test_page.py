"""The page in a real browser: what it shows is what the tables hold, and it moves by itself."""

from collections import Counter
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal, get_args

import pytest
from playwright.sync_api import Page, Route, expect

from schemas.declaration import Indicator, Theme
from schemas.indicator import Figure
from services.platform import clickhouse as platform
from tests.board.county import TODAY, UPDATED, figures, plan, write_figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / "output" / "screenshots"
CHILDCARE = "childcare_places_per_1000"
COUNTY = "532622"
TOWN = "532622101"
WORDS = {"no_data": "暂无数据", "not_applicable": "不适用"}
AIMED = ("met", "on_track", "behind", "off_track", "missed", "cannot_say", "no_data", "not_applicable")

FOUND = """() => Object.fromEntries([...document.querySelectorAll("#matrix .cell")].map(
    (cell) => [cell.dataset.figure, [cell.querySelector(".num").innerText, cell.dataset.status]]))"""


def shown(declaration: Indicator, figure: Figure) -> str:
    """What stands for a figure, worked out from the row: rounded, but never to a target it does not reach."""
    if figure.value is None or figure.numerator is None:
        return WORDS[figure.status]
    value = declaration.scale * figure.numerator / (figure.denominator or Decimal(1))
    decimals = declaration.decimals
    while True:
        rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if rounded != figure.target or value == figure.target or decimals == 6:
            return f"{rounded:,}"
        decimals += 1


def aimed(division: str) -> list[Figure]:
    """The figures of a division that have a target."""
    return [figure for figure in figures() if figure.division == division and figure.target is not None]


def open_matrix(page: Page) -> None:
    """Show the townships, every theme."""
    page.locator("[data-tab=townships]").click()
    folds = page.locator("#matrix details")
    for place in range(1, folds.count()):
        folds.nth(place).locator("summary").click()
    expect(page.locator("#matrix details[open] table")).to_have_count(folds.count())


def changed_figure(numerator: int, version: int, status: Literal["met", "behind"]) -> Figure:
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


def test_the_townships_are_the_table(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    open_matrix(page)
    found = page.evaluate(FOUND)
    expected = {
        f"{figure.indicator}/{figure.division}": [shown(declaration, figure), figure.status]
        for figure in figures()
        if "township" in (declaration := plan().indicators[figure.indicator]).levels
    }
    assert len(expected) > 600
    assert found == expected
    names = page.locator("#matrix table").first.locator("tbody th").all_inner_texts()
    assert names == ["全县", *(division.name for division in plan().shown_divisions[1:])]


def test_the_overview_counts_filters_and_explains(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    county = aimed(COUNTY)
    counts = Counter(figure.status for figure in county)
    for status in AIMED:
        expect(page.locator(f"#tally [data-pick={status}] b")).to_have_text(str(counts[status]))
    expect(page.locator("#tally [data-pick=all] b")).to_have_text("37")
    themes = page.locator(".theme").evaluate_all("all => all.map((one) => one.dataset.theme)")
    assert themes == list(get_args(Theme))
    cards, rows = page.locator(".card:visible"), page.locator(".watched tbody tr:visible")
    expect(cards).to_have_count(len(county))
    expect(rows).to_have_count(len(plan().indicators) - len(county))
    for figure in county:
        declaration = plan().indicators[figure.indicator]
        assert declaration.target is not None
        card = page.locator(f".card:has([data-figure='{figure.indicator}/{COUNTY}'])")
        said = card.inner_text()
        value = "—" if figure.value is None else shown(declaration, figure)
        assert card.locator(".big").inner_text() == value
        assert card.get_attribute("data-status") == figure.status
        for text in (declaration.name.zh, declaration.name.en, f"{declaration.target.value}"):
            assert text in said
        assert figure.reason_zh in said

    behind = page.locator("#tally [data-pick=behind]")
    behind.press("Enter")
    expect(behind).to_have_attribute("aria-pressed", "true")
    expect(cards).to_have_count(counts["behind"])
    assert {card.get_attribute("data-status") for card in cards.all()} == {"behind"}
    expect(rows).to_have_count(0)
    page.locator("#show-all").click()
    page.locator("#find").fill("县民政局")
    expect(cards).to_have_count(
        sum(plan().indicators[figure.indicator].owner == "县民政局" for figure in county)
    )
    page.locator("#find").fill("")

    page.locator("#division").select_option(TOWN)
    expect(cards).to_have_count(len(aimed(TOWN)))
    expect(page.locator("#tally [data-pick=all] b")).to_have_text(str(len(aimed(TOWN))))
    expect(page.locator(f".card [data-figure='{CHILDCARE}/{TOWN}']")).to_be_visible()


def test_changed_figures_move_the_page_without_a_reload(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, board_broker: Broker
) -> None:
    page = open_page(own_board)
    open_matrix(page)
    page.wait_for_selector("#feeds:not([aria-busy])", state="attached")
    page.evaluate("window.__same = true")
    reads: list[str] = []
    page.on("request", lambda request: reads.append(request.url))
    changed = changed_figure(numerator=3000, version=600, status="met")
    write_figures(tables, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    expected = shown(plan().indicators[CHILDCARE], changed)
    number = page.locator(f"#matrix [data-figure='{CHILDCARE}/{COUNTY}'] .num")
    expect(number).to_have_text(expected)
    met = sum(figure.status == "met" for figure in aimed(COUNTY)) + 1
    page.locator("[data-tab=overview]").click()
    card = page.locator(f".card:has([data-figure='{CHILDCARE}/{COUNTY}'])")
    expect(card.locator(".big")).to_have_text(expected)
    expect(card.locator(".badge")).to_contain_text("达标")
    expect(page.locator("#tally [data-pick=met] b")).to_have_text(str(met))

    # An older version does not turn the page back, and a new day changes everything at once.
    stale = changed_figure(numerator=9, version=2, status="behind")
    day = TODAY + timedelta(days=1)
    new = [figure.model_copy(update={"as_of": day, "version": 700}) for figure in figures()]
    produce(board_broker.bootstrap, [stale, *(one for one in new if one.indicator != CHILDCARE)])
    expect(page.locator("#as-of")).to_have_attribute("datetime", day.isoformat())
    expect(page.locator("#as-of")).to_have_text("2024年6月1日", use_inner_text=True)
    expect(card.locator(".big")).to_have_text(expected)
    assert page.evaluate("window.__same") is True
    assert [url for url in reads if url.endswith("/v1/indicators")] == []


def test_a_value_just_below_its_target_does_not_look_like_it(
    board: RunningBoard, open_page: Open, board_broker: Broker
) -> None:
    page = open_page(board)
    close = changed_figure(numerator=0, version=800, status="behind")
    produce(board_broker.bootstrap, [close.model_copy(update={"value": 4.4992})])
    card = page.locator(f".card:has([data-figure='{CHILDCARE}/{COUNTY}'])")
    expect(card.locator(".big")).to_have_text("4.499")
    expect(card.locator(".gap")).to_contain_text("还差 < 0.01")


def test_the_page_says_when_it_is_cut_off_and_comes_back_by_itself(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse, browser_errors: list[str]
) -> None:
    page = open_page(own_board, f"/#{CHILDCARE}/{TOWN}")
    panel = page.locator(".moment-note")
    expect(panel).to_contain_text("实时数字")
    page.evaluate("window.__same = true")
    own_board.stop()
    expect(panel).to_contain_text("数字可能已过时")
    connection = page.locator("#connection")
    expect(connection).to_have_attribute("data-state", "reconnecting")
    expect(connection).to_contain_text("正在重连")
    assert connection.get_attribute("aria-live") == "polite"
    expect(page.locator("#trouble")).to_be_visible()
    write_figures(tables, "indicator_live", [changed_figure(numerator=3100, version=900, status="met")])
    own_board.start()
    expect(connection).to_have_attribute("data-state", "live")
    expect(page.locator(".card .big").first).to_have_text("6.43")
    expect(panel).to_contain_text("实时数字")
    expect(page.locator("#trouble")).to_be_hidden()
    assert page.evaluate("window.__same") is True
    # The browser itself reports each connection that was refused; nothing else may be there.
    assert all("ERR_CONNECTION_REFUSED" in error or "ERR_INCOMPLETE" in error for error in browser_errors)
    browser_errors.clear()


def test_text_from_data_stays_text(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    expect(page.locator("#alerts")).to_contain_text("<img src=x onerror=window.__injected=1>")
    expect(page.locator("#alert-count")).to_have_text("3")
    stopped = page.locator("#alerts li", has_text="上报通道停止")
    expect(stopped).to_contain_text("190 were refused")
    expect(stopped).not_to_contain_text("界限")  # of what the plan does not declare no unit is known
    expect(page.locator("#alerts")).to_contain_text("每千人口托位数低于目标")
    expect(page.locator("#alerts")).not_to_contain_text("养老")
    assert page.evaluate("window.__injected") is None


def test_of_a_forecast_the_rail_says_that_it_is_expected(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)

    def forecast(route: Route) -> None:
        answer = route.fetch().json()
        for one in answer["alerts"]:
            one["kind"] = "forecast"
        route.fulfill(json=answer)

    low = page.locator("#alerts li", has_text="每千人口托位数低于目标")
    expect(low).to_contain_text("4.43 个/千人，界限 4.5")
    expect(low).not_to_contain_text("预计")
    page.route("**/v1/alerts", forecast)
    page.reload()
    expect(low).to_contain_text("预计 4.43 个/千人，现预计 7.93，界限 4.5")


def test_the_rail_says_what_a_figure_is_by_now(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)

    def began_lower(route: Route) -> None:
        answer = route.fetch().json()
        for one in answer["alerts"]:
            one |= {"value": 3.9, "reason": "3.90，低于 4.5", "as_of": "2020-01-01"}
        route.fulfill(json=answer)

    low = page.locator("#alerts li", has_text="每千人口托位数低于目标")
    page.route("**/v1/alerts", began_lower)
    page.reload()
    expect(low).to_contain_text("3.90 个/千人，现为 4.43，界限 4.5")
    expect(low.locator(".reason")).to_contain_text("距目标 4.5 还差 0.07 个/千人")
    expect(low).not_to_contain_text("3.90，低于 4.5")
    expect(low).not_to_contain_text("2020-01-01")  # what is said is of the figure's own day


def test_of_a_silent_feed_the_rail_gives_the_name(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    name = {"zh": "县卫生健康局托位月报", "en": "Health Bureau's reports of childcare places"}

    def silent(route: Route) -> None:
        answer = route.fetch().json()
        for one in answer["alerts"]:
            one |= {"kind": "feed_silent", "subject": "health-bureau/childcare-place", "subject_name": name}
        route.fulfill(json=answer)

    page.route("**/v1/alerts", silent)
    page.reload()
    expect(page.locator("#alerts li").first).to_contain_text(name["zh"])
    expect(page.locator("#alerts")).not_to_contain_text("health-bureau")


def test_what_is_chosen_from_is_in_the_language_of_the_page(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, "/?lang=zh")
    first, find = page.locator("#division option").first, page.locator("#find")
    expect(first).to_have_text("全县")
    expect(find).to_have_attribute("placeholder", "指标、部门")
    page.locator(".languages button[value=en]").click()
    expect(first).to_have_text("whole county")
    expect(find).to_have_attribute("placeholder", "indicator, department")
    page.locator(".languages button[value=both]").click()
    expect(first).to_have_text("全县 · whole county")


def test_no_data_is_hatched_and_neither_green_nor_nought(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    open_matrix(page)
    look = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).backgroundImage]"
    green, plain = page.locator("#matrix [data-status=met]").first.evaluate(look)
    assert plain == "none"
    for status, word in WORDS.items():
        found = page.locator(f"#matrix [data-status={status}]")
        assert found.count() > 0
        for button in found.all():
            assert button.locator(".num").inner_text() == word
            colour, image = button.evaluate(look)
            assert colour != green
            assert "repeating-linear-gradient" in image


def test_each_status_has_a_colour_a_sign_and_a_word_of_its_own(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    chips = page.locator("#tally button[data-status]")
    signs = chips.evaluate_all("all => all.map((one) => one.querySelector('svg').innerHTML)")
    words = chips.locator("[lang=zh-CN]").all_inner_texts()
    colours = chips.evaluate_all("all => all.map((e) => getComputedStyle(e).color)")
    assert len(set(signs)) == len(set(words)) == len(AIMED)
    assert len(set(colours)) == len(AIMED) - 1  # the two greys


def test_reduced_motion_is_respected(board: RunningBoard, open_page: Open, board_broker: Broker) -> None:
    page = open_page(board, reduced=True)
    produce(board_broker.bootstrap, [changed_figure(numerator=2500, version=1000, status="met")])
    number = page.locator(f".card:has([data-figure='{CHILDCARE}/{COUNTY}']) .big.flash")
    number.wait_for()
    assert number.evaluate("e => getComputedStyle(e).animationName") == "none"
    assert number.evaluate("e => getComputedStyle(e).outlineStyle") == "dashed"
