"""XLSX: the texts of a sheet's cells as Excel shows them, row by row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.escape import unescape

from services.ingest.sheets.limits import COLUMNS_A_SHEET, ROW_BYTES
from services.ingest.sheets.lines import Line, check_row, check_width, row_too_large, trimmed
from services.ingest.sheets.xlsx_book import Book, Texts, read_book
from services.ingest.sheets.xlsx_package import Package, Reader, names_of, unreadable

_NAMES = names_of("row", "c", "v", "t", "rPh")
_COLUMNS = {get_column_letter(column): column for column in range(1, COLUMNS_A_SHEET + 1)}
_DIGITS = "0123456789"


class XlsxFile:
    """An XLSX file; its hidden sheets do not count."""

    several = True

    def __init__(self, file: BinaryIO) -> None:
        """Raises Problem 400 if it is none, 413 if it would unpack to too much, 415 if it is an old XLS."""
        self._package = Package(file)
        self._book = read_book(self._package)
        self._texts = Texts()
        if self._book.texts is not None:
            self._package.read_whole(self._book.texts, self._texts)

    def sheets(self) -> Sequence[str]:
        return tuple(self._book.sheets)

    @contextmanager
    def lines(self, sheet: str) -> Iterator[Iterator[Line]]:
        yield self._lines(self._book.sheets[sheet])

    def _lines(self, part: str) -> Iterator[Line]:
        rows = _Rows(self._book, self._texts)
        for _block in self._package.read(part, rows):
            yield from rows.found
            rows.found.clear()


class _Rows(Reader):
    """The rows of a sheet; it hears of millions of elements, so it does little for each."""

    def __init__(self, book: Book, texts: Texts) -> None:
        super().__init__()
        self.found: list[Line] = []
        self._book = book
        self._texts = texts
        self._row = 0
        self._inside = False
        self._cells: list[str] = []
        self._size = 0
        self._column = 0
        self._cell: Mapping[str, str] = {}
        self._wanted = ""
        self._taking = False
        self._parts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _NAMES.get(name)
        if tag is not None and tag == self._wanted:
            self._taking = True
        elif tag == "c" and self._inside:
            self._cell = attributes
            self._parts = []
            self._wanted = "t" if attributes.get("t") == "inlineStr" else "v"
        elif tag == "row":
            self._begin(attributes.get("r"))
        elif tag == "rPh":  # how a text is pronounced
            self._wanted = ""
        elif not self._inside:
            self.pieces += 1

    def end(self, name: str) -> None:
        self._taking = False
        tag = _NAMES.get(name)
        if tag == "c" and self._inside:
            self._wanted = ""
            at = self._cell.get("r")
            self._column = _column(at) if at else self._column + 1
            if self._parts:
                self._add(self._text("".join(self._parts)))
        elif tag == "row":
            self._inside = False
            self.pieces += 1
            if texts := trimmed(self._cells):
                self.found.append((self._row, texts))
        elif tag == "rPh":
            self._wanted = "t"

    def text(self, text: str) -> None:
        if self._taking:
            self._parts.append(text)

    def _begin(self, given: str | None) -> None:
        row = self._row + 1 if given is None else _integer(given)
        if self._inside or row <= self._row:
            raise unreadable(f"row {row} stands after or inside row {self._row}")
        check_row(row)
        self._row = row
        self._inside = True
        self._cells = []
        self._size = self._column = 0

    def _add(self, text: str) -> None:
        if not text:
            return
        check_width(self._row, self._column)
        self._size += len(text)
        if self._size > ROW_BYTES:
            raise row_too_large()
        missing = self._column - len(self._cells)
        if missing == 1:
            self._cells.append(text)
        else:
            self._cells.extend([""] * missing)
            self._cells[self._column - 1] = text

    def _text(self, given: str) -> str:
        """Return what Excel shows, as far as it tells what is meant."""
        match self._cell.get("t", "n"):
            case "s":
                return self._texts[_integer(given)]
            case "n":
                return self._number(given)
            case "b":
                return {"0": "FALSE", "1": "TRUE"}.get(given, given)
            case "inlineStr" | "str":
                return unescape(given) if "_x" in given else given
            case _:  # an error such as #N/A, or a date as ISO 8601
                return given

    def _number(self, given: str) -> str:
        """Numbers to 15 digits, dates as ISO 8601."""
        shown = self._book.shown.get(self._cell.get("s", ""))
        if shown is None and given.isdecimal():
            return given
        try:
            number = float(given)
            if shown == "percent":
                return f"{number * 100:.15g}%"
            if shown is None:
                return f"{number:.15g}"
            moment = from_excel(number, self._book.epoch, timedelta=shown == "duration")
        except (ValueError, OverflowError):  # a number that is none, or a date beyond all dates
            return given
        return str(moment).removesuffix(" 00:00:00")


def _column(at: str) -> int:
    """The column of a cell such as AB12."""
    letters = at.rstrip(_DIGITS)
    if (column := _COLUMNS.get(letters)) is not None:
        return column
    try:
        return int(column_index_from_string(letters))
    except ValueError as error:
        raise unreadable(f"a cell is said to be at {at}") from error


def _integer(given: str) -> int:
    try:
        return int(given)
    except ValueError as error:
        raise unreadable(f"{given} is no whole number") from error
