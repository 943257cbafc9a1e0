"""XLSX: what may be unpacked, and the texts of its cells as Excel shows them, row by row."""

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from services.ingest.faults import Problem, shown
from services.ingest.sheets.limits import (
    OTHER_PART_BYTES,
    PARTS,
    RATIO,
    RATIO_FROM_BYTES,
    ROW_BYTES,
    TEXTS_BYTES,
    UNPACKED_BYTES,
)
from services.ingest.sheets.lines import Line, check_row, check_width, trimmed

_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}is/{{{SHEET_MAIN_NS}}}t"
_OLD_EXCEL = bytes.fromhex("d0cf11e0a1b11ae1")

# It tells of every cell that is a date beyond all dates, and of every extension it leaves out; for us the
# first is a cell that cannot be read, the second nothing.
warnings.filterwarnings("ignore", module=r"openpyxl\.")


class XlsxFile:
    """An XLSX file; its hidden sheets do not count."""

    several = True

    def __init__(self, file: BinaryIO) -> None:
        """Raises Problem 400 if it is none, 413 if it would unpack to too much, 415 if it is an old XLS."""
        _check_zip(file)
        with _told_of():
            file.seek(0)
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            self._sheets: dict[str, ReadOnlyWorksheet] = {
                sheet.title: sheet for sheet in book.worksheets if sheet.sheet_state == "visible"
            }
            self._percent = _percent_styles(book)
        self._book = book

    def sheets(self) -> Sequence[str]:
        return tuple(self._sheets)

    @contextmanager
    def lines(self, sheet: str) -> Iterator[Iterator[Line]]:
        with _told_of():
            part = self._sheets[sheet]._get_source()
        with part:
            yield self._lines(self._sheets[sheet], part)

    def _lines(self, sheet: ReadOnlyWorksheet, part: Any) -> Iterator[Line]:
        # openpyxl's own rows are padded to the farthest cell and leave out those that are not in order; its
        # parser gives each row as it stands.
        parser = _Parser(
            _Bounded(part),
            sheet._shared_strings,
            data_only=True,
            epoch=self._book.epoch,
            date_formats=self._book._date_formats,
            timedelta_formats=self._book._timedelta_formats,
        )
        last = 0
        with _told_of():
            for row, cells in parser.parse():
                parser.row_dimensions.clear()
                check_row(row)
                if row <= last:
                    raise _unreadable(f"row {row} stands after row {last}")
                last = row
                if texts := self._texts(row, cells):
                    yield row, texts

    def _texts(self, row: int, cells: Sequence[dict[str, Any]]) -> list[str]:
        texts: list[str] = []
        for cell in cells:
            if cell["value"] is None:
                continue
            column = cell["column"]
            check_width(row, column)
            texts.extend([""] * (column - len(texts)))
            texts[column - 1] = _text(cell["value"], percent=cell["style_id"] in self._percent)
        return trimmed(texts)


class _Parser(WorkSheetParser):  # type: ignore[misc]  # openpyxl has no types
    """openpyxl's, which would make a dozen objects of each text that stands in its cell."""

    col_counter: int

    def parse_cell(self, element: Any) -> dict[str, Any]:
        inline = element.get("t") == "inlineStr" and len(element) == 1 and len(element[0]) == 1
        if not inline or (text := element.find(_TEXT_TAG)) is None:
            return dict(super().parse_cell(element))
        at = element.get("r")
        column: int = coordinate_to_tuple(at)[1] if at else self.col_counter + 1
        self.col_counter = column
        return {"row": self.row_counter, "column": column, "value": text.text or None, "style_id": 0}


class _Bounded:
    """The XML of a sheet, refused where it goes on and on without another row: a row is held in memory."""

    def __init__(self, part: IO[bytes]) -> None:
        self._part = part
        self._since = 0

    def read(self, size: int) -> bytes:
        block = self._part.read(size)
        self._since = 0 if b"row" in block else self._since + len(block)
        if self._since > ROW_BYTES:
            raise Problem(
                413,
                "row_too_large",
                f"表中有一行超过 {ROW_BYTES // 1_000_000} MB · a row is larger than that",
            )
        return block


def _percent_styles(book: Workbook) -> frozenset[int]:
    """The styles that show 0.85 as 85 %."""

    def number_format(number: int) -> str:
        if number < BUILTIN_FORMATS_MAX_SIZE:
            return str(BUILTIN_FORMATS.get(number, ""))
        return str(book._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])

    styles = enumerate(book._cell_styles)
    return frozenset(number for number, style in styles if "%" in number_format(style.numFmtId))


def _text(value: Any, *, percent: bool) -> str:
    """Return what Excel shows, as far as it tells what is meant: numbers to 15 digits, dates as ISO 8601."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) or (percent and isinstance(value, int)):
        return f"{value * 100:.15g}%" if percent else f"{value:.15g}"
    if isinstance(value, datetime):
        day = value.replace(tzinfo=None).isoformat(" ")
        return day.removesuffix(" 00:00:00")
    return str(value)


def _check_zip(file: BinaryIO) -> None:
    """Check what a file says it unpacks to; no part gives more than it says, or reading it fails."""
    file.seek(0)
    if file.read(len(_OLD_EXCEL)) == _OLD_EXCEL:
        raise Problem(
            415,
            "old_or_locked_excel",
            "是旧版 .xls 或加了密码的文件，请另存为不加密的 .xlsx · "
            "an old .xls or a file with a password: save it as .xlsx without one",
        )
    try:
        file.seek(0)
        parts = ZipFile(file).infolist()
    except (BadZipFile, ValueError, OSError, EOFError, NotImplementedError, struct.error) as error:
        raise _unreadable(str(error)) from error
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
        raise _bomb()
    for part in parts:
        if part.file_size > _most(part.filename):
            raise _bomb()
        if part.file_size > RATIO_FROM_BYTES and part.file_size > RATIO * part.compress_size:
            raise _bomb()


def _most(part: str) -> int:
    name = part.casefold()
    if "worksheets" in name or "media/" in name:
        return UNPACKED_BYTES
    return TEXTS_BYTES if "sharedstrings" in name else OTHER_PART_BYTES


def _bomb() -> Problem:
    return Problem(
        413,
        "unpacks_too_large",
        "文件解压后过大或压缩比异常，请只保留数据、分成几个文件发送 · "
        "it unpacks to too much: keep nothing but the data, and send it in several files",
    )


def _unreadable(why: str) -> Problem:
    return Problem(
        400,
        "not_xlsx",
        f"不是能读的 XLSX 文件，请用 Excel 打开后另存为 .xlsx · not a readable XLSX file: {shown(why)}",
    )


@contextmanager
def _told_of() -> Iterator[None]:
    """Tell of whatever openpyxl raises as a Problem: on damaged files it raises nearly anything."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        raise _unreadable(f"{type(error).__name__}: {error}") from error
