"""The tasks in a real browser: who promised what, what was reported, what was not."""

from collections import Counter
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from services.platform import clickhouse as platform
from tests.board.county import UPDATED, plan
from tests.board.running import RunningBoard
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser


def report(
    tables: platform.ClickHouse, task: int, percent: int, status: str, *, note: str = "", version: int = 1
) -> None:
    """A task's newest report, as the aggregator leaves it."""
    row = {
        "task": task,
        "percent": percent,
        "status": status,
        "note": note,
        "reported_at": UPDATED - timedelta(days=task),
        "source": "县教育体育局",
        "record_id": f"report-{task}",
        "version": version,
        "updated_at": UPDATED,
    }
    tables.insert("task_live", {name: [value] for name, value in row.items()})


def test_tasks_reports_and_filters(
    own_board: RunningBoard, open_page: Open, tables: platform.ClickHouse
) -> None:
    report(tables, 1, 45, "on_schedule", note="已开工 <b>两所</b>幼儿园")
    report(tables, 3, 10, "delayed")
    page = open_page(own_board, "/#tasks")
    rows = page.locator(".task:visible")
    expect(rows).to_have_count(len(plan().tasks))
    expect(page.locator("#task-tally [data-pick=not_reported] b")).to_have_text(str(len(plan().tasks) - 2))
    expect(page.locator(".action h3")).to_have_count(len({task.action.zh for task in plan().tasks.values()}))
    first, task = page.locator("[data-task='1']"), plan().tasks[1]
    for text in (task.title.zh, task.title.en, *task.lead, *task.cooperating, "45 %", "按计划推进"):
        expect(first).to_contain_text(text)
    expect(first.locator(".note")).to_have_text("已开工 <b>两所</b>幼儿园")
    for indicator in task.indicators:
        expect(first).to_contain_text(plan().indicators[indicator].name.zh)
    unreported = page.locator("[data-task='2']")
    expect(unreported).to_contain_text("尚未报告")
    expect(unreported).not_to_contain_text("0 %")

    leads = Counter(lead for task in plan().tasks.values() for lead in task.lead)
    page.locator("#lead").select_option("县卫生健康局")
    expect(rows).to_have_count(leads["县卫生健康局"])
    page.locator("#lead").select_option("")
    page.locator("#task-tally [data-pick=delayed]").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("进展滞后")

    # A new report comes up while the view is open; the choice stays.
    report(tables, 2, 30, "delayed", version=2)
    expect(rows).to_have_count(2)  # the page asks every 15 s
    page.locator("#task-tally [data-pick=all]").click()
    first.locator(".measure").first.click()
    expect(page.locator("#panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{own_board.url}/#tasks")
