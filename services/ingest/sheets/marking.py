"""The copy of a sheet with its errors marked."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from openpyxl.utils import column_index_from_string

from services.ingest.sheets.book import Book, Mark
from services.ingest.sheets.header import ERRORS, Header
from services.ingest.sheets.lines import Line


class Fault(Protocol):
    """What is wrong with a row; `schemas.receipt.Fault` is one."""

    @property
    def row(self) -> int | None: ...

    @property
    def column(self) -> str | None: ...

    @property
    def message(self) -> str: ...


Marks = Mapping[int, Sequence[Fault]]


def by_row(faults: Iterable[Fault]) -> Marks:
    """Return the faults of each row."""
    found: dict[int, list[Fault]] = {}
    for fault in faults:
        if fault.row is not None:
            found.setdefault(fault.row, []).append(fault)
    return found


@dataclass(frozen=True)
class Copy:
    """A copy to be written: the sheet's lines, what stands where, and what is wrong."""

    header: Header
    width: int
    """The most columns of a line."""
    lines: Iterable[Line]
    marks: Marks

    @property
    def errors(self) -> int:
        """The column of the errors: the one that an earlier copy has, or the next that is free."""
        return self.width if self.header.errors is None else self.header.errors

    def marked_lines(self) -> Iterator[Line]:
        """Yield the lines with the errors in their column, and empty lines where rows were empty."""
        expected = 1
        for row, texts in self.lines:
            for empty in range(expected, row):
                yield empty, []
            expected = row + 1
            if row < self.header.row:
                yield row, texts
                continue
            message = "\n".join(one.message for one in self.marks.get(row, ()))
            full = [*texts, *[""] * (self.errors + 1 - len(texts))]
            full[self.errors] = ERRORS if row == self.header.row else message
            yield row, full


def write_csv(target: BinaryIO, copy: Copy, encoding: str, delimiter: str) -> None:
    """Write a copy as CSV."""
    text = io.TextIOWrapper(target, encoding, newline="", write_through=True)
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerows(texts for _row, texts in copy.marked_lines())
    text.detach()


def write_xlsx(target: BinaryIO, copy: Copy) -> None:
    """Write a copy as XLSX, the cells at fault in red."""
    book = Book(copy.header.fields, copy.header.row)
    for row, texts in copy.marked_lines():
        cells: dict[int, Mark] = {}
        for fault in copy.marks.get(row, ()):
            cells[copy.errors] = Mark("")
            if fault.column:
                cells[column_index_from_string(fault.column) - 1] = Mark(fault.message)
        book.add(row, texts, cells)
    book.save(target)
