"""Every short reason that ingest may give: somebody has seen it over HTTP, and the guide explains it."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from services.ingest.sheets.limits import LINES, ROW_BYTES, ROWS_A_SHEET
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE
from tests.ingest.conftest import Gateway, running

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "agencies.md"

HEADER = "time,voucher_id,campaign,step,face_value,sector,division"
ROW = "2024-05-01 09:30,Q1,qihua,issued,50,catering,532622101"

_PLACES = {"Problem": 1, "Refusal": 0, "_too_much": 0, "_Kind": 0, "super().__init__": 0}
"""Who is given a code, and as which argument."""


def declared() -> set[str]:
    """The codes that stand in the source of ingest."""
    found = set()
    for path in (ROOT / "services" / "ingest").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (place := _PLACES.get(ast.unparse(node.func))) is not None:
                given = list(_arguments(node))[place : place + 1]
                found |= {one.value for one in given if isinstance(one, ast.Constant)}
    return {code for code in found if isinstance(code, str) and code.replace("_", "").isalnum()}


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    for one in call.args:
        if isinstance(one, ast.Starred) and isinstance(one.value, ast.Tuple):
            yield from one.value.elts
        else:
            yield one


def test_the_search_for_codes_finds_them() -> None:
    assert {
        "too_deep",
        "conflict",
        "gzip_bomb",
        "too_many_at_once",
        "unknown_task",
        "row_too_large",
    } <= declared()


def test_each_code_is_provoked_by_a_test() -> None:
    places = [ROOT / "tests" / "ingest", ROOT / "tests" / "cli"]
    tests = "\n".join(
        path.read_text(encoding="utf-8") for place in places for path in place.rglob("test_*.py")
    )
    assert {code for code in declared() if not re.search(rf'"(\d+ )?{code}"', tests)} == set()


def test_the_guide_explains_each_code() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert {code for code in declared() if f"`{code}`" not in guide} == set()


def _book(*sheets: list[str]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, lines in enumerate(sheets):
        sheet = book.create_sheet(f"s{number}")
        for line in lines:
            sheet.append(line.split(","))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _bomb() -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    return file.getvalue()


def _csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        (CSV_TYPE, b"", 400, "no_header"),
        (CSV_TYPE, b"\xff\xff\xff", 400, "not_text"),
        (CSV_TYPE, _csv(HEADER + ",colour", ROW + ",red"), 400, "unknown_column"),
        (CSV_TYPE, _csv(HEADER + ",voucher_id", ROW + ",Q2"), 400, "repeated_column"),
        (CSV_TYPE, _csv(HEADER.replace("voucher_id,", ""), ROW), 400, "missing_column"),
        (CSV_TYPE, _csv(HEADER, '"' + "x" * 1_100_000), 400, "not_csv"),
        (CSV_TYPE, _csv(HEADER, ROW + "," * 300 + "x"), 413, "sheet_too_wide"),
        (CSV_TYPE, _csv(HEADER, *[ROW] * (ROWS_A_SHEET + 1)), 413, "too_many_rows"),
        (CSV_TYPE, _csv(HEADER, *[""] * LINES, ROW), 413, "sheet_too_long"),
        (CSV_TYPE, _csv(HEADER, "x" * ROW_BYTES), 413, "row_too_large"),
        (XLSX_TYPE, b"PK nothing", 400, "not_xlsx"),
        (XLSX_TYPE, _book([HEADER, ROW], [HEADER, ROW]), 400, "several_sheets"),
        (XLSX_TYPE, _bomb(), 413, "unpacks_too_large"),
        (XLSX_TYPE, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), 415, "old_or_locked_excel"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
async def test_a_sheet_that_cannot_be_taken(
    gateway: Gateway, kind: str, body: bytes, status: int, code: str
) -> None:
    response = await gateway.push(body=body, content_type=kind)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


async def test_a_receipt_and_a_copy_that_are_not_there(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {gateway.key}"}
    for path, code in (("", "unknown_receipt"), ("/marked", "no_marked_copy")):
        response = await gateway.client.get(f"/v1/receipts/0{path}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (404, code)


async def test_not_ready_without_a_broker(gateway: Gateway) -> None:
    away = gateway.settings.model_copy(update={"kafka": "127.0.0.1:1"})
    async with running(away, ready=False) as other:
        response = await other.client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        response = await other.push([], key=gateway.key)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response.headers["retry-after"]) > 0
