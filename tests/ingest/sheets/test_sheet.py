"""Sheets as people write them, and what becomes of their rows."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

import schemas.examples
from schemas.streams import STREAMS
from services.ingest.faults import Problem, Refusal
from services.ingest.language import said_in
from services.ingest.records import Record
from services.ingest.sheets.fields import fields_of
from services.ingest.sheets.header import ERRORS
from services.ingest.sheets.limits import ROWS_A_SHEET
from services.ingest.sheets.sheet import SheetKind, open_sheet
from services.ingest.sheets.templates import csv_template, xlsx_template
from tests.ingest.checking import CHECKER, accepted, push

VOUCHER = STREAMS["consumption-voucher"]
HEADER = "时间,券号,活动,环节,面值（元）,行业,区划代码"
ROW = "2024/5/1 9:30,Q1,七花消费券,发放,50,餐饮,532622101"


@dataclass(frozen=True)
class Fault:
    row: int | None
    column: str | None
    message: str


def read(body: bytes | str, stream: str = "consumption-voucher", kind: SheetKind = "csv") -> list[Record]:
    content = body.encode() if isinstance(body, str) else body
    with open_sheet(kind, io.BytesIO(content), STREAMS[stream]) as sheet:
        records = list(sheet.records())
        assert sheet.rows == len(records)
    return records


def said(body: bytes | str, stream: str = "consumption-voucher", kind: SheetKind = "csv") -> dict[str, Any]:
    (record,) = read(body, stream, kind)
    assert isinstance(record.content, dict), record.content
    return record.content


def problem(
    body: bytes | str, kind: SheetKind = "csv", stream: str = "consumption-voucher"
) -> tuple[int, str]:
    with pytest.raises(Problem) as raised:
        read(body, stream, kind)
    assert " · " in raised.value.message
    return raised.value.status, raised.value.code


def xlsx(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_in_any_of_its_encodings_below_a_title(encoding: str, delimiter: str) -> None:
    text = f"2024年消费券登记表\n\n{HEADER}\n{ROW}\n".replace(",", delimiter)
    (record,) = read(text.encode(encoding))
    assert record.content == {
        "time": "2024-05-01T09:30:00",
        "voucher_id": "Q1",
        "campaign": "qihua",
        "step": "issued",
        "face_value": Decimal(50),
        "sector": "catering",
        "division": "532622101",
    }
    assert (record.row, record.column("face_value")) == (4, "E")
    assert json.loads(record.raw) == ROW.split(",")


def test_english_headers() -> None:
    header = "time,voucher_id,Campaign,step,FACE VALUE,sector,division"
    assert said(f"{header}\n{ROW}") == said(f"{HEADER}\n{ROW}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,234.50", "1234.50"), ("１，２３４．５", "1234.5"), ("￥50元", "50"), ("5e1", "50"), (" 50 ", "50")],
)
def test_numbers_as_people_write_them(text: str, expected: str) -> None:
    row = ROW.replace(",50,", f',"{text}",')
    assert said(f"{HEADER}\n{row}")["face_value"] == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 09:30",
        "2024/5/1 9:30:00",
        "2024年5月1日 9时30分",
        "2024年5月1日9:30",
        "２０２４－０５－０１ ０９：３０",
        "2024.5.1 9:30",
        "45413.3958333333",
    ],
)
def test_times_as_people_write_them(text: str) -> None:
    row = ROW.replace("2024/5/1 9:30", text)
    assert said(f"{HEADER}\n{row}")["time"] == "2024-05-01T09:30:00"


@pytest.mark.parametrize("text", ["2024-05-01", "2024年5月1日", "20240501", "45413"])
def test_dates_as_people_write_them(text: str) -> None:
    header = "时间,活动编号,名称,级别,项目,区划代码,举办日期,状态"
    row = f"2024-05-02,A,名,县级,篮球,532622,{text},已举办"
    assert said(f"{header}\n{row}", "fitness-event")["day"] == "2024-05-01"


def test_the_cells_of_excel() -> None:
    header = ["时间", "任务序号", "完成进度（%）", "状态", "进展说明", "序号"]
    book = Workbook()
    book.active.append(["任务进展"])
    book.active.merge_cells("A1:F1")
    book.active.append(header)
    book.active.append([datetime.fromisoformat("2024-05-01 09:30"), 3, 0.85, "按计划推进", "=1", 1])
    book.active["C3"].number_format = "0%"
    book.active["E3"].data_type = "s"
    book.active.append([None, None, None, None, None, 2])
    file = io.BytesIO()
    book.save(file)
    (record,) = read(file.getvalue(), "task-report", "xlsx")
    assert record.content == {
        "time": "2024-05-01T09:30:00",
        "task": 3,
        "percent": 85,
        "status": "on_schedule",
        "note": "=1",
    }
    assert record.row == 3


def test_every_cell_that_cannot_be_read_is_named() -> None:
    row = ROW.replace("发放", "发").replace(",50,", ",五十,")
    (record,) = read(f"{HEADER}\n{row}")
    assert isinstance(record.content, Refusal)
    assert (record.content.code, record.content.field) == ("invalid_field", "step")
    for text in ("第 2 行", "D 列", "发放 issued", "E 列应为数字", "row 2", "column E must be a number"):
        assert text in record.content.message


def test_facilities_of_several_kinds_on_one_sheet() -> None:
    header = "时间,类别,编号,机构编号,名称,区划代码,状态,举办性质,类别,普惠性民办园,在园幼儿"
    rows = [
        "2024-05-01,公共文化点,,F1,甲,532622101001,开放,公办,城市书房,,",
        "2024-05-01,幼儿园,r-2,F2,乙,532622101001,开放,民办,,√,120",
        "2024-05-01,托育机构,,F3,丙,532622101001,开放,民办,,是,",
    ]
    first, second, third = read("\n".join([header, *rows]), "facility")
    assert isinstance(first.content, dict)
    assert (first.content["kind"], first.content["category"]) == ("culture_point", "city_study")
    assert isinstance(second.content, dict)
    assert (second.content["inclusive"], second.content["children"], second.content["id"]) == (
        True,
        120,
        "r-2",
    )
    assert isinstance(third.content, Refusal)
    assert third.content.field == "inclusive"


def test_a_record_is_withdrawn_by_its_id() -> None:
    content = said("时间,撤回,原因,所撤编号,券号\n2024-05-01,撤回,误报,r-1,")
    assert content == {"time": "2024-05-01T00:00:00", "op": "retract", "reason": "误报", "retracts": "r-1"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no_header"),
        (b"\xff\xff\xff", "not_text"),
        (f"{HEADER},颜色\n{ROW},红", "unknown_column"),
        (f"{HEADER},券号\n{ROW},Q2", "repeated_column"),
        (HEADER.replace("券号,", ""), "missing_column"),
        (f'{HEADER}\n"{"x" * 1_100_000}', "not_csv"),
    ],
)
def test_a_sheet_of_something_else(body: bytes | str, code: str) -> None:
    assert problem(body) == (400, code)


def english(body: str) -> str:
    """Why a sheet or its first row is refused, as who asks for English alone is told."""
    try:
        [record] = read(body)
    except Problem as refused:
        return said_in("en", refused.message)
    assert isinstance(record.content, Refusal)
    return said_in("en", record.content.message)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (f"{HEADER},颜色 · colour\n{ROW},红", "row 1 column H is no column of consumption-voucher: "),
        (f"{HEADER},券号\n{ROW},Q2", "row 1 column H stands twice"),
        (HEADER.replace("券号,", ""), "these columns are missing and required: voucher_id"),
        (f"{HEADER}\n{ROW.replace('七花', '八花')}", "row 2 column C must be one of qihua, qixiang"),
    ],
)
def test_english_alone_says_all_of_it_too(body: str, told: str) -> None:
    assert english(body).startswith(told)


def test_a_row_that_is_too_large_is_refused_alone() -> None:
    columns = ",备注" * 2
    fat = ",".join(["x" * 600_000] * 2)
    first, second = read(f"{HEADER}{columns}\n{ROW},{fat}\n{ROW}")
    assert isinstance(first.content, Refusal)
    assert first.content.code == "too_large"
    assert isinstance(second.content, dict)


def test_too_many_rows_and_columns() -> None:
    assert problem(HEADER + f"\n{ROW}" * (ROWS_A_SHEET + 1)) == (413, "too_many_rows")
    assert problem(f"{HEADER}\n{ROW}{',' * 300}x") == (413, "sheet_too_wide")
    assert problem(xlsx([HEADER.split(","), [None] * 300 + ["x"]]), "xlsx") == (413, "sheet_too_wide")


def test_bombs_are_refused_before_they_are_unpacked() -> None:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    assert problem(file.getvalue(), "xlsx") == (413, "unpacks_too_large")
    assert problem(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "xlsx") == (415, "old_or_locked_excel")


def test_entities_in_the_xml_are_not_expanded() -> None:
    good = io.BytesIO(xlsx([HEADER.split(","), ROW.split(",")]))
    bad = io.BytesIO()
    with ZipFile(good) as source, ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = b'<!DOCTYPE x [<!ENTITY a "b">]>' + content
            target.writestr(name, content)
    assert problem(bad.getvalue(), "xlsx") == (400, "not_xlsx")


def test_two_sheets_with_records_are_not_half_read() -> None:
    book = Workbook()
    for sheet in (book.active, book.create_sheet("乙")):
        sheet.append(HEADER.split(","))
        sheet.append(ROW.split(","))
    file = io.BytesIO()
    book.save(file)
    assert problem(file.getvalue(), "xlsx") == (400, "several_sheets")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_marked_csv_can_be_mended_and_sent_back(encoding: str) -> None:
    body = f"标题\n{HEADER}\n{ROW}\n\n{ROW.replace('50', '五十')}\n".encode(encoding)
    for _again in range(2):
        copy = io.BytesIO()
        with open_sheet("csv", io.BytesIO(body), VOUCHER) as sheet:
            sheet.marked([Fault(5, "E", "应为数字 · must be a number")], copy)
        body = copy.getvalue()
        lines = body.decode(encoding).splitlines()
        assert lines[1] == f"{HEADER},{ERRORS}"
        assert lines[2] == f"{ROW},"
        assert lines[4].endswith(",应为数字 · must be a number")
    assert [record.row for record in read(body)] == [3, 5]


def test_the_marked_xlsx_has_red_cells_with_comments() -> None:
    body = xlsx([HEADER.split(","), ROW.split(","), ROW.replace("50", "五十").split(",")])
    copy = io.BytesIO()
    with open_sheet("xlsx", io.BytesIO(body), VOUCHER) as sheet:
        sheet.marked([Fault(3, "E", "应为数字 · must be a number")], copy)
    page = load_workbook(copy).worksheets[0]
    assert page["H1"].value == ERRORS
    assert page["H3"].value == page["E3"].comment.text == "应为数字 · must be a number"
    assert page["E3"].fill.fgColor.rgb == "FFFF7C80"
    assert page["E2"].value == 50
    assert page["E2"].comment is None
    assert [record.row for record in read(copy.getvalue(), kind="xlsx")] == [2, 3]


@pytest.mark.parametrize("stream", STREAMS)
def test_every_value_has_a_chinese_word_and_every_column_a_name_of_its_own(stream: str) -> None:
    fields = fields_of(STREAMS[stream])
    for field in fields:
        assert all(zh != value for value, zh in field.words.items()), field.name
        assert not field.zh.isascii()
    assert len({field.name for field in fields}) == len(fields)


def examples(stream: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((Path(schemas.examples.__file__).parent / stream).glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        for event in content if isinstance(content, list) else [content]:
            if "data" in event and "op" not in event:
                found.append({**event["data"], "time": event["time"], "id": event["id"]})
    assert found
    return found


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("shape", ["utf-8-sig", "gb18030", "xlsx"])
def test_examples_come_back_from_a_template_as_the_same_records(stream: str, shape: str) -> None:
    records = examples(stream)
    kind: SheetKind = "xlsx" if shape == "xlsx" else "csv"
    body = (
        xlsx_template(STREAMS[stream], records)
        if kind == "xlsx"
        else csv_template(STREAMS[stream], records, encoding=shape)
    )
    check = CHECKER.plain(STREAMS[stream])
    back = read(body, stream, kind)
    assert len(back) == len(records)
    for record, given_ in zip(back, records, strict=True):
        expected, found = map(accepted, check(push(), [Record(0, b"", given_), record]))
        assert (found.fingerprint, found.identity) == (expected.fingerprint, expected.identity)


GOOD = xlsx([HEADER.split(","), ROW.split(",")])
bits = st.binary(max_size=200)
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(ROW.split(","))
tables = st.lists(st.lists(cells, max_size=9), max_size=5)


def _told(body: bytes, kind: SheetKind, stream: str) -> None:
    """Either a Problem, or records and a marked copy."""
    try:
        with open_sheet(kind, io.BytesIO(body), STREAMS[stream]) as sheet:
            faults = [Fault(one.row, "A", "坏 · bad") for one in sheet.records()]
            assert len(faults) == sheet.rows
            sheet.marked(faults, io.BytesIO())
    except Problem as error:
        told = error.status
    else:
        return
    assert told in (400, 413, 415)


@settings(max_examples=200)
@given(body=bits, header=st.booleans(), stream=st.sampled_from(sorted(STREAMS)))
def test_any_bytes_as_csv(body: bytes, header: bool, stream: str) -> None:
    top = csv_template(STREAMS[stream]) if header else b""
    _told(top + body, "csv", stream)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_to_xlsx(data: st.DataObject) -> None:
    body = bytearray(GOOD)
    if data.draw(st.booleans()):
        _told(data.draw(bits), "xlsx", "consumption-voucher")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    _told(bytes(body), "xlsx", "consumption-voucher")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_xml_in_xlsx(data: st.DataObject) -> None:
    bad = io.BytesIO()
    with ZipFile(io.BytesIO(GOOD)) as source, ZipFile(bad, "w") as target:
        damaged = data.draw(st.sampled_from(sorted(source.namelist())))
        for name in source.namelist():
            content = bytearray(source.read(name))
            if name == damaged:
                at = data.draw(st.integers(0, len(content)))
                content[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
            target.writestr(name, bytes(content))
    _told(bad.getvalue(), "xlsx", "consumption-voucher")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    strange=st.lists(st.tuples(st.integers(0, 3), st.lists(cells, min_size=1, max_size=7)), max_size=4),
    kind=st.sampled_from(["csv", "xlsx"]),
)
def test_a_good_row_is_read_whatever_stands_around_it(
    strange: list[tuple[int, list[str]]], kind: SheetKind
) -> None:
    """Four good rows, and others between them."""
    rows: list[list[str]] = []
    for place in range(4):
        rows += [other for at, other in strange if at == place]
        rows.append(ROW.replace("Q1", f"good-{place}").split(","))
    if kind == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([HEADER.split(","), *rows])
        body = text.getvalue().encode()
    else:
        body = xlsx(
            [[ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row] for row in [HEADER.split(","), *rows]]
        )
    expected = said(f"{HEADER}\n{ROW}")
    found = [record.content for record in read(body, kind=kind) if isinstance(record.content, dict)]
    for place in range(4):
        assert expected | {"voucher_id": f"good-{place}"} in found


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    inside=st.recursive(
        st.sampled_from(
            ["", "1", "x", "&amp;", "<v>1</v>", "<v>-1</v>", "<v>1e999</v>", "<is><t>x</t></is>"]
        ),
        lambda inner: st.builds(
            "<{0}{1}>{2}</{0}>".format,
            st.sampled_from(["row", "c", "v", "is", "t", "rPh", "sheetData", "other"]),
            st.sampled_from(
                [
                    "",
                    ' r="2"',
                    ' r="B7"',
                    ' r="XFD9"',
                    ' r="ZZZZ1"',
                    ' t="s"',
                    ' t="inlineStr"',
                    ' s="1"',
                    ' t="b"',
                ]
            ),
            st.lists(inner, max_size=4).map("".join),
        ),
        max_leaves=12,
    )
)
def test_any_elements_as_a_sheet(inside: str) -> None:
    bad = io.BytesIO()
    with ZipFile(io.BytesIO(GOOD)) as source, ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b"</sheetData>", f"{inside}</sheetData>".encode())
            target.writestr(name, content)
    _told(bad.getvalue(), "xlsx", "consumption-voucher")


@settings(max_examples=100)
@given(rows=tables)
def test_any_cells_below_a_header(rows: list[list[str]]) -> None:
    text = "\n".join(
        [HEADER, *(",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows)]
    )
    _told(text.encode(), "csv", "consumption-voucher")
