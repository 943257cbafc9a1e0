"""The trend of a figure and the voucher hours: what ECharts has on its canvas is what the API says."""

import re
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from playwright.sync_api import JSHandle, Page, expect

from tests.board.county import TODAY, figures
from tests.board.running import RunningBoard, produce
from tests.browser.conftest import BEDS, Open
from tests.browser.test_page import CHILDCARE, COUNTY, SCREENSHOTS, TOWN, changed_figure
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

TREND = "#panel-chart .echart-plot"
LIBRARY = "/static/vendor/echarts/echarts.esm.min.js"
THEN = {"as_of": "2023-11-30", "known_at": "2023-12-15"}

SERIES = """async ([plot, library]) => {
    const { getInstanceByDom } = await import(library);
    const told = getInstanceByDom(document.querySelector(plot)).getOption();
    return Object.fromEntries(told.series.map((one) => [`${one.type} ${one.name}`, one.data]));
}"""
ZOOM = """async ([plot, library, start]) => {
    const { getInstanceByDom } = await import(library);
    const instance = getInstanceByDom(document.querySelector(plot));
    if (start !== null) instance.dispatchAction({ type: "dataZoom", start, end: 100 });
    return instance.getOption().dataZoom.map((zoom) => Math.round(zoom.start));
}"""
PLACES = """async ([plot, library, times]) => {
    const { getInstanceByDom } = await import(library);
    const instance = getInstanceByDom(document.querySelector(plot));
    return times.map((time) => instance.convertToPixel({ xAxisIndex: 0 }, time));
}"""


def drawn(page: Page, plot: str = TREND) -> dict[str, Any]:
    """The data of each series on the canvas, by its type and name in Chinese."""
    page.wait_for_selector(f"{plot} canvas")
    found: dict[str, Any] = page.evaluate(SERIES, [plot, LIBRARY])
    return {name.split(" · ")[0]: data for name, data in found.items()}


def zoom(page: Page, start: int | None = None) -> list[int]:
    """Where the stretch in sight begins, in percent, after it was made to begin at `start`."""
    page.wait_for_selector(f"{TREND} canvas")
    found: list[int] = page.evaluate(ZOOM, [TREND, LIBRARY, start])
    return found


def at(day: str | date) -> int:
    """A day as charts take it."""
    return int(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC).timestamp() * 1000)


def steps(answer: Any) -> list[list[float | None]]:
    """The line that a history makes: it holds its height until the next point, and ends where none is."""
    line: list[list[float | None]] = []
    held = None
    for point in answer["points"]:
        if point["value"] is None and held is not None:
            line.append([at(point["day"]), held])
        line.append([at(point["day"]), held := point["value"]])
    if held is not None and line[-1][0] != at(answer["until"]):
        line.append([at(answer["until"]), held])
    return line


def rows(page: Page) -> list[list[str]]:
    """The data table below the trend."""
    page.locator("#panel-chart .echart-data summary").click()
    page.wait_for_selector("#panel-chart .echart-data tbody tr")
    found: list[list[str]] = page.locator("#panel-chart .echart-data tbody tr").evaluate_all(
        "all => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return found


def test_the_trend_is_the_history_up_to_the_due_day(board: RunningBoard, open_page: Open) -> None:
    ahead = next(one for one in figures() if one.division == COUNTY and one.forecast_low is not None)
    assert ahead.due is not None
    assert ahead.target is not None
    page = open_page(board, f"/#{ahead.indicator}/{COUNTY}")
    answer = board.get(f"/v1/indicators/{ahead.indicator}/history", division=COUNTY)
    series = drawn(page)
    due = at(ahead.due)
    today = [at(TODAY), ahead.value]
    assert series["line 实绩"] == steps(answer)
    assert series["line 目标"] == [[at(answer["points"][0]["day"]), float(ahead.target)], [due, ahead.target]]
    assert series["line 达标所需"] == [today, [due, float(ahead.target)]]
    assert series["line 到期预测"] == [today, [due, ahead.forecast]]
    assert series["custom 80% 区间"] == [[due, ahead.forecast_low, ahead.forecast_high]]
    first, last = page.evaluate(PLACES, [TREND, LIBRARY, [at(answer["points"][0]["day"]), due]])
    width = page.locator(TREND).evaluate("e => e.clientWidth")
    assert 0 < first < 80
    assert width - 40 < last < width

    told = page.locator(TREND).get_attribute("aria-label") or ""
    assert "的历史" in told
    assert f"{ahead.due} 到期预测" in told
    expect(page.locator(".trend-forecast")).to_contain_text("80% 区间")
    found = rows(page)
    assert [row[0] for row in found] == [
        str(ahead.due),
        *(point["day"] for point in reversed(answer["points"])),
    ]


def test_the_pointer_and_the_arrow_keys_tell_what_held(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, f"/#{CHILDCARE}/{TOWN}")
    page.wait_for_selector(f"{TREND} canvas")
    tip = page.locator(f"{TREND} .tip-line").first
    page.locator(TREND).focus()
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("4.95")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(page.locator("#panel")).to_be_visible()
    page.locator(TREND).hover(position={"x": 200, "y": 100})
    expect(tip).to_contain_text("实绩")


def test_what_was_known_then_lies_beside_what_is_known_now(
    ledger_board: RunningBoard, open_page: Open
) -> None:
    page = open_page(ledger_board, f"/#{BEDS}/{COUNTY}")
    assert "line 现在所知" not in drawn(page)
    page.locator("#panel-known-at").fill(THEN["known_at"])
    page.locator("#panel-as-of").fill(THEN["as_of"])
    until = re.compile(f"至 {THEN['as_of']}")
    expect(page.locator(TREND)).to_have_attribute("aria-label", until)
    expect(page.locator(".trend-then")).to_contain_text("当时所知")
    path = f"/v1/indicators/{BEDS}/history"
    then = ledger_board.get(path, division=COUNTY, to=THEN["as_of"], known_at=THEN["known_at"])
    now = ledger_board.get(path, division=COUNTY)
    series = drawn(page)
    assert series["line 当时所知"] == steps(then)
    assert series["line 现在所知"] == steps(now)
    assert series["line 当时所知"] != series["line 现在所知"]
    newest = {day: told for day, *told in rows(page)}[now["points"][-1]["day"]]
    assert newest[0] == "—", "nothing was known then of what came later"
    assert newest[1] != "—"


def test_new_data_leaves_the_zoom_and_another_figure_begins_anew(
    board: RunningBoard, open_page: Open, board_broker: Broker
) -> None:
    page = open_page(board, f"/#{CHILDCARE}/{COUNTY}")
    assert zoom(page, 40) == [40, 40]
    changed = changed_figure(numerator=2_600, version=1_200, status="met")
    with page.expect_response(re.compile("/history")):
        produce(board_broker.bootstrap, [changed])
    expect(page.locator("#panel .big")).to_have_text(f"{changed.value:.2f}")
    assert zoom(page) == [40, 40]
    before: JSHandle = page.evaluate_handle("plot => document.querySelector(plot)", TREND)
    page.locator("#panel-division").select_option(TOWN)
    page.wait_for_function(
        "([plot, before]) => { const now = document.querySelector(plot); return now && now !== before; }",
        arg=[TREND, before],
    )
    assert zoom(page) == [0, 0]
    page.wait_for_function(
        """async ([before, library]) => !(await import(library)).getInstanceByDom(before)""",
        arg=[before, LIBRARY],
    )


def test_charts_follow_the_colours_and_the_language(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board, f"/#{CHILDCARE}/{COUNTY}")
    page.wait_for_selector(f"{TREND} canvas")
    colour = """async ([plot, library]) => {
        const { getInstanceByDom } = await import(library);
        return getInstanceByDom(document.querySelector(plot)).getOption().series[0].color;
    }"""
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    light = page.evaluate(colour, [TREND, LIBRARY])
    assert light == page.evaluate(accent)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"async (given) => (await ({colour})(given)) === {accent}", arg=[TREND, LIBRARY])
    assert page.evaluate(colour, [TREND, LIBRARY]) != light
    page.locator(".languages button[value=en]").dispatch_event("click")
    assert "line history" in drawn(page)
    expect(page.locator(TREND)).to_have_attribute("aria-label", re.compile("^history of "))


def test_the_library_is_read_when_a_chart_comes_in_sight(board: RunningBoard, open_page: Open) -> None:
    page = open_page(board)
    page.wait_for_selector("#hours .echart-data", state="attached")
    library = "performance.getEntriesByType('resource').some((one) => one.name.includes('/vendor/echarts/'))"
    assert page.evaluate(library) is False
    page.locator("#hours").scroll_into_view_if_needed()
    series = drawn(page, "#hours .echart-plot")
    assert page.evaluate(library) is True
    answer = board.get("/v1/vouchers")
    moments = list(dict.fromkeys(row["hour"] for row in answer["hours"]))
    for step, name in (("issued", "发放"), ("redeemed", "核销")):
        assert series[f"bar {name}"] == pytest.approx(
            [
                sum(
                    float(row["face_value"])
                    for row in answer["hours"]
                    if (row["hour"], row["step"]) == (moment, step)
                )
                for moment in moments
            ]
        )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_fit_and_have_their_picture_taken(
    board: RunningBoard, open_page: Open, width: int, scheme: Literal["light", "dark"]
) -> None:
    ahead = next(one for one in figures() if one.division == COUNTY and one.forecast_low is not None)
    page = open_page(board, width=width, scheme=scheme)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.locator("#hours").scroll_into_view_if_needed()
    drawn(page, "#hours .echart-plot")
    page.locator("#hours").screenshot(path=SCREENSHOTS / f"hours-{width}-{scheme}.png")
    page.goto(f"{board.url}/#{ahead.indicator}/{COUNTY}")
    drawn(page)
    rows(page)
    assert page.locator("#panel").evaluate("e => e.scrollWidth <= e.clientWidth")
    page.locator("#panel-chart").screenshot(path=SCREENSHOTS / f"trend-{width}-{scheme}.png")
