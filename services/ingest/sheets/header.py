"""Finding the row that names the columns, and what each column is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile

from openpyxl.utils import get_column_letter

from schemas.columns import Field
from schemas.streams import Stream
from services.ingest.faults import Problem, shown
from services.ingest.sheets.fields import fields_of, key
from services.ingest.sheets.lines import Line

ROWS_SEARCHED = 20
"""How far down the header may stand below titles."""

ERRORS = "错误 · errors"
"""The column that the marked copy gets; sent back, it is not read."""
_NOT_READ = frozenset(map(key, ("错误", "errors", "序号", "备注", "no.", "remarks")))
_LEAST_COLUMNS = 2
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Header:
    """The row with the names, and the fields by their columns, from 0."""

    row: int
    texts: Sequence[str]
    fields: Mapping[int, Field]
    not_read: frozenset[int]
    """Columns that say nothing of a record: 序号, 备注, and our own errors."""

    @property
    def letters(self) -> dict[str, str]:
        """The letters of each field's column."""
        return {field.name: get_column_letter(column + 1) for column, field in self.fields.items()}

    @property
    def errors(self) -> int | None:
        """The column of errors that an earlier copy got."""
        return next((at for at in self.not_read if self.texts[at].strip() == ERRORS), None)


def found_in(lines: Iterable[Line], stream: Stream) -> Header | None:
    """Return the header among the first rows: the one that names the most fields; None if none does."""
    best: Header | None = None
    for row, texts in takewhile(lambda line: line[0] <= ROWS_SEARCHED, lines):
        header = _read(row, texts, stream)
        named = sum(1 for text in texts if text.strip())
        if len(header.fields) < _LEAST_COLUMNS or 2 * len(header.fields) < named:
            continue
        if best is None or len(header.fields) > len(best.fields):
            best = header
    return best


def check(header: Header, stream: Stream) -> None:
    """Raise Problem 400 if a column is none of the stream's, stands twice, or a needed one is missing."""
    for column, text in enumerate(header.texts):
        if not text.strip() or column in header.fields or column in header.not_read:
            continue
        letter = get_column_letter(column + 1)
        name = shown(text.strip()).replace(" · ", "·")  # which parts the languages of a message
        place = f"第 {header.row} 行 {letter} 列“{name}”"
        where = f"row {header.row} column {letter}"
        if any(one in _by_name(stream) for one in _names(text)):
            raise Problem(400, "repeated_column", f"{place}重复 · {where} stands twice")
        raise Problem(
            400,
            "unknown_column",
            f"{place}不是 {stream.name} 的列，请改名或删去；模板见 /v1/schemas/{stream.name}?format=xlsx · "
            f"{where} is no column of {stream.name}: rename it or leave it out; the template is "
            f"/v1/schemas/{stream.name}?format=xlsx",
        )
    has = {field.name for field in header.fields.values()}
    if "op" in has:
        return  # rows that withdraw a record by its id need nothing else of it
    needed = [field for field in fields_of(stream) if field.required and not field.kinds]
    if missing := [field for field in needed if field.name not in has]:
        raise Problem(
            400,
            "missing_column",
            f"缺少必填的列：{'、'.join(f'{field.zh} {field.name}' for field in missing)} · "
            f"these columns are missing and required: {', '.join(field.name for field in missing)}",
        )


def none_found(stream: Stream) -> Problem:
    """The Problem of a sheet without a header."""
    return Problem(
        400,
        "no_header",
        f"前 {ROWS_SEARCHED} 行里没有 {stream.name} 的表头；模板见 /v1/schemas/{stream.name}?format=xlsx · "
        f"no header of {stream.name} in the first {ROWS_SEARCHED} rows; see the template",
    )


def _read(row: int, texts: Sequence[str], stream: Stream) -> Header:
    """Take a row for a header. Of fields with one name (类别) each column is the next that is not taken."""
    fields: dict[int, Field] = {}
    not_read: set[int] = set()
    taken: set[str] = set()
    for column, text in enumerate(texts):
        for name in _names(text):
            free = [field for field in _by_name(stream).get(name, ()) if field.name not in taken]
            if free:
                fields[column] = free[0]
                taken.add(free[0].name)
                break
            if name in _NOT_READ:
                not_read.add(column)
                break
    return Header(row, texts, fields, frozenset(not_read))


def _names(text: str) -> list[str]:
    """The names that a cell may give; the last of `状态 · status` is the surest."""
    if len(text) > _LONGEST_NAME or not text.strip():
        return []
    return [key(part) for part in reversed(text.split("·"))]


@cache
def _by_name(stream: Stream) -> dict[str, tuple[Field, ...]]:
    found: dict[str, list[Field]] = {}
    for field in fields_of(stream):
        for name in dict.fromkeys(map(key, (field.name, field.zh, *field.names))):
            found.setdefault(name, []).append(field)
    return {name: tuple(fields) for name, fields in found.items()}
