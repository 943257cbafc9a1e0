"""Writing an XLSX file row by row: a data sheet with drop-down lists, and the lists."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from services.ingest.sheets.fields import Field, Kind
from services.ingest.sheets.limits import ROWS_A_SHEET
from services.ingest.sheets.values import moment, number

DATA, EXPLAINED, LISTS = "填报", "说明", "选项"

_RED = PatternFill("solid", fgColor="FFFF7C80")
_HEAD = PatternFill("solid", fgColor="FFDDEBF7")
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


@dataclass(frozen=True)
class Mark:
    """A cell at fault, and what is said of it (nothing: it is only red)."""

    comment: str


class Book:
    """An XLSX file that is written from its first row to its last."""

    def __init__(self, fields: Mapping[int, Field], header: int) -> None:
        """`fields` by their columns, from 0; `header` is the row that names them."""
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet(DATA)
        self._fields = fields
        self._header = header
        self._comments = 0
        self._styles: dict[tuple[str, bool, bool], Any] = {}
        self._sheet.freeze_panes = f"A{header + 1}"
        for column, field in fields.items():
            dimension = self._sheet.column_dimensions[get_column_letter(column + 1)]
            dimension.width = min(_WIDEST, 4 + 2 * len(field.zh) + len(field.name))
            dimension.number_format = _FORMATS.get(field.kind, "General")
        self._add_lists()

    def add(self, row: int, texts: Sequence[str], marks: Mapping[int, Mark] | None = None) -> None:
        """Write the next row; below the header its texts become numbers and dates where their fields are."""
        marked = marks or {}
        full = [*texts, *[""] * (max(marked, default=-1) + 1 - len(texts))]
        self._sheet.append(
            [self._cell(row, column, text, marked.get(column)) for column, text in enumerate(full)]
        )

    def explain(self, lines: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """Add the sheet that explains the fields."""
        sheet = self._book.create_sheet(EXPLAINED, 1)
        for column, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        for number_, texts in enumerate(lines):
            cells = [WriteOnlyCell(sheet, text) for text in texts]
            for cell in cells:
                cell.alignment = Alignment(wrap_text=True, vertical="top")
                if number_ == 0:
                    cell.font, cell.fill = Font(bold=True), _HEAD
            sheet.append(cells)

    def save(self, target: BinaryIO) -> None:
        """Write the file."""
        self._book.save(target)

    def _cell(self, row: int, column: int, text: str, mark: Mark | None) -> Any:
        field = self._fields.get(column) if row > self._header else None
        value, number_format = _value(field, text)
        if mark is None and row != self._header and number_format is None and not text.startswith("="):
            return value
        cell = WriteOnlyCell(self._sheet, value)
        if isinstance(value, str):
            cell.data_type = "s"  # what an agency wrote is a text, never a formula
        cell._style = self._style(number_format or "General", row == self._header, mark is not None)
        if mark is not None and mark.comment and self._comments < _COMMENTS:
            self._comments += 1
            cell.comment = Comment(_clean(mark.comment), "minmai", width=320, height=120)
        return cell

    def _style(self, number_format: str, head: bool, marked: bool) -> Any:
        """A style, made once: openpyxl looks for it anew at every cell."""
        key = number_format, head, marked
        if key not in self._styles:
            cell = WriteOnlyCell(self._sheet)
            cell.number_format = number_format
            if head:
                cell.font, cell.fill = Font(bold=True), _HEAD
            if marked:
                cell.fill = _RED
            self._styles[key] = cell._style
        return copy(self._styles[key])

    def _add_lists(self) -> None:
        """Add the drop-down lists; their words lie on a hidden sheet, for a list in place is cut at 255."""
        lists = self._book.create_sheet(LISTS)
        lists.sheet_state = "hidden"
        columns = [(column, words) for column, field in self._fields.items() if (words := _choices(field))]
        height = max((len(words) for _column, words in columns), default=0)
        for line in range(height):
            lists.append([words[line] if line < len(words) else None for _column, words in columns])
        for place, (column, words) in enumerate(columns, 1):
            letter, at = get_column_letter(column + 1), get_column_letter(place)
            choice = DataValidation(
                "list", formula1=f"'{LISTS}'!${at}$1:${at}${len(words)}", allow_blank=True
            )
            choice.add(f"{letter}{self._header + 1}:{letter}{self._header + ROWS_A_SHEET}")
            self._sheet.data_validations.append(choice)


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
    return str(ILLEGAL_CHARACTERS_RE.sub("", text))[:_LONGEST_TEXT]
