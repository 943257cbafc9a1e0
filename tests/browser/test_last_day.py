"""The whole way from a push to the screen, with the clock at the plan's last day, and then the day after.

A county's records of three years go to ingest over HTTP; the aggregator counts them; the page must show what
lies in `indicator_live`, and that must be what an independent count says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from cli.sample.county import END, sample
from cli.sample.outbox import CIVIL, HEALTH
from cli.sample.truth import counted, history
from schemas.indicator import Figure
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.board.county import plan
from tests.browser.conftest import Open
from tests.browser.test_page import COUNTY, shown
from tests.e2e import judging
from tests.support.brokers import new_broker
from tests.support.clickhouse import ClickHouse
from tests.support.sampled import accounts, push
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.long]

NEXT_DAY = END + timedelta(days=1)
COUNTED_SECONDS = 180.0

SCREEN = """() => Object.fromEntries([...document.querySelectorAll("#themes [data-figure]")].map((name) => {
    const box = name.closest(".card, tr");
    const number = box.querySelector(".big") ?? box.querySelector("td b");
    const { status } = (box.dataset.status ? box : box.querySelector("td")).dataset;
    return [name.dataset.figure, [number.innerText, status]];
}))"""


@dataclass(frozen=True)
class County:
    """An installation at work, with the sample's records on their way."""

    ingest: Service
    board: Service
    db: platform.ClickHouse
    keys: dict[str, str]
    accepted: list[dict[str, Any]]

    def push(self, agency: str, stream: str, record: dict[str, Any]) -> None:
        """Push one record, which must be accepted."""
        answer = httpx.post(
            f"{self.ingest.url}/v1/streams/{stream}",
            json=[record],
            headers={"Authorization": f"Bearer {self.keys[agency]}"},
        )
        assert answer.status_code == 200, answer.text

    def live(self) -> list[Figure]:
        """What lies in `indicator_live` of the county."""
        names = list(Figure.model_fields)
        rows = self.db.query(
            f"SELECT {', '.join(names)} FROM indicator_live FINAL WHERE division = %(county)s",
            {"county": COUNTY},
        )
        return [Figure.model_validate(dict(zip(names, row, strict=True))) for row in rows]


@pytest.fixture(scope="module")
def at_work(
    clickhouse: ClickHouse, broker_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[County]:
    """Three years of a county, up to the plan's last day, pushed to running services."""
    folder = tmp_path_factory.mktemp("last_day")
    broker = new_broker(broker_kind, folder)
    broker.start()
    with clickhouse.client() as client:
        client.execute("CREATE DATABASE last_day")
    settings = Common(
        kafka=broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database="last_day",
        plan=YANSHAN,
        clock="event",
    )
    migrate(settings)
    ensure_topics(settings.kafka)
    keys = accounts(folder / "agencies.json", COUNTY)
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock=settings.clock,
        agencies=folder / "agencies.json",
        journal=folder / "journal",
        synthetic="true",
    )
    services = {name: Service(name, env, folder) for name in ("ingest", "aggregate", "board")}
    for service in services.values():
        service.start(ready=False)
    services["ingest"].wait_ready()
    accepted = push(services["ingest"].url, keys, sample(plan(), scale=0.05, seed=5))
    services["aggregate"].wait_ready()
    services["board"].wait_ready()
    db = platform.ClickHouse(settings)
    yield County(services["ingest"], services["board"], db, keys, accepted)
    db.close()
    for service in services.values():
        service.kill()
        print(service.tail())  # pytest shows it when a test has failed
    broker.stop()


def wait_until_right(county: County, day: date) -> None:
    """Return when the live figures are those of `day`, and what an independent count says."""
    wanted = history(plan(), counted(county.accepted), [*judging.dues_over(day), day])
    eventually(
        lambda: judging.live_differences(county.db, wanted, day),
        COUNTED_SECONDS,
        f"the live figures are those of {day}",
        until=lambda found: not found,
        pause=0.5,
    )


def wait_until_shown(page: Page, county: County, day: date) -> dict[str, Figure]:
    """Return the county's rows of the table, by indicator, when the page shows all of them."""
    expect(page.locator("#as-of")).to_have_attribute("datetime", day.isoformat())
    rows = county.live()
    expected = {}
    for figure in rows:
        declaration = plan().indicators[figure.indicator]
        value = shown(declaration, figure)
        if figure.value is None and declaration.target is not None:
            value = "—"
        expected[f"{figure.indicator}/{COUNTY}"] = [value, figure.status]
    eventually(
        lambda: page.evaluate(SCREEN), 60, "the page shows the table", until=lambda seen: seen == expected
    )
    return {figure.indicator: figure for figure in rows}


def of_the_plan(figures: dict[str, Figure]) -> list[Figure]:
    """The figures whose target is due on the plan's last day, and which have a value."""
    return [
        figure
        for name, indicator in plan().indicators.items()
        if indicator.target and indicator.target.due == END and (figure := figures[name]).value is not None
    ]


def pace(page: Page, figure: Figure) -> Locator:
    """The line of a card that looks ahead."""
    return page.locator(f".card:has([data-figure='{figure.indicator}/{COUNTY}']) .pace")


def test_the_last_day_and_the_day_after(at_work: County, open_page: Open) -> None:
    wait_until_right(at_work, END)
    page = open_page(at_work.board)
    page.evaluate("window.__same = true")
    last = of_the_plan(wait_until_shown(page, at_work, END))
    assert {figure.status for figure in last} == {"met", "off_track"}, "nothing can be on its way any more"
    assert all(figure.due == END and figure.value_at_due is None for figure in last)
    for figure in last:
        expect(pace(page, figure)).not_to_contain_text("到期预测")

    # A record of the next day: the clock goes on, and so does the open page, by itself.
    report = {"task": 1, "percent": 100, "status": "done", "time": f"{NEXT_DAY}T09:00:00+08:00"}
    at_work.push(CIVIL, "task-report", report)
    wait_until_right(at_work, NEXT_DAY)
    over = of_the_plan(wait_until_shown(page, at_work, NEXT_DAY))
    assert page.evaluate("window.__same") is True
    assert [figure.indicator for figure in over] == [figure.indicator for figure in last]
    assert {figure.status for figure in over} == {"met", "missed"}
    for before, after in zip(last, over, strict=True):
        assert (before.status == "met") == (after.status == "met"), before.indicator
        assert after.forecast is None
        assert after.value_at_due == before.value
        expect(pace(page, after)).to_contain_text("到期日数值")
        expect(pace(page, after)).not_to_contain_text("到期预测")
    missed = sum(figure.status == "missed" for figure in over)
    assert int(page.locator("#tally [data-pick=missed] b").inner_text()) >= missed > 0

    # What was missed says so, with the value on the due day, and draws nothing beyond today.
    one = next(figure for figure in over if figure.status == "missed")
    page.goto(f"{at_work.board.url}/#{one.indicator}/{COUNTY}")
    panel = page.locator("#panel")
    expect(panel.locator(".badge").first).to_contain_text("逾期未达")
    expect(panel.locator(".panel-value")).to_contain_text("到期日数值")
    expect(panel.locator(".panel-value")).not_to_contain_text("到期预测")
    expect(panel.locator("#panel-chart")).not_to_contain_text("预测")


def test_a_pushed_record_changes_the_open_page(at_work: County, open_page: Open) -> None:
    page = open_page(at_work.board)
    page.evaluate("window.__same = true")
    name = "childcare_places_per_1000"
    number = page.locator(f".card:has([data-figure='{name}/{COUNTY}']) .big")
    before = number.inner_text()
    [newest] = at_work.db.query("SELECT max(newest_time) FROM feed_live")[0]
    home = {
        "facility_id": "NEW-CHILDCARE",
        "name": "新建托育园",
        "division": "532622101001",
        "status": "open",
        "ownership": "public",
        "kind": "childcare",
        "time": newest.isoformat(),
    }
    places = {"facility_id": home["facility_id"], "total": 400, "inclusive": 0, "enrolled": 0}
    at_work.push(HEALTH, "facility", home)
    at_work.push(HEALTH, "childcare-place", {**places, "time": newest.isoformat()})
    expect(number).not_to_have_text(before)
    [figure] = [one for one in at_work.live() if one.indicator == name]
    expect(number).to_have_text(shown(plan().indicators[name], figure))
    assert page.evaluate("window.__same") is True
