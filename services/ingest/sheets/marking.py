"""The copy of a sheet with its errors marked."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
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


Marked = tuple[int, Sequence[str], Sequence[Fault]]
"""A row's number, its texts, and its faults."""


@dataclass(frozen=True)
class Copy:
    """A copy to be written: the sheet's lines, what stands where, and what is wrong."""

    header: Header
    width: int
    """The most columns of a line."""
    lines: Iterable[Line]
    faults: Iterable[Fault]
    """In the order of their rows."""

    @property
    def errors(self) -> int:
        """The column of the errors: the one that an earlier copy has, or the next that is free."""
        return self.width if self.header.errors is None else self.header.errors

    def marked_lines(self) -> Iterator[Marked]:
        """Yield the lines with the errors in their column, and empty lines where rows were empty."""
        by_row = groupby((one for one in self.faults if one.row is not None), lambda one: one.row or 0)
        marked, faults = next(by_row, _NONE_LEFT)
        expected = 1
        for row, texts in self.lines:
            for empty in range(expected, row):
                yield empty, [], ()
            expected = row + 1
            while marked < row:
                marked, faults = next(by_row, _NONE_LEFT)
            mine = list(faults) if marked == row else []
            if row < self.header.row:
                yield row, texts, mine
                continue
            message = "\n".join(one.message for one in mine)
            full = [*texts, *[""] * (self.errors + 1 - len(texts))]
            full[self.errors] = ERRORS if row == self.header.row else message
            yield row, full, mine


_NONE_LEFT: tuple[float, Iterator[Fault]] = (inf, iter(()))


def write_csv(target: BinaryIO, copy: Copy, encoding: str, delimiter: str) -> None:
    """Write a copy as CSV."""
    text = io.TextIOWrapper(target, encoding, newline="", write_through=True)
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerows(texts for _row, texts, _faults in copy.marked_lines())
    text.detach()


def write_xlsx(target: BinaryIO, copy: Copy) -> None:
    """Write a copy as XLSX, the cells at fault in red."""
    book = Book(target, copy.header.fields, copy.header.row)
    for row, texts, faults in copy.marked_lines():
        cells: dict[int, Mark] = {}
        for fault in faults:
            cells[copy.errors] = Mark("")
            if fault.column:
                cells[column_index_from_string(fault.column) - 1] = Mark(fault.message)
        book.add(row, texts, cells)
    book.close()
