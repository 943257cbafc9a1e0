"""The templates an agency fills in, and records put into their shape."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from schemas.columns import Field
from schemas.streams import Stream
from services.ingest.sheets.book import Book
from services.ingest.sheets.fields import fields_of
from services.ingest.sheets.values import shown

CHINA = ZoneInfo("Asia/Shanghai")


def csv_template(
    stream: Stream,
    records: Iterable[Mapping[str, Any]] = (),
    *,
    encoding: str = "utf-8-sig",
    zone: ZoneInfo = CHINA,
) -> bytes:
    """Return a CSV file with the stream's header and, perhaps, plain records (with `time`) below it."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    fields = fields_of(stream)
    rows.writerow([field.header for field in fields])
    for record in records:
        rows.writerow(_texts(fields, record, zone))
    return text.getvalue().encode(encoding)


def xlsx_template(
    stream: Stream, records: Iterable[Mapping[str, Any]] = (), *, zone: ZoneInfo = CHINA
) -> bytes:
    """Return an XLSX file as `csv_template`, with drop-down lists and a sheet that explains the fields."""
    fields = fields_of(stream)
    file = io.BytesIO()
    book = Book(file, dict(enumerate(fields)), header=1)
    book.add(1, [field.header for field in fields])
    for row, record in enumerate(records, 2):
        book.add(row, _texts(fields, record, zone))
    book.explain(_explained(fields), (24, 24, 8, 70, 70))
    book.close()
    return file.getvalue()


def _texts(fields: Sequence[Field], record: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    given = (record.get(field.name) for field in fields)
    return [
        "" if value is None else shown(field, value, zone) for field, value in zip(fields, given, strict=True)
    ]


def _explained(fields: Sequence[Field]) -> list[list[str]]:
    kinds = next((field.words for field in fields if field.name == "kind"), {})
    lines = [["列", "英文名", "必填", "说明", "填法"]]
    for field in fields:
        about = field.about
        if field.kinds:
            about += f"（只限：{'、'.join(kinds[kind] for kind in kinds if kind in field.kinds)}）"
        lines.append([field.zh, field.name, "是" if field.required else "", about, _how(field)])
    return lines


def _how(field: Field) -> str:
    if field.words and field.kind != "withdrawal":
        return "选：" + "、".join(f"{zh}（{value}）" for value, zh in field.words.items())
    return {
        "integer": "整数",
        "number": "数字，最多两位小数" if field.unit != "见指标" else "数字，最多四位小数",
        "flag": "是 或 否；空着为否",
        "date": "日期，如 2024-05-01",
        "time": "日期时间，如 2024-05-01 09:30；只写日期为当日零时",
        "code": "数字代码，按文本填",
        "withdrawal": "撤回，或空着",
    }.get(field.kind, "文本")
