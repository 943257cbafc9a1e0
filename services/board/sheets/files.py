"""Sheets as files: CSV and XLSX. What is written is data and never a formula, whoever sent it."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Literal
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from services.board.sheets.sheet import Cell, Sheet

FileFormat = Literal["csv", "xlsx"]
ROWS = 200_000
"""Rows a file has at most: nobody reads more, and Excel ends at a million."""

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""A cell of a CSV file that begins so may be run."""
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML has no way to say."""
_YES, _NO = "是 · yes", "否 · no"
_EXACT_DIGITS = 15
"""So many digits of a number Excel keeps."""
_LONGEST_TEXT = 32_767
_NARROWEST, _WIDEST = 10, 50


class TooLong(Exception):
    """A sheet has more than ROWS rows."""


def write(sheet: Sheet, kind: FileFormat, file: IO[bytes]) -> None:
    """Write a sheet to a file, row by row: memory does not grow with it. Raises TooLong."""
    if kind == "csv":
        _write_csv(sheet, file)
    else:
        _write_xlsx(sheet, file)


def _counted(sheet: Sheet) -> Iterator[tuple[int, Sequence[Cell]]]:
    for number, row in enumerate(sheet.rows, 1):
        if number > ROWS:
            raise TooLong
        yield number, row


def _write_csv(sheet: Sheet, file: IO[bytes]) -> None:
    # With its mark, for Excel takes UTF-8 without one for the system's own encoding.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(_harmless(one.text) for one in sheet.heads)
    for _number, row in _counted(sheet):
        rows.writerow(_text(cell, sheet.zone) for cell in row)
    text.detach()


def _text(cell: Cell, zone: ZoneInfo) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return _YES if cell else _NO
        case str():
            return _harmless(cell)
        case Decimal():
            return _plain(cell)
        case datetime():
            return f"{cell.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        case _:
            return str(cell)


def _harmless(text: str) -> str:
    clean = _ILLEGAL.sub("", text)
    return f"'{clean}" if _FORMULA.match(clean) else clean


def _plain(number: Decimal) -> str:
    """Return a number without the zeros that only its column's type adds."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _write_xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    with Workbook(file, {"constant_memory": True}) as book:
        data = _Data(book, sheet)
        for number, row in _counted(sheet):
            data.add(number, row)
        notes = book.add_worksheet("说明 notes")
        notes.set_column(0, 0, 28)
        notes.set_column(1, 1, 100)
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        for line, (name, said) in enumerate(sheet.notes):
            notes.write_string(line, 0, name.both, data.head)
            notes.write_string(line, 1, _clean(said), wrapped)


class _Data:
    """The worksheet that holds the table."""

    def __init__(self, book: Workbook, sheet: Sheet) -> None:
        self._zone = sheet.zone
        self._page = page = book.add_worksheet("数据 data")
        self.head = book.add_format({"bold": True, "bg_color": "#DDEBF7", "valign": "top"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._numbers = [_number_format(book, one.decimals) for one in sheet.heads]
        page.freeze_panes(1, 0)
        for column, one in enumerate(sheet.heads):
            # An ideograph is as wide as two letters.
            width = sum(2 if letter > "\u2e7f" else 1 for letter in one.text)
            page.set_column(column, column, min(_WIDEST, max(_NARROWEST, width + 2)))
            page.write_string(0, column, one.text, self.head)

    def add(self, line: int, row: Sequence[Cell]) -> None:
        """Write a row, below those written."""
        for column, cell in enumerate(row):
            self._write(line, column, cell)

    def _write(self, line: int, column: int, cell: Cell) -> None:
        match cell:
            case None:
                return
            case bool():
                self._page.write_string(line, column, _YES if cell else _NO)
            case str():
                self._page.write_string(line, column, _clean(cell))
            case datetime():
                local = cell.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
                self._page.write_datetime(line, column, local, self._moment)
            case date():
                self._page.write_datetime(line, column, cell, self._day)
            case Decimal() if len(cell.as_tuple().digits) > _EXACT_DIGITS:
                self._page.write_string(line, column, _plain(cell))
            case _:
                self._page.write_number(line, column, cell, self._numbers[column])


def _number_format(book: Workbook, decimals: int | None) -> Format | None:
    if decimals is None:
        return None
    return book.add_format({"num_format": f"0.{'0' * decimals}" if decimals else "0"})


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)[:_LONGEST_TEXT]
