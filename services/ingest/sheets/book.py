"""Writing an XLSX file row by row: a data sheet with drop-down lists, and the lists."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name

from schemas.columns import Field, Kind
from services.ingest.sheets.limits import ROWS_A_SHEET
from services.ingest.sheets.values import moment, number

DATA, EXPLAINED, LISTS = "填报", "说明", "选项"

_RED: dict[str, Any] = {"bg_color": "#FF7C80"}
_HEAD: dict[str, Any] = {"bold": True, "bg_color": "#DDEBF7"}
_COMMENTS = 2_000
"""More of them make a file that Excel opens slowly; the column of errors has them all."""
_LONGEST_TEXT = 32_767
_FORMATS: Mapping[Kind, str] = {
    "text": "@",
    "code": "@",  # else twelve digits become 5.32622E+11
    "date": "yyyy-mm-dd",
    "time": "yyyy-mm-dd hh:mm:ss",
}
_WIDEST = 60
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML has no way to say."""


@dataclass(frozen=True)
class Mark:
    """A cell at fault, and what is said of it (nothing: it is only red)."""

    comment: str


class Book:
    """An XLSX file that is written from its first row to its last; memory does not grow with the rows."""

    def __init__(self, target: BinaryIO, fields: Mapping[int, Field], header: int) -> None:
        """`fields` by their columns, from 0; `header` is the row that names them."""
        self._book = Workbook(target, {"constant_memory": True})
        self._sheet = self._book.add_worksheet(DATA)
        self._fields = fields
        self._header = header
        self._comments = 0
        self._formats: dict[tuple[str, bool, bool], Format] = {}
        self._sheet.freeze_panes(header, 0)
        for column, field in fields.items():
            width = min(_WIDEST, 4 + 2 * len(field.zh) + len(field.name))
            number_format = _FORMATS.get(field.kind)
            shown = self._format(number_format, False, False) if number_format else None
            self._sheet.set_column(column, column, width, shown)
            if words := _choices(field):
                self._add_list(column, words)

    def add(self, row: int, texts: Sequence[str], marks: Mapping[int, Mark] | None = None) -> None:
        """Write a row (from 1), below those written.

        Below the header its texts become numbers and dates where their fields are.
        """
        marked = marks or {}
        for column, text in enumerate(texts):
            self._write(row, column, text, marked.get(column))
        for column in marked:
            if column >= len(texts):
                self._write(row, column, "", marked[column])

    def explain(self, lines: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """Add the sheet that explains the fields."""
        sheet = self._book.add_worksheet(EXPLAINED)
        plain = {"text_wrap": True, "valign": "top"}
        below = self._book.add_format(plain)
        head = self._book.add_format(plain | _HEAD)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        for number_, texts in enumerate(lines):
            for column, text in enumerate(texts):
                sheet.write_string(number_, column, text, below if number_ else head)

    def close(self) -> None:
        """Write the file."""
        words = [found for field in self._fields.values() if (found := _choices(field))]
        lists = self._book.add_worksheet(LISTS)
        lists.hide()
        for line, given in enumerate(zip_longest(*words)):
            for column, word in enumerate(given):
                if word is not None:
                    lists.write_string(line, column, word)
        self._book.close()

    def _write(self, row: int, column: int, text: str, mark: Mark | None) -> None:
        field = self._fields.get(column) if row > self._header else None
        value, number_format = _value(field, text)
        if value is None and mark is None:
            return
        head = row == self._header
        shown = self._format(number_format, head, mark is not None)
        match value:
            case None:
                self._sheet.write_blank(row - 1, column, None, shown)
            case str():  # what an agency wrote is a text, never a formula
                self._sheet.write_string(row - 1, column, value, shown)
            case datetime():
                self._sheet.write_datetime(row - 1, column, value, shown)
            case _:
                self._sheet.write_number(row - 1, column, value, shown)
        if mark is not None and mark.comment and self._comments < _COMMENTS:
            self._comments += 1
            comment = {"author": "minmai", "width": 320, "height": 120}
            self._sheet.write_comment(row - 1, column, _clean(mark.comment), comment)

    def _format(self, number_format: str | None, head: bool, marked: bool) -> Format:
        key = number_format or "General", head, marked
        if key not in self._formats:
            given: dict[str, Any] = (
                {"num_format": key[0]} | (_HEAD if head else {}) | (_RED if marked else {})
            )
            self._formats[key] = self._book.add_format(given)
        return self._formats[key]

    def _add_list(self, column: int, words: Sequence[str]) -> None:
        """Add a drop-down list; its words lie on a hidden sheet, for a list in place is cut at 255."""
        place = sum(1 for before, field in self._fields.items() if before < column and _choices(field))
        letter = xl_col_to_name(place, col_abs=True)
        self._sheet.data_validation(
            *(self._header, column, self._header + ROWS_A_SHEET - 1, column),
            {"validate": "list", "source": f"='{LISTS}'!{letter}$1:{letter}${len(words)}"},
        )


def _choices(field: Field) -> list[str]:
    return ["是", "否"] if field.kind == "flag" else list(field.words.values())


def _value(field: Field | None, text: str) -> tuple[Any, str | None]:
    """The value of a cell, and its number format if it needs one."""
    if not text:
        return None, None
    if field is not None and field.kind in ("number", "integer"):
        found: Decimal | None = number(text)
        if found is not None and len(found.as_tuple().digits) <= 15:  # as many as Excel keeps
            return found, None
    if field is not None and field.kind in ("date", "time"):
        stands = moment(text)
        if stands is not None and stands.year >= 1901:  # before that Excel's calendar is wrong
            return stands, _FORMATS[field.kind]
    return _clean(text), "@" if field is not None and field.kind in ("text", "code") else None


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)[:_LONGEST_TEXT]
