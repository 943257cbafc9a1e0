"""A subscriber's own page in a real browser: what fires is taken on, wishes are changed, and one leaves."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from services.alerts.routing.store import UnknownOrder
from services.platform.settings import Common
from tests.alerts.pages.office import Office
from tests.browser.conftest import HEIGHTS

pytestmark = pytest.mark.browser

Opened = Callable[[str], Page]
TOO_WIDE = "Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)"


@pytest.fixture
def office(settings: Common) -> Iterator[Office]:
    made = Office(settings)
    yield made
    made.close()


@pytest.fixture
def opened(browser: Browser, browser_errors: list[str]) -> Iterator[Opened]:
    contexts = []

    def opened(link: str) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": HEIGHTS[1440]}, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: browser_errors.append(said.text))
        page.on("pageerror", lambda error: browser_errors.append(str(error)))
        page.goto(link)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert browser_errors == []


def test_an_alert_is_taken_on_and_silenced(office: Office, opened: Opened) -> None:
    link = office.subscribe()
    alert = office.fires()
    page = opened(link)
    article = page.locator(f"#alert-{alert.alert_id}")
    expect(article).to_contain_text(alert.name.zh)
    article.get_by_text("确认（我来处理）").click()
    article.get_by_label("备注").fill("正在核实")
    article.get_by_role("button", name="确认").click()
    expect(page.get_by_role("status")).to_contain_text("已确认")
    expect(article).to_contain_text("李娜 已确认")
    assert [one.note for one in office.store.acknowledgements()] == ["正在核实"]
    article.get_by_text("静默（对所有人）").click()
    article.get_by_label("原因").fill("系统检修")
    article.get_by_role("button", name="静默").click()
    expect(article).to_contain_text("静默至")
    assert [one.reason for one in office.store.silences()] == ["系统检修"]


def test_wishes_are_changed_by_keyboard(office: Office, opened: Opened) -> None:
    page = opened(office.subscribe())
    box = page.get_by_label("医疗卫生")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_label("语言").select_option("zh")
    page.get_by_label("方式").select_option("digest")
    page.get_by_label("汇总时间").fill("07:30")
    page.get_by_label("从").fill("22:00")
    page.get_by_label("到", exact=False).last.fill("07:00")
    page.get_by_role("button", name="保存").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("设置已保存")
    expect(page.get_by_label("医疗卫生")).to_be_checked()
    now = office.store.subscriber("li")
    assert (now.themes, now.language, now.mode) == (["health"], "zh", "digest")
    assert now.quiet is not None
    assert (now.quiet.begin.hour, now.quiet.end.hour) == (22, 7)


def test_one_leaves_with_two_steps(office: Office, opened: Opened) -> None:
    page = opened(office.subscribe())
    page.get_by_role("link", name="退订").click()
    page.get_by_role("button", name="确认退订").click()
    expect(page.get_by_role("status")).to_contain_text("已退订")
    with pytest.raises(UnknownOrder):
        office.store.subscriber("li")


def test_it_fits_and_reads(office: Office, opened: Opened) -> None:
    link = office.subscribe()
    for severity in ("critical", "warning", "info"):
        office.fires(alert_id=uuid4(), severity=severity)
    page = opened(link)
    expect(page.locator("article")).to_have_count(3)
    for width, height in HEIGHTS.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(TOO_WIDE) == 0, (width, scheme)
    nameless = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(one => !one.labels.length)"
        ".length"
    )
    assert nameless == 0
