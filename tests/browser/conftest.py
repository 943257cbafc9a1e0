"""Debian's chromium, driven by Playwright: an empty profile for each page, nothing else on the wire.

These tests run only where `-m` asks for `browser`, as CI does.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from schemas.indicator import Figure
from services.board.tables.figures import HistoryPoint
from services.figures.standing import Reading
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board import ledger
from tests.board.conftest import board, board_broker, county, settings, tables
from tests.board.county import PLAN, TODAY, write_figures, write_history
from tests.board.running import RunningBoard, following
from tests.browser.views import HEIGHTS
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service

__all__ = ["board", "board_broker", "county", "settings", "tables"]

CHROMIUM = Path("/usr/bin/chromium")
SEED = 20_240_531
COUNTY = "532622"
BEDS = "medical_beds_per_1000"
"""The indicator whose history the board of records has."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000
"""How long a page may take to show what it must: a past moment is worked out from the records, and a busy
machine takes its time. Reaching it fails the test."""

Open = Callable[..., Page]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "browser" in config.getoption("-m"):
        return
    here = Path(__file__).parent
    mine = [item for item in items if here in item.path.parents]
    if mine:
        config.hook.pytest_deselected(items=mine)
        items[:] = [item for item in items if item not in mine]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def browser_errors() -> list[str]:
    """What open pages have reported; whatever is left here at the end fails the test."""
    return []


@pytest.fixture
def open_page(browser: Browser, browser_errors: list[str]) -> Iterator[Open]:
    """Open the board in a new profile; at the end no page may have reported an error.

    `live`: it follows the stream of changes, and is returned when it does and shows its figures.
    """
    errors = browser_errors
    contexts = []

    def opened(
        running: RunningBoard | Service,
        path: str = "/",
        *,
        width: int = 1440,
        scheme: Literal["light", "dark"] = "light",
        reduced: bool = False,
        live: bool = True,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme=scheme,
            reduced_motion="reduce" if reduced else "no-preference",
            locale="zh-CN",
            device_scale_factor=1 if width > 640 else 2,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.goto(running.url + path)
        if live:
            page.wait_for_selector("#connection[data-state=live]")
            page.wait_for_selector("#main:not([aria-busy])")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def own_board(
    settings: Common, tables: platform.ClickHouse, board_broker: Broker, tmp_path: Path
) -> Iterator[RunningBoard]:
    """A running board of a database of this test's own."""
    running = RunningBoard(following(settings, board_broker), tmp_path / "board.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def ledger_board(
    clickhouse: ClickHouse, board_broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBoard]:
    """A running board of a county with records and the figures they come to today. It is shared."""
    name = "browser_ledger"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    settings = Common(
        kafka=board_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        clickhouse_database=name,
        plan=PLAN,
    )
    migrate(settings)
    pool = platform.ClickHouse(settings)
    ledger.write(pool, ledger.Ledger(SEED).events())
    running = RunningBoard(settings, tmp_path_factory.mktemp("ledger_board") / "board.log")
    running.start()
    # As known by now: computed from the records, which is what the aggregator would have come to.
    answer = running.get("/v1/indicators", as_of=str(TODAY), known_at=str(TODAY))
    rows = [Figure.model_validate(row) for one in answer["indicators"] for row in one["figures"]]
    write_figures(pool, "indicator_live", rows)
    told = running.get(f"/v1/indicators/{BEDS}/history", known_at=str(TODAY))["points"]
    points = [HistoryPoint.model_validate(point) for point in told]
    readings = [(point.day, Reading(**point.model_dump(exclude={"day"}))) for point in points]
    write_history(pool, [(BEDS, COUNTY, day, reading) for day, reading in readings])
    pool.close()
    yield running
    running.stop()
