"""Downloads: what the API answers, as sheets that people and programs read right, and that run nothing."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from schemas.declaration import Text
from services.board.panels.every import dashboards
from services.board.sheets import files
from services.board.sheets.files import FileFormat, TooLong, write
from services.board.sheets.sheet import Cell, Sheet, head, moment_head
from services.platform.settings import Common
from tests.board.county import TODAY, figures, plan
from tests.board.test_api import application

CHINA = ZoneInfo("Asia/Shanghai")
NAME = Text(zh="名称", en="name")
CHILDCARE = "childcare_places_per_1000"
YEAR = {"from": "2023-06-01", "to": "2024-05-31"}


@pytest.fixture(scope="module")
def api(county: Common) -> TestClient:
    return application(county.model_copy(update={"clock": "event"}))


def sheet(rows: Sequence[Sequence[Cell]], columns: int = 1) -> Sheet:
    heads = [head(NAME, "元", 2) if number else head(NAME) for number in range(columns)]
    place = ("砚山县", "532622")
    return Sheet(NAME, "names", place, "2024-05-31", CHINA, heads, rows, [(NAME, "=1+1")])


def read(content: bytes, kind: FileFormat) -> list[list[Any]]:
    if kind == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]


def written(given_sheet: Sheet, kind: FileFormat) -> bytes:
    file = io.BytesIO()
    write(given_sheet, kind, file)
    return file.getvalue()


def got(api: TestClient, path: str, kind: FileFormat = "csv", **params: str) -> list[list[Any]]:
    response = api.get(path, params={**params, "format": kind})
    assert response.status_code == 200, response.text
    return read(response.content, kind)


def name_of(response: httpx.Response) -> str:
    """The file's name, as a browser reads it."""
    found = re.search(r"filename\*=UTF-8''(\S+)$", response.headers["content-disposition"])
    assert found
    return unquote(found[1])


def rows_of(table: list[list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(table[0], row, strict=True)) for row in table[1:])


def test_excel_knows_a_csv_file_s_encoding_and_lines() -> None:
    content = written(sheet([["砚山县"]]), "csv")
    assert content == "\ufeff名称 · name\r\n砚山县\r\n".encode()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x")']
)
def test_nothing_that_somebody_sent_is_run(text: str) -> None:
    [_head, [cell]] = read(written(sheet([[text]]), "csv"), "csv")
    assert cell[0] == "'"
    assert cell[1:] == text
    book = openpyxl.load_workbook(io.BytesIO(written(sheet([[text]]), "xlsx")))
    assert {cell.data_type for page in book.worksheets for row in page.iter_rows() for cell in row} == {"s"}


@given(st.text(max_size=50))
def test_any_text_can_be_written(text: str) -> None:
    for kind in ("csv", "xlsx"):
        [_head, *rows] = read(written(sheet([[text, "end"]], 2), kind), kind)  # type: ignore[arg-type]
        assert rows[0][1] == "end"
        assert len(rows) == 1


def test_numbers_are_numbers_and_moments_by_the_county_s_clock() -> None:
    moment = datetime(2023, 12, 31, 16, 0, 5, 999, tzinfo=UTC)
    row: list[Cell] = [Decimal("20.5000"), -1.25, 7, True, date(2024, 1, 1), moment, None]
    [_head, told] = read(written(sheet([row], len(row)), "csv"), "csv")
    assert told == ["20.5", "-1.25", "7", "是 · yes", "2024-01-01", "2024-01-01 00:00:05", ""]
    [_head, told] = read(written(sheet([row], len(row)), "xlsx"), "xlsx")
    assert told == [
        *(20.5, -1.25, 7, "是 · yes", datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 5)),  # noqa: DTZ001
        None,
    ]
    assert moment_head(NAME, CHINA).text == "名称 · name (Asia/Shanghai)"


def test_more_digits_than_excel_keeps_stay_as_they_are() -> None:
    [_head, [told]] = read(written(sheet([[Decimal("12345678901234567.89")]]), "xlsx"), "xlsx")
    assert told == "12345678901234567.89"


def test_a_file_is_whole_or_none(monkeypatch: pytest.MonkeyPatch, api: TestClient) -> None:
    monkeypatch.setattr(files, "ROWS", 3)
    for kind in ("csv", "xlsx"):
        assert len(read(written(sheet([["x"]] * 3), kind), kind)) == 4  # type: ignore[arg-type]
        with pytest.raises(TooLong):
            written(sheet([["x"]] * 4), kind)  # type: ignore[arg-type]
        response = api.get(f"/v1/tasks?format={kind}")
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_figures_are_those_of_the_answer(api: TestClient, kind: FileFormat) -> None:
    table = list(rows_of(got(api, "/v1/indicators", kind)))
    assert len(table) == len(figures())
    for row, figure in zip(table, figures(), strict=True):
        declared = plan().indicators[figure.indicator]
        assert row["指标编号 · id"] == figure.indicator
        assert row["指标 · indicator"] == f"{declared.name.zh} · {declared.name.en}"
        assert row["区划代码 · division code"] == figure.division
        if figure.value is None:
            assert row["现值 · value"] in ("", None)
        else:
            assert float(row["现值 · value"]) == pytest.approx(figure.value)
    statuses = {row["状态 · status"] for row in table}
    assert {"达标 · met", "逾期未达 · missed", "监测 · watched, no target"} <= statuses


def test_one_division_or_day_alone(api: TestClient) -> None:
    table = got(api, f"/v1/indicators/{CHILDCARE}", division="532622101", as_of="2024-04-01")
    assert len(table) == 2
    told = api.get(f"/v1/indicators/{CHILDCARE}?division=532622101&as_of=2024-04-01").json()
    [row] = rows_of(table)
    assert float(row["现值 · value"]) == told["figures"][0]["value"]
    assert row["数据日 · as of"] == "2024-04-01"


def test_a_history_is_that_of_the_answer(api: TestClient) -> None:
    table = list(rows_of(got(api, f"/v1/indicators/{CHILDCARE}/history", **YEAR)))
    told = api.get(f"/v1/indicators/{CHILDCARE}/history", params=YEAR).json()["points"]
    assert [row["起始日 · from this day on"] for row in table] == [point["day"] for point in told]
    unit = plan().indicators[CHILDCARE].unit.zh
    assert [float(row[f"现值 · value ({unit})"]) for row in table] == [point["value"] for point in told]
    assert {row["状态 · status"] for row in table} <= {"达标 · met", "未达标 · below target"}


def test_tasks_are_all_there(api: TestClient) -> None:
    table = list(rows_of(got(api, "/v1/tasks")))
    assert [int(row["序号 · number"]) for row in table] == sorted(plan().tasks)
    assert {row["状态 · status"] for row in table} == {"尚未报告 · not reported yet"}


@pytest.mark.parametrize(("kind", "some"), [("csv", slice(None)), ("xlsx", slice(-2, None))])
def test_every_panel_has_a_sheet(api: TestClient, kind: FileFormat, some: slice) -> None:
    for whole in dashboards(plan())[some]:
        for panel in whole.panels:
            path = f"/v1/dashboards/{whole.id}/panels/{panel.id}"
            table = got(api, path, kind, **YEAR)
            told = api.get(path, params=YEAR).json()
            assert len(table) == len(told["rows"]) + 1, path
            for column, title in zip(panel.columns, table[0], strict=True):
                assert str(title).startswith(column.title.zh), path


def test_a_panel_s_sheet_has_words_for_codes(api: TestClient) -> None:
    table = got(api, "/v1/dashboards/county/panels/wall")
    assert table[0][:2] == ["指标 · indicator", "砚山县"]
    cells = {cell for row in table[1:] for cell in row[1:]}
    assert "达标 · met" in cells
    assert not cells & {"met", "on_track", "no_data"}


def test_the_name_says_what_where_and_as_of_when(api: TestClient, county: Common) -> None:
    cases = {
        "/v1/indicators?format=csv": "砚山县-演示-指标-2024-05-31.csv",
        f"/v1/indicators/{CHILDCARE}/history?format=xlsx&division=532622101": (
            f"{plan().divisions['532622101'].name}-演示-"
            f"{plan().indicators[CHILDCARE].name.zh}-历史-2024-05-31.xlsx"
        ),
        "/v1/indicators?format=csv&as_of=2024-04-01": "砚山县-演示-指标-2024-04-01.csv",
        "/v1/tasks?format=xlsx": "砚山县-演示-任务-2024-05-31.xlsx",
        "/v1/dashboards/county/panels/counts?format=csv": (
            "砚山县-演示-全县一览-目标按状态-2024-05-31T14.30.csv"
        ),
    }
    for path, name in cases.items():
        response = api.get(path)
        assert name_of(response) == name
        # For programs that read no other: plain ASCII.
        assert 'filename="' in response.headers["content-disposition"]
        assert response.headers["content-disposition"].isascii()
    assert str(TODAY) in name_of(api.get("/v1/indicators?format=csv"))


def test_a_sheet_of_a_demo_says_so(api: TestClient) -> None:
    book = openpyxl.load_workbook(io.BytesIO(api.get("/v1/tasks?format=xlsx").content))
    notes = {row[0].value: row[1].value for row in book.worksheets[1].iter_rows()}
    assert notes["注意 · mind"] == "演示数据，不是真实记录 · made up for a demo, no real records"
    assert notes["时间按此时区 · times are of this zone"] == "Asia/Shanghai"
    assert plan().county.document in notes["依据 · by the plan"]


def test_too_many_at_once_are_told_to_come_again(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.board.sheets import download as module

    for _ in range(module.AT_ONCE):
        assert module._making.acquire(blocking=False)
    try:
        response = api.get("/v1/tasks?format=csv")
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    finally:
        for _ in range(module.AT_ONCE):
            module._making.release()
    assert api.get("/v1/tasks?format=csv").status_code == 200
