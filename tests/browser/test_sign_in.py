"""Signing in, in a real browser: the way in and back, what roles see, alerts that operators take on."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from services.ingest import agencies
from services.platform import clickhouse as platform
from services.platform.access import users
from services.platform.access.identity import ROLES
from services.platform.settings import Common
from tests.board.conftest import filled
from tests.board.county import UPDATED, write_alerts
from tests.board.running import RunningBoard
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser

PASSWORD = "green-mountain-47"
WAIT_SECONDS = 30.0
FIRING = UUID(int=0)
SIZES = {1440: 900, 768: 1024, 390: 844}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("access") / "users.json"
    for role in ROLES:
        users.add(path, f"the-{role}", role, PASSWORD)
    return path


@pytest.fixture(scope="module")
def tables(clickhouse: ClickHouse) -> Iterator[platform.ClickHouse]:
    """A database of these tests' own, with alerts."""
    name = "browser_sign_in"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    pool = filled(Common(clickhouse_port=clickhouse.port, clickhouse_database=name))
    write_alerts(pool)
    letters = [
        {
            **{"id": f"{number:032x}", "service": "ingest", "stream": "facility", "source": "health-bureau"},
            **{"time": UPDATED, "record_id": f"TY-{number}", "receipt": "r-1", "place": f"push/r-1/{number}"},
            **{"code": "invalid_field", "field": "places", "message": "太大 · too large"},
            **{"encoding": "utf-8", "raw": "what the record says"},
        }
        for number in range(3)
    ]
    pool.insert("dead_letter", {column: [one[column] for one in letters] for column in letters[0]})
    pool.insert("dead_letter_replayed", {"letter": [letters[0]["id"]], "outcome": ["counted"]})
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def closed(
    tables: platform.ClickHouse,
    clickhouse: ClickHouse,
    board_broker: Broker,
    file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningBoard]:
    """A board on which one signs in."""
    settings = Common(
        kafka=board_broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=tables.database
    )
    agencies.add(file.with_name("agencies.json"), "health-bureau", ["facility"], ["532622"])
    more = {
        "MINMAI_AGENCIES": str(file.with_name("agencies.json")),
        "MINMAI_SIGN_IN": "password",
        "MINMAI_USERS": str(file),
        "MINMAI_SESSION_SECRET": "kept-in-this-test-only-0123456789abcdef",
    }
    running = RunningBoard(settings, tmp_path_factory.mktemp("closed") / "board.log", more=more)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser, closed: RunningBoard) -> Iterator[Page]:
    """A page of a new profile; what is refused to it is reported as an error, which is what is tried here."""
    context = browser.new_context(
        base_url=closed.url, viewport={"width": 1440, "height": 900}, locale="zh-CN"
    )
    found = context.new_page()
    broken: list[str] = []
    found.on("pageerror", lambda error: broken.append(str(error)))
    yield found
    context.close()
    assert broken == []


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


def test_one_signs_in_comes_where_one_wanted_and_signs_out(page: Page) -> None:
    page.goto("/?lang=zh#tasks")
    expect(page).to_have_url("/sign-in?next=%2F%3Flang%3Dzh#tasks")
    expect(page.get_by_label("用户名")).to_be_focused()
    expect(page.locator("h1")).to_contain_text("县")
    expect(page.locator("#synthetic")).to_be_visible()
    sign_in(page, "the-operator", "wrong-password")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("用户名或密码不对")
    expect(page.get_by_label("密码")).to_be_focused()
    expect(page.get_by_label("密码")).to_have_value("")
    expect(page.get_by_label("用户名")).to_have_value("the-operator")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=tasks]")).to_be_visible()
    expect(page).to_have_url("/?lang=zh#tasks")
    expect(page.locator("#signed-in")).to_contain_text("the-operator")
    expect(page.locator("#signed-in")).to_contain_text("值班")
    assert page.evaluate("document.cookie") == ""
    page.locator("#signed-in").get_by_role("button", name="退出").click()
    expect(page).to_have_url("/sign-in")
    page.goto("/")
    expect(page).to_have_url("/sign-in?next=%2F")


@pytest.mark.parametrize(
    "next", ["//evil.example", "https://evil.example", "/%5Cevil.example", "javascript:alert(1)"]
)
def test_an_address_of_another_site_leads_to_the_board(page: Page, closed: RunningBoard, next: str) -> None:
    page.goto(f"/sign-in?next={next}")
    sign_in(page, "the-viewer")
    expect(page).to_have_url(f"{closed.url}/")
    page.wait_for_selector("#connection[data-state=live]")


def test_one_changes_ones_own_password(page: Page, file: Path) -> None:
    users.add(file, "zhao", "viewer", PASSWORD)
    page.goto("/")
    sign_in(page, "zhao")
    page.get_by_role("button", name="改密码").click()
    dialog = page.get_by_role("dialog", name="改密码")
    for old, new, again, told in (
        (PASSWORD, "blue-river-48-49", "blue-river-48-50", "两次"),
        ("wrong-password", "blue-river-48-49", "blue-river-48-49", "原密码不对"),
        (PASSWORD, "short", "short", "12"),
        (PASSWORD, "blue-river-48-49", "blue-river-48-49", "密码已改"),
    ):
        for label, value in (("原密码", old), ("新密码（", new), ("再输", again)):
            dialog.get_by_label(label).fill(value)
        dialog.get_by_role("button", name="更改").click()
        expect(dialog).to_contain_text(told)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    page.get_by_role("button", name="退出").click()
    sign_in(page, "zhao", "blue-river-48-49")
    page.wait_for_selector("#connection[data-state=live]")


def test_an_open_page_leads_to_signing_in_when_its_session_ends(page: Page, file: Path) -> None:
    users.add(file, "wang", "viewer", PASSWORD)
    page.goto("/")
    sign_in(page, "wang")
    page.wait_for_selector("#connection[data-state=live]")
    users.remove(file, "wang")
    expect(page).to_have_url("/sign-in?next=%2F")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_every_screen(browser: Browser, closed: RunningBoard, scheme: str) -> None:
    for width, height in SIZES.items():
        for lang in ("both", "zh", "en"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            page = context.new_page()
            page.goto(f"{closed.url}/sign-in?lang={lang}")
            expect(page.locator("#county")).not_to_have_text("民脉 minmai")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (width, lang)
            for element in page.locator("main :is(h1, p, label, input, button, a)").all():
                if not element.is_visible():
                    continue
                box = element.bounding_box()
                assert box
                assert box["x"] >= 0, (width, lang)
                assert box["x"] + box["width"] <= width, (width, lang)
            context.close()


def test_who_may_only_look_is_offered_nothing_else(page: Page) -> None:
    page.goto("/")
    sign_in(page, "the-viewer")
    expect(page.locator("#alerts li").first).to_be_visible()
    expect(page.locator("#signed-in")).to_contain_text("the-viewer")
    expect(page.locator(".acts")).to_have_count(0)


def test_an_operator_acknowledges_and_silences_an_alert(page: Page, tables: platform.ClickHouse) -> None:
    page.goto("/")
    sign_in(page, "the-operator")
    item = page.locator("#alerts li", has_text="每千人口托位数低于目标")
    item.get_by_role("button", name="确认").click()
    dialog = page.get_by_role("dialog", name="确认")
    expect(dialog.locator("textarea")).to_be_focused()
    dialog.locator("textarea").fill("正在核实 on it")
    dialog.get_by_role("button", name="确认").click()
    expect(dialog).to_have_count(0)
    expect(item.locator(".told")).to_contain_text("已提交")

    def taken() -> list[tuple[object, ...]]:
        return list(tables.query("SELECT alert_id, author, note FROM alert_ack"))

    assert eventually(taken, WAIT_SECONDS, "it is kept") == [(FIRING, "the-operator", "正在核实 on it")]
    item.get_by_role("button", name="静默").click()
    dialog = page.get_by_role("dialog", name="静默")
    dialog.locator("select").select_option("24")
    dialog.get_by_role("button", name="静默").click()
    expect(dialog).to_be_visible()  # a reason is missing
    dialog.locator("textarea").fill("线路检修")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    [(said, by)] = eventually(
        lambda: list(tables.query("SELECT silence, by FROM alert_silence")), WAIT_SECONDS, "it is kept"
    )
    assert by == "the-operator"
    assert "线路检修" in said
    assert str(FIRING) in said


def test_the_office_shows_each_role_what_is_its_own(
    page: Page, file: Path, tables: platform.ClickHouse
) -> None:
    page.goto("/office")
    sign_in(page, "the-viewer")
    expect(page.locator("#trouble")).to_contain_text("值班和管理")
    page.get_by_role("button", name="退出").click()
    sign_in(page, "the-operator")
    page.get_by_role("link", name="值班室").click()
    expect(page.locator("h2")).to_have_count(1)
    row = page.get_by_role("region", name="被拒记录").locator("tbody tr")
    expect(row).to_contain_text("设施机构")
    expect(row.locator(".num")).to_have_text(["2", "1"])
    row.get_by_role("button", name="health-bureau").click()
    expect(page.locator(".letters tbody tr")).to_have_count(3)
    expect(page.locator(".letters")).to_contain_text("太大")
    page.get_by_role("button", name="退出").click()
    sign_in(page, "the-admin")
    expect(page.locator("#signed-in")).to_contain_text("the-admin")
    eventually(
        lambda: tables.query("SELECT 1 FROM access_log WHERE name = 'the-operator'"),
        WAIT_SECONDS,
        "the operator's sign-in is in the log",
    )
    page.goto("/office")
    expect(page.locator("h2")).to_have_count(4)
    expect(page.get_by_role("region", name="用户")).to_contain_text("the-admin")
    expect(page.get_by_role("region", name="单位")).to_contain_text("health-bureau")
    expect(page.get_by_role("region", name="操作记录")).to_contain_text("the-operator")
    text = page.locator("body").inner_text()
    kept = json.loads(file.with_name("agencies.json").read_text())["agencies"][0]["keys"][0]["sha256"]
    assert "argon2" not in text
    assert kept[:8] not in text
    assert "what the record says" not in page.content()
