"""The dashboards in a real browser: every panel is drawn, says what its query gives, goes on by itself."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from schemas.words import STATUS
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board.county import PLAN, figures, fill, plan, write_alerts, write_figures
from tests.board.pipeline_rows import write_pipeline
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import Open
from tests.browser.test_page import CHILDCARE, COUNTY, SCREENSHOTS, TOWN, changed_figure
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse

pytestmark = [pytest.mark.browser, pytest.mark.long]

SPAN = {"from": "2023-06-01", "to": "2024-06-01"}
"""The machine's clock is years past the county's figures."""
BEYOND = """() => [...document.querySelectorAll("main *")].filter((one) => !one.closest(".scroll, .hidden")
    && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 120))"""
"""What sticks out of the page at its side."""


@pytest.fixture(scope="module")
def whole(clickhouse: ClickHouse, board_broker: Broker) -> Common:
    """Settings for a database with something for every panel."""
    name = "browser_dashboards"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    return Common(
        kafka=board_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=name,
        plan=PLAN,
    )


@pytest.fixture(scope="module")
def pool(whole: Common) -> Iterator[platform.ClickHouse]:
    migrate(whole)
    opened = platform.ClickHouse(whole)
    fill(opened)
    write_alerts(opened)
    write_pipeline(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def filled_board(
    whole: Common, pool: platform.ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBoard]:
    running = RunningBoard(whole, tmp_path_factory.mktemp("dashboards") / "board.log")
    running.start()
    yield running
    running.stop()


def address(dashboard: str, panel: str = "", **chosen: str) -> str:
    asks = "&".join(f"{name}={value}" for name, value in {**SPAN, **chosen}.items())
    return f"/#dashboards/{dashboard}{'/' if panel else ''}{panel}?{asks}"


def box(page: Page, panel: str) -> Locator:
    """A panel that has drawn its answer."""
    found = page.locator(f"#box-{panel}")
    found.scroll_into_view_if_needed()
    expect(found).not_to_have_attribute("aria-busy", "true")
    return found


def texts(column: Locator) -> list[str]:
    return [text.strip() for text in column.all_inner_texts()]


def test_every_panel_of_every_dashboard_is_drawn(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, address("county"))
    declared: Any = filled_board.get("/v1/dashboards")["dashboards"]
    assert len(declared) >= 12
    for dashboard in declared:
        page.goto(filled_board.url + address(dashboard["id"]))
        expect(page.locator("#h-dashboards")).to_contain_text(dashboard["title"]["zh"])
        panels = [panel for section in dashboard["sections"] for panel in section["panels"]]
        expect(page.locator(".box")).to_have_count(len(panels))
        for panel in panels:
            answer: Any = filled_board.get(f"/v1/dashboards/{dashboard['id']}/panels/{panel['id']}", **SPAN)
            drawn = box(page, panel["id"])
            rows = len(answer["rows"])
            if rows == 0:
                expect(drawn).to_contain_text("没有")
            elif panel["kind"] in ("table", "state_wall"):
                expect(drawn.locator("tbody tr")).to_have_count(rows)
            elif panel["kind"] == "stat":
                expect(drawn.locator(".tile")).to_have_count(len(panel["columns"]))
            else:
                expect(drawn.locator("canvas")).to_have_count(1)
                drawn.locator(".echart-data summary").click()
                expect(drawn.locator(".echart-data tbody tr")).to_have_count(rows)
        expect(page.locator(".box[aria-busy]")).to_have_count(0)
        expect(page.locator(".box[data-failed]")).to_have_count(0)


def test_the_counts_and_the_wall_are_the_figures(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, address("county"))
    county = [one for one in figures() if one.division == COUNTY and one.target is not None]
    counts = box(page, "counts")
    for status in {one.status for one in county}:
        number = sum(one.status == status for one in county)
        expect(counts.locator(f"[data-column={status}] .big")).to_have_text(str(number))
    wall = box(page, "wall").locator("tbody tr")
    expect(wall).to_have_count(len(county))
    words = {one.indicator: one.status for one in county}
    names = {plan().indicators[id].name.zh: id for id in words}
    for row in wall.all():
        name = row.locator("th [lang=zh-CN]").inner_text()
        mark = row.locator("td").first.locator(".coded")
        expect(mark).to_contain_text(STATUS[words[names[name]]].zh)
        expect(mark.locator("svg")).to_have_count(1)


def test_a_table_is_sorted_and_searched_by_keyboard(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, address("tasks"))
    table = box(page, "tasks")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(len(plan().tasks))
    head = table.locator("thead th").filter(has_text="进度")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_contain_text("45")
    expect(rows.nth(1)).to_contain_text("10")
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(rows.first).to_contain_text("10")  # who has not reported stands last, whichever way
    expect(head.locator("button")).to_be_focused()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") is None
    expect(rows.first.locator("th")).to_have_text("1")
    table.locator("input[type=search]").fill("县卫生健康局")
    led = [number for number, task in sorted(plan().tasks.items()) if "县卫生健康局" in task.lead]
    expect(rows).to_have_count(len(led))
    assert texts(rows.locator("th")) == [str(number) for number in led]
    expect(table.locator(".grid-count")).to_contain_text(f"{len(led)} / {len(plan().tasks)}")


def test_what_is_chosen_has_an_address(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, address("division"))
    figures_of = "tbody tr"
    county = box(page, "figures").locator(figures_of)
    expect(county).to_have_count(len(plan().indicators))
    page.locator("[data-choice=division]").select_option(TOWN)
    mine = [one for one in figures() if one.division == TOWN]
    expect(box(page, "figures").locator(figures_of)).to_have_count(len(mine))
    page.locator("[data-choice=indicator]").select_option(CHILDCARE)
    expect(page).to_have_url(re.compile(f"#dashboards/division\\?.*division={TOWN}.*indicator={CHILDCARE}"))
    again = open_page(filled_board, page.url.removeprefix(filled_board.url))
    expect(again.locator("[data-choice=division]")).to_have_value(TOWN)
    expect(box(again, "figures").locator(figures_of)).to_have_count(len(mine))
    # From a row to the records behind it, and back to where one was.
    box(again, "figures").locator("tbody th a").first.click()
    expect(again.locator("#panel")).to_be_visible()
    expect(again.locator("#panel-records")).to_have_attribute("open", "")
    again.keyboard.press("Escape")
    assert again.url == page.url


def test_the_range_of_time_is_chosen_and_held(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, "/#dashboards/vouchers")
    live = page.locator(".live")
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".range-own")).to_be_hidden()
    totals = box(page, "voucher-totals")
    expect(totals.locator("[data-column=issued] .big")).to_have_text("0.00")
    live.press("Enter")
    expect(live).to_have_attribute("aria-pressed", "false")
    fields = page.locator(".range-own input")
    fields.first.fill("2024-05-25T00:00")
    fields.last.fill("2024-06-01T00:00")
    asked: Any = filled_board.get(
        "/v1/dashboards/vouchers/panels/voucher-totals",
        **{"from": "2024-05-25T00:00", "to": "2024-06-01T00:00"},
    )
    issued = Decimal(str(asked["rows"][0][asked["columns"].index("issued")]))
    assert issued > 0
    expect(totals.locator("[data-column=issued] .big")).to_have_text(f"{issued:,.2f}")
    expect(page).to_have_url(re.compile("from=2024-05-25T00%3A00"))
    live.press("Enter")
    expect(totals.locator("[data-column=issued] .big")).to_have_text("0.00")
    expect(page).to_have_url(re.compile(r"#dashboards/vouchers$"))


def test_a_panel_moves_when_a_figure_changes(
    filled_board: RunningBoard, open_page: Open, pool: platform.ClickHouse, board_broker: Broker
) -> None:
    theme = plan().indicators[CHILDCARE].theme
    page = open_page(filled_board, f"/#dashboards/{theme}")
    shown = box(page, f"{CHILDCARE}-now").locator(".big")
    changed = changed_figure(numerator=3300, version=5_000, status="met")
    assert changed.value is not None
    expected = f"{Decimal(changed.value).quantize(Decimal('0.01')):,}"
    expect(shown).not_to_have_text(expected)
    write_figures(pool, "indicator_live", [changed])
    produce(board_broker.bootstrap, [changed])
    expect(shown).to_have_text(expected)
    expect(box(page, "counts")).to_be_visible()


def test_a_panel_that_cannot_be_read_says_so_and_is_tried_again(
    filled_board: RunningBoard, open_page: Open, browser_errors: list[str]
) -> None:
    page = open_page(filled_board)
    problem = {"title": "暂不可用 · not available", "status": 503, "detail": "数据库没有回答 · no answer"}
    page.route("**/panels/missed?*", lambda route: route.fulfill(status=503, json=problem))
    page.goto(filled_board.url + address("county"))
    failed = page.locator("#box-missed")
    expect(failed).to_contain_text("数据库没有回答")
    expect(box(page, "counts").locator(".tile").first).to_be_visible()  # the others do not suffer
    page.unroute("**/panels/missed?*")
    failed.get_by_role("button", name="再试一次").click()
    expect(failed.locator("tbody tr").first).to_be_visible()
    expect(failed).not_to_contain_text("数据库没有回答")
    assert all("503" in error for error in browser_errors)
    browser_errors.clear()


def test_tables_are_saved_as_they_are_asked_for(filled_board: RunningBoard, open_page: Open) -> None:
    page = open_page(filled_board, address("tasks"))
    table = box(page, "tasks")
    for format, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        with page.expect_download() as waiting:
            table.locator(".download", has_text=format.upper()).click()
        saved = waiting.value
        assert saved.suggested_filename.endswith(f".{format}")
        assert saved.path().read_bytes().startswith(begins)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_fit_and_have_their_pictures_taken(
    filled_board: RunningBoard, open_page: Open, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(filled_board, address("county"), width=width, scheme=scheme, reduced=True)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for dashboard in ("county", plan().indicators[CHILDCARE].theme, "vouchers", "division"):
        page.goto(filled_board.url + address(dashboard))
        expect(page.locator(".boards [aria-current]")).to_have_attribute("href", f"#dashboards/{dashboard}")
        expect(page.locator(".box").first).not_to_have_attribute("aria-busy", "true")
        assert page.evaluate(BEYOND) == [], dashboard
        assert page.evaluate("document.documentElement.scrollWidth") == width, dashboard
        page.screenshot(path=SCREENSHOTS / f"dashboard-{dashboard}-{width}-{scheme}.png")
