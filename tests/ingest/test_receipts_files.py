"""A file through the gateway: in parts under one receipt, each fault with its cell, and the marked copy."""

import asyncio
import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import Workbook, load_workbook

from schemas.receipt import Receipt
from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC
from services.ingest.check import Refused
from services.ingest.faults import Refusal
from services.ingest.files import Copies, Marks
from services.ingest.records import Record
from services.ingest.sheets.sheet import XLSX_TYPE
from tests.ingest.conftest import Gateway
from tests.ingest.support import messages, of_receipt, voucher
from tests.ingest.test_receipts import VOUCHERS, counts

FIELDS = list(voucher())


def rows(*records: dict[str, Any]) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, FIELDS)
    table.writeheader()
    table.writerows(records)
    return text.getvalue().encode("gb18030")


async def get(gateway: Gateway, path: str, key: str | None = None) -> httpx.Response:
    return await gateway.client.get(path, headers={"authorization": f"Bearer {key or gateway.key}"})


async def test_a_file_in_parts_has_one_receipt(gateway: Gateway) -> None:
    good = [voucher(number) for number in range(1_200)]
    body = rows(*good[:700], voucher(3), voucher(1, face_value="五十"), *good[700:], voucher(700))
    response = await gateway.push(body=body, content_type="text/csv; charset=gb18030")
    assert (response.status_code, counts(response)) == (207, (1_203, 1_200, 2, 1))
    [fault] = response.json()["errors"]
    column = chr(ord("A") + FIELDS.index("face_value"))
    assert (fault["index"], fault["row"], fault["column"], fault["code"]) == (
        701,
        703,
        column,
        "invalid_field",
    )

    id = response.json()["receipt"]
    topics = [VOUCHERS, DEAD_LETTER_TOPIC, RECEIPT_TOPIC]
    found = await asyncio.to_thread(messages, gateway.bootstrap, 1_202, wanted=of_receipt(id), topics=topics)
    [receipt] = [Receipt.model_validate(one.value) for one in found if one.topic == RECEIPT_TOPIC]
    assert (receipt.kind, receipt.received, receipt.accepted) == ("file", 1_203, 1_200)
    [letter] = [one.value for one in found if one.topic == DEAD_LETTER_TOPIC]
    assert letter["place"] == f"push/{id}/701/{column}703"

    copy = await get(gateway, response.json()["marked"])
    assert copy.headers["content-type"].startswith("text/csv")
    lines = list(csv.reader(copy.content.decode("gb18030").splitlines()))
    assert len(lines) == 1_204
    assert [number for number, line in enumerate(lines, start=1) if line[len(FIELDS)]] == [1, 703]
    other = gateway.add_agency("other", ["consumption-voucher"], ["532622"])
    assert (await get(gateway, response.json()["marked"], other)).status_code == 404
    assert (await get(gateway, "/v1/receipts/..%2f..%2fx/marked")).status_code == 404


async def test_a_workbook_tried_and_sent(gateway: Gateway) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(FIELDS)
    for record in (voucher(1), voucher(2, sector="?")):
        sheet.append(list(record.values()))
    file = io.BytesIO()
    book.save(file)
    tried = await gateway.client.post(
        "/v1/streams/consumption-voucher?dry_run=true",
        content=file.getvalue(),
        headers={
            "authorization": f"Bearer {gateway.key}",
            "content-type": XLSX_TYPE,
            "accept-language": "en",
        },
    )
    assert (tried.status_code, tried.json()["receipt"], counts(tried)) == (207, "", (2, 1, 0, 1))
    copy = await get(gateway, tried.json()["marked"])
    assert copy.headers["content-type"] == XLSX_TYPE
    marked = load_workbook(io.BytesIO(copy.content)).active
    assert marked is not None
    cell = marked.cell(3, FIELDS.index("sector") + 1)
    assert cell.comment is not None
    assert cell.comment.text.isascii(), "in the language asked for"

    sent = await gateway.push(body=file.getvalue(), content_type=XLSX_TYPE)
    assert (sent.status_code, counts(sent)) == (207, (2, 1, 0, 1))


async def test_a_file_without_faults_has_no_copy(gateway: Gateway) -> None:
    response = await gateway.push(body=rows(voucher(1)), content_type="text/csv")
    assert (response.status_code, counts(response)) == (200, (1, 1, 0, 0))
    assert "marked" not in response.json()
    id = response.json()["receipt"]
    assert (await get(gateway, f"/v1/receipts/{id}/marked")).status_code == 404
    empty = await gateway.push(body=rows(), content_type="text/csv")
    assert (empty.status_code, counts(empty)) == (200, (0, 0, 0, 0))


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"a,b,c\n1,2,3\n", bytes(range(256))])
@pytest.mark.parametrize("kind", ["text/csv", XLSX_TYPE])
async def test_what_is_no_such_file_is_a_problem(gateway: Gateway, body: bytes, kind: str) -> None:
    response = await gateway.push(body=body, content_type=kind)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


def test_marks_lie_on_disk_and_come_back_in_their_order() -> None:
    number = 30_000
    columns = {"sector": "F"}
    tracemalloc.start()
    try:
        with Marks() as marks:
            assert not marks
            for row in range(number):
                record = Record(row, b"", {}, row + 2, columns)
                refusal = Refusal("invalid_field", f"第 {row} 行不对 · row {row} is wrong", "sector")
                marks.add(Refused(record, "consumption-voucher", "", refusal), "en")
            assert marks
            assert tracemalloc.get_traced_memory()[1] < 100 * number
            for _again in range(2):
                assert [one.row for one in marks] == [*range(2, number + 2)]
            assert next(iter(marks)) == (2, "F", "row 0 is wrong")
    finally:
        tracemalloc.stop()


def test_copies_are_kept_for_a_time_and_up_to_a_size() -> None:
    copies = Copies(kept_bytes=25)
    for number in range(4):
        copies.keep("one", f"{number}", ".csv", lambda file: file.write(b"0123456789") and None)
    there = [path.name for number in range(4) if (path := copies.find("one", f"{number}"))]
    assert len(there) == 2
    assert copies.find("two", "3") is None
    folder = Path(copies._folder.name)
    copies.close()
    assert not folder.exists()
    old = Copies(kept_seconds=-1)
    old.keep("one", "1", ".csv", lambda file: None)
    assert old.find("one", "1") is None
    old.close()
