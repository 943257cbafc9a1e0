"""The upload page in a real browser, in front of a real ingest."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.browser.conftest import HEIGHTS
from tests.ingest.support import Service, voucher
from tests.support.brokers import Broker

pytestmark = pytest.mark.browser

STREAM = "consumption-voucher"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
AN_ANSWER_SAYS_NO = re.compile("Failed to load resource")
"""What chromium's console says of every answer that is no success; the page tells it to the person."""


class Ingest:
    """A running ingest and the key of an agency that may push vouchers only."""

    def __init__(self, service: Service, key: str) -> None:
        self.url = service.url
        self.key = key


@pytest.fixture(scope="module")
def ingest(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    ensure_topics(broker.bootstrap)
    folder = tmp_path_factory.mktemp("upload")
    key = add(folder / "agencies.json", "upload-office", [STREAM], ["532622"])
    service = Service(broker.bootstrap, folder)
    service.start()
    yield Ingest(service, key)
    service.stop()


Upload = Callable[..., Page]


@pytest.fixture
def upload(browser: Browser, browser_errors: list[str], ingest: Ingest) -> Iterator[Upload]:
    """Open the page in a new profile; at the end it must have asked no one else and reported no error."""
    contexts = []
    elsewhere: list[str] = []

    def opened(width: int = 1440, locale: str = "zh-CN") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]}, locale=locale, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: browser_errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                browser_errors.append(message.text)
                if message.type in ("error", "warning") and not AN_ANSWER_SAYS_NO.match(message.text)
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((ingest.url, "blob:")) else elsewhere.append(request.url)
            ),
        )
        page.goto(ingest.url)
        expect(page.locator("#stream option")).to_have_count(1 + len(STREAMS))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert browser_errors == []
    assert elsewhere == []


def ndjson(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return path


def vouchers(name: str, *numbers: int, **changes: Any) -> list[dict[str, Any]]:
    return [voucher(number, voucher_id=f"{name}-{number}", **changes) for number in numbers]


def fill(page: Page, key: str, file: Path, stream: str | None = STREAM) -> None:
    page.locator("#key").fill(key)
    if stream is not None:
        page.locator("#stream").select_option(stream)
    page.locator("#file").set_input_files(file)


def counts(page: Page, **expected: int) -> None:
    for name, number in expected.items():
        expect(page.locator(f"#counts [data-count={name}] dd")).to_have_text(f"{number:,}")


def test_all_accepted_and_again_a_duplicate(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    file = ndjson(tmp_path / "五月.ndjson", *vouchers("fine", *range(1_200)))
    fill(page, ingest.key, file)
    expect(page.locator("#chosen")).to_contain_text("五月.ndjson")
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("全部接收")
    counts(page, received=1_200, accepted=1_200, duplicate=0, rejected=0)
    expect(page.locator("#receipt-id")).to_have_text(re.compile(r"^[0-9a-f]{32}$"))
    expect(page.locator("#errors")).to_be_hidden()
    expect(page.locator("#bar")).to_be_hidden()


def test_errors_are_listed_mended_and_sent_again(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    bad = vouchers("bad", *range(2, 303), face_value="五十")
    file = ndjson(tmp_path / f"{STREAM}.五月.ndjson", *vouchers("bad", 1), *bad)
    fill(page, ingest.key, file, stream=None)
    expect(page.locator("#stream")).to_have_value(STREAM)
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("部分被拒收")
    expect(page.locator("#result-title")).to_be_focused()
    counts(page, received=302, accepted=1, duplicate=0, rejected=301)
    rows = page.locator("#errors-body tr")
    expect(rows).to_have_count(200)
    expect(page.locator("#errors-shown")).to_contain_text("前 200 条，共 301 条")
    expect(rows.first.locator("td").first).to_have_text("2")
    expect(rows.first).to_contain_text("face_value")
    expect(rows.first).to_contain_text("应为数字")
    page.locator("#errors-more").click()
    expect(rows).to_have_count(301)
    expect(page.locator("#errors-more")).to_be_hidden()

    ndjson(file, *vouchers("bad", *range(1, 303)))
    page.locator("#send").click()
    expect(page.locator("#trouble")).to_contain_text("改动过，请重新选择")
    page.locator("#file").set_input_files(file)
    expect(page.locator("#trouble")).to_be_hidden()
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("全部接收")
    counts(page, received=302, rejected=0)


def test_a_check_sends_nothing(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    fill(page, ingest.key, ndjson(tmp_path / "a.ndjson", *vouchers("check", 1)))
    page.locator("#check").click()
    expect(page.locator("#result-title")).to_contain_text("检查通过，尚未上报")
    expect(page.locator("#receipt")).to_be_hidden()
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("全部接收")
    counts(page, accepted=1, duplicate=0)


def test_a_sheet_with_nothing_below_its_header_is_no_success(
    upload: Upload, ingest: Ingest, tmp_path: Path
) -> None:
    page = upload()
    template = httpx.get(f"{ingest.url}/v1/schemas/{STREAM}", params={"format": "xlsx"}).content
    (tmp_path / "模板.xlsx").write_bytes(template)
    fill(page, ingest.key, tmp_path / "模板.xlsx")
    for button in ("#check", "#send"):
        page.locator(button).click()
        expect(page.locator("#result-title")).to_contain_text("没有数据行")
    counts(page, received=0)


def test_what_is_missing_or_wrong_is_said_where_it_is(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    trouble = page.locator("#trouble")
    file = ndjson(tmp_path / "a.ndjson", *vouchers("wrong", 1))
    page.locator("#send").click()
    expect(trouble).to_contain_text("请填写密钥")
    expect(page.locator("#key")).to_be_focused()
    page.locator("#key").fill("minmai_wrong")
    page.locator("#send").click()
    expect(trouble).to_contain_text("请选择数据流")
    page.locator("#stream").select_option("facility")
    page.locator("#send").click()
    expect(trouble).to_contain_text("请选择文件")
    old = tmp_path / "old.xls"
    old.touch()
    page.locator("#file").set_input_files(old)
    expect(trouble).to_contain_text("另存为 .xlsx")
    page.locator("#file").set_input_files(file)
    page.locator("#send").click()
    expect(trouble).to_contain_text("密钥无效")
    expect(page.locator("#key")).to_be_focused()
    page.locator("#key").fill(ingest.key)
    page.locator("#send").click()
    expect(trouble).to_contain_text("facility")
    page.route("**/v1/streams/**", lambda route: route.abort())
    page.locator("#send").click()
    expect(trouble).to_contain_text("没有收到应答")
    page.unroute("**/v1/streams/**")
    busy = {"status": 429, "headers": {"Retry-After": "7"}, "json": {"detail": "太快了"}}
    page.route("**/v1/streams/**", lambda route: route.fulfill(**busy))
    page.locator("#send").click()
    expect(trouble).to_contain_text("太快了（请等 7 秒再发")


def test_the_key_stays_in_the_page(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fill(page, ingest.key, ndjson(tmp_path / "a.ndjson", *vouchers("key", 1)))
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("全部接收")
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert ingest.key not in kept
    assert asked
    assert not any(ingest.key in url for url in asked)
    assert page.locator("#key").get_attribute("type") == "password"
    page.reload()
    expect(page.locator("#key")).to_have_value("")


def sheet_ingest(page: Page, seen: list[bytes]) -> None:
    """Answer as ingest answers to a sheet with an error, and with its marked copy."""

    def answer(route: Route) -> None:
        seen.append(route.request.post_data_buffer or b"")
        assert route.request.headers["content-type"] == XLSX
        fault = {
            **{"index": 4, "row": 7, "column": "C", "id": "F-5", "code": "invalid_field"},
            **{"field": "beds", "message": "应为数字，<b>不是</b>文字"},
        }
        route.fulfill(
            status=207,
            json={
                **{"receipt": "r" * 32, "received": 9, "accepted": 8, "duplicate": 0, "rejected": 1},
                **{"errors": [fault], "marked": "/v1/receipts/r/marked"},
            },
        )

    def copy(route: Route) -> None:
        assert route.request.headers["authorization"].startswith("Bearer minmai_")
        route.fulfill(status=200, body=b"PK marked", content_type=XLSX)

    page.route("**/v1/streams/**", answer)
    page.route("**/v1/receipts/**", copy)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_dropped_sheet_its_errors_and_its_marked_copy(
    upload: Upload, ingest: Ingest, tmp_path: Path, width: int
) -> None:
    page = upload(width)
    seen: list[bytes] = []
    sheet_ingest(page, seen)
    page.locator("#key").fill(ingest.key)
    page.locator("#stream").select_option(STREAM)
    page.evaluate(
        """() => {
            const carried = new DataTransfer();
            carried.items.add(new File(["PK sheet"], "机构.xlsx"));
            const told = (name) => document.getElementById("drop").dispatchEvent(
                new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true }));
            told("dragover");
            told("drop");
        }"""
    )
    expect(page.locator("#chosen")).to_contain_text("机构.xlsx")
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("部分被拒收")
    assert seen == [b"PK sheet"]
    cells = page.locator("#errors-body tr td")
    assert cells.all_text_contents() == ["7", "C", "beds", "F-5", "应为数字，<b>不是</b>文字"]
    for place in ("7", "C"):
        expect(page.locator("#errors-body").get_by_text(place, exact=True)).to_be_visible()
    with page.expect_download() as downloaded:
        page.locator("#marked").click()
    assert downloaded.value.suggested_filename == "机构.marked.xlsx"
    assert downloaded.value.path().read_bytes() == b"PK marked"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_a_real_sheet_marked_mended_and_sent_again(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    fields = list(voucher())
    place = fields.index("face_value") + 1
    book.active.append(["2024 年 5 月消费券"])
    book.active.append(fields)
    for record in vouchers("sheet", *range(1, 51)):
        book.active.append(list(record.values()))
    book.active.cell(10, place).value = "五十"
    path = tmp_path / "五月.xlsx"
    book.save(path)

    page = upload()
    fill(page, ingest.key, path)
    page.locator("#send").click()
    counts(page, received=50, accepted=49, rejected=1)
    cells = page.locator("#errors-body tr td").all_text_contents()
    assert cells[:3] == ["10", openpyxl.utils.get_column_letter(place), "face_value"]
    with page.expect_download() as downloaded:
        page.locator("#marked").click()
    marked = tmp_path / downloaded.value.suggested_filename
    assert marked.name == "五月.marked.xlsx"
    downloaded.value.save_as(marked)

    copy = openpyxl.load_workbook(marked)
    assert copy.active is not None
    copy.active.cell(10, place).value = 50
    copy.save(marked)
    page.locator("#file").set_input_files(marked)
    page.locator("#send").click()
    expect(page.locator("#result-title")).to_contain_text("全部接收")
    counts(page, received=50, rejected=0)


def test_by_keyboard_alone(upload: Upload, ingest: Ingest, tmp_path: Path) -> None:
    page = upload()
    # Asked for long before it is needed: Playwright does not wait until the browser hands choosers over.
    page.on("filechooser", lambda _chooser: None)
    stops = []
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(9):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.id"))
        if stops[-1] == "stream":
            page.keyboard.press("ArrowDown")
    assert stops[:3] == ["key", "show-key", "stream"]
    assert stops[6:] == ["file", "send", "check"]  # the templates are between
    page.locator("#show-key").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#key")).to_have_attribute("type", "text")
    page.locator("#file").focus()
    with page.expect_file_chooser():
        page.keyboard.press("Enter")


def test_the_templates_are_those_of_the_stream(upload: Upload, ingest: Ingest) -> None:
    page = upload()
    expect(page.locator("#templates")).to_be_hidden()
    page.locator("#stream").select_option("task-report")
    links = page.locator("#templates a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    schemas = "/v1/schemas/task-report"
    assert links == [f"{schemas}?format=xlsx", f"{schemas}?format=csv", schemas]
    assert httpx.get(ingest.url + schemas).json()["title"]


def test_the_page_cannot_load_from_elsewhere_nor_be_shown_in_another(ingest: Ingest) -> None:
    page, style = httpx.get(ingest.url), httpx.get(f"{ingest.url}/static/upload.css")
    for answer in (page, style):
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"
    assert page.headers["x-frame-options"] == "DENY"
    for path, status in (("/static/none.js", 404), ("/none", 404), (f"/v1/streams/{STREAM}", 405)):
        problem = httpx.get(ingest.url + path)
        assert problem.status_code == status
        assert problem.headers["content-type"] == "application/problem+json"
