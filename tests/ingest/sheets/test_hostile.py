"""Workbooks made to break what reads them: each is refused with a reason, and none costs much."""

import io
import tracemalloc
from collections.abc import Callable
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from openpyxl import Workbook

from schemas.receipt import Fault
from schemas.streams import STREAMS
from services.ingest.faults import Problem
from services.ingest.sheets import limits, sheet, xlsx_package
from services.ingest.sheets.sheet import open_sheet

VOUCHER = STREAMS["consumption-voucher"]
HEADER = ["时间", "券号", "活动", "环节", "面值（元）", "行业", "区划代码"]
ROW = ["2024/5/1 9:30", "Q1", "七花消费券", "发放", "50", "餐饮", "532622101"]
SHEET, BOOK, STRINGS = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OF_STRINGS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
MEMORY = 40_000_000
"""Of Python's own; full tables of texts may have more, see limits.TEXTS_BYTES."""

Change = Callable[[bytes], bytes]


def book(fill: Callable[[Workbook], None] | None = None) -> bytes:
    made = Workbook()
    page = made.worksheets[0]
    page.append(HEADER)
    page.append(ROW)
    if fill is not None:
        fill(made)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def changed(parts: dict[str, Change | bytes | None], method: int = ZIP_DEFLATED) -> bytes:
    """The good book with some of its parts changed, added or (None) left out."""
    out = io.BytesIO()
    with ZipFile(io.BytesIO(book())) as source, ZipFile(out, "w", method) as target:
        for name in [*source.namelist(), *(name for name in parts if name not in source.namelist())]:
            change = parts.get(name, lambda content: content)
            if change is not None:
                target.writestr(name, change if isinstance(change, bytes) else change(source.read(name)))
    return out.getvalue()


def data(rows: str | bytes) -> bytes:
    """The XML of a sheet."""
    inside = rows.encode() if isinstance(rows, str) else rows
    return b'<worksheet xmlns="%b"><sheetData>%b</sheetData></worksheet>' % (MAIN.encode(), inside)


def texts(*values: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values)


def row(number: int, *values: str) -> str:
    return f'<row r="{number}">{texts(*values)}</row>'


TOP = row(1, *HEADER)


def with_strings(table: bytes, rows: str) -> bytes:
    """A book with a table of texts."""
    relation = f'<Relationship Id="s" Type="{OF_STRINGS}" Target="sharedStrings.xml"/></Relationships>'
    return changed(
        {
            "xl/_rels/workbook.xml.rels": lambda xml: xml.replace(b"</Relationships>", relation.encode()),
            STRINGS: b'<sst xmlns="%b">%b</sst>' % (MAIN.encode(), table),
            SHEET: data(rows),
        },
        ZIP_STORED,
    )


def outcome(body: bytes) -> tuple[int, str] | list[Any]:
    """The status and code of the Problem, else what the records say."""
    try:
        with open_sheet("xlsx", io.BytesIO(body), VOUCHER) as opened:
            return [record.content for record in opened.records()]
    except Problem as problem:
        return problem.status, problem.code


def in_zip(field: int, value: int) -> bytes:
    """A book whose directory has another value in every entry."""
    body = bytearray(book())
    at = 0
    while (at := body.find(b"PK\x01\x02", at + 1)) >= 0:
        body[at + field : at + field + 2] = value.to_bytes(2, "little")
    return bytes(body)


DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
PARTS = ["[Content_Types].xml", "_rels/.rels", BOOK, "xl/_rels/workbook.xml.rels", "xl/styles.xml", SHEET]


@pytest.mark.parametrize("part", PARTS[1:])
@pytest.mark.parametrize("doctype", [DOCTYPE, b'<!DOCTYPE x SYSTEM "file:///etc/passwd">'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_doctype_in_any_part(part: str, doctype: bytes, encoding: str) -> None:
    def change(xml: bytes) -> bytes:
        plain = xml.partition(b"?>")[2] if xml.startswith(b"<?xml") else xml
        return (doctype + plain).decode().encode(encoding)

    assert outcome(changed({part: change})) == (400, "not_xlsx")


HOSTILE: dict[str, tuple[Callable[[], bytes], tuple[int, str]]] = {
    "no zip": (lambda: b"PK\x03\x04 and no more", (400, "not_xlsx")),
    "a page of HTML": (lambda: b"<html><table></table></html>", (400, "not_xlsx")),
    "a zip of something else": (
        lambda: changed(dict.fromkeys(PARTS) | {"a.txt": b"a"}),
        (400, "not_xlsx"),
    ),
    "an old .xls or an encrypted file": (
        lambda: bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
        (415, "old_or_locked_excel"),
    ),
    "encrypted as a zip": (lambda: in_zip(8, 1), (415, "old_or_locked_excel")),
    "compressed in an odd way": (lambda: changed({}, ZIP_BZIP2), (400, "not_xlsx")),
    "no sheet where one is said to be": (lambda: changed({SHEET: None}), (400, "not_xlsx")),
    "no workbook": (lambda: changed({BOOK: None}), (400, "not_xlsx")),
    "a part that is a bomb": (
        lambda: changed({SHEET: data(b" " * 20_000_000)}),
        (413, "unpacks_too_large"),
    ),
    "an unused part that is a bomb": (
        lambda: changed({"docProps/app.xml": b" " * 2_000_000}),
        (413, "unpacks_too_large"),
    ),
    "styles that are too large": (
        lambda: changed({"xl/styles.xml": b"x" * (limits.OTHER_PART_BYTES + 1)}, ZIP_STORED),
        (413, "unpacks_too_large"),
    ),
    "thousands of parts": (
        lambda: changed({f"xl/media/{number}": b"" for number in range(limits.PARTS)}),
        (413, "unpacks_too_large"),
    ),
    "a directory without end": (
        lambda: changed({f"xl/media/{number}" + "x" * 60_000: b"" for number in range(30)}, ZIP_STORED),
        (413, "unpacks_too_large"),
    ),
    "deep XML": (
        lambda: changed({SHEET: data(b"<a>" * 100_000 + b"</a>" * 100_000)}, ZIP_STORED),
        (400, "not_xlsx"),
    ),
    "a tag without end": (
        lambda: changed({SHEET: data(b'<row a="' + b"x" * 9_000_000 + b'"></row>')}, ZIP_STORED),
        (413, "row_too_large"),
    ),
    "a cell without end": (
        lambda: changed({SHEET: data(TOP + row(2, "x" * 9_000_000))}, ZIP_STORED),
        (413, "row_too_large"),
    ),
    "a row of nothing but cells": (
        lambda: changed({SHEET: data(f"{TOP}<row>{'<c/>' * 1_100_000}</row>")}, ZIP_STORED),
        (413, "row_too_large"),
    ),
    "a text without end": (
        lambda: with_strings(b"<si><t>%b</t></si>" % (b"0123456789" * 900_000), TOP),
        (413, "row_too_large"),
    ),
    "rows out of order": (
        lambda: changed({SHEET: data(TOP + row(3, *ROW) + row(2, *ROW))}),
        (400, "not_xlsx"),
    ),
    "a row within a row": (lambda: changed({SHEET: data(f"{TOP}<row><row/></row>")}), (400, "not_xlsx")),
    "a row beyond Excel's last": (
        lambda: changed({SHEET: data(TOP + row(limits.LINES + 1, *ROW))}),
        (413, "sheet_too_long"),
    ),
    "a cell beyond our last column": (
        lambda: changed({SHEET: data(TOP + '<row r="2"><c r="XFD2"><v>1</v></c></row>')}),
        (413, "sheet_too_wide"),
    ),
    "a cell nowhere": (
        lambda: changed({SHEET: data(TOP + '<row r="2"><c r="12"><v>1</v></c></row>')}),
        (400, "not_xlsx"),
    ),
    "a row with no number": (lambda: changed({SHEET: data('<row r="x"/>')}), (400, "not_xlsx")),
    "a text that is not in the table": (
        lambda: changed({SHEET: data('<row><c t="s"><v>-1</v></c></row>')}),
        (400, "not_xlsx"),
    ),
    "two sheets of one name": (
        lambda: changed(
            {
                BOOK: lambda xml: xml.replace(
                    b"<sheets>",
                    b'<sheets><sheet name="Sheet" sheetId="9" r:id="rId1" xmlns:r="r"/>',
                )
            }
        ),
        (400, "not_xlsx"),
    ),
    "nothing but a hidden sheet": (
        lambda: changed({BOOK: lambda xml: xml.replace(b'"visible"', b'"hidden"')}),
        (400, "no_header"),
    ),
    "no XML": (lambda: changed({SHEET: b"\xff" * 100}), (400, "not_xlsx")),
    "an encoding nobody knows": (
        lambda: changed({SHEET: b'<?xml version="1.0" encoding="x-none"?><a/>'}),
        (400, "not_xlsx"),
    ),
    "XML cut short": (lambda: changed({SHEET: lambda xml: xml[:-30]}), (400, "not_xlsx")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_workbook_is_refused_in_little_memory(case: str) -> None:
    make, expected = HOSTILE[case]
    body = make()
    tracemalloc.start()
    try:
        assert outcome(body) == expected
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def test_more_tags_than_a_full_sheet_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_package, "TAGS", 100_000)
    empty = changed({SHEET: data(TOP + "<row><c/></row>" * 60_000)}, ZIP_STORED)
    assert outcome(empty) == (413, "unpacks_too_large")


def test_one_text_that_every_cell_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 2_000)))
    cells = '<c t="s"><v>0</v></c>' * 10
    rows = "".join(f"<row>{cells}</row>" for _number in range(50))
    monkeypatch.setattr(sheet, "ROWS_BYTES", 1_000_000)
    assert outcome(with_strings(f"<si><t>{text}</t></si>".encode(), TOP + rows)) == (413, "rows_too_large")
    wide = "<row>" + cells * 20 + "</row>"
    fat = f"<si><t>{text * 20}</t></si>".encode()
    assert outcome(with_strings(fat, TOP + wide)) == (413, "row_too_large")


def test_many_texts_take_little_memory() -> None:
    """As Python's own texts they would take 80 bytes each."""
    number = 50_000
    body = with_strings(b"".join(b"<si><t>%06d</t></si>" % one for one in range(number)), TOP)
    tracemalloc.start()
    try:
        assert outcome(body) == []
        assert tracemalloc.get_traced_memory()[1] < 20 * number + 2_000_000
    finally:
        tracemalloc.stop()


def test_a_lie_about_the_size_and_a_row_far_down() -> None:
    xml = data(TOP + row(limits.LINES, *ROW)).replace(
        b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'
    )
    (content,) = outcome(changed({SHEET: xml}))
    assert content["voucher_id"] == "Q1"


def test_empty_and_hidden_sheets_stand_before_the_one_with_records() -> None:
    def fill(made: Workbook) -> None:
        made.create_sheet("空", 0)
        hidden = made.create_sheet("藏", 0)
        hidden.append(HEADER)
        hidden.append(ROW)
        hidden.sheet_state = "veryHidden"

    (content,) = outcome(book(fill))
    assert content["voucher_id"] == "Q1"


def test_the_marked_copy_of_a_row_far_down_has_no_rows_before_it() -> None:
    fault = Fault(index=0, row=limits.LINES, column="E", id="", code="", field="", message="坏 · bad")
    copy = io.BytesIO()
    with open_sheet(
        "xlsx", io.BytesIO(changed({SHEET: data(TOP + row(limits.LINES, *ROW))})), VOUCHER
    ) as far:
        far.marked([fault], copy)
    assert len(copy.getvalue()) < 50_000
    with open_sheet("xlsx", copy, VOUCHER) as back:
        assert [record.row for record in back.records()] == [limits.LINES]
