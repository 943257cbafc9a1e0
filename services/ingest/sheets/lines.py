"""The lines of a sheet as texts, whatever file it came in."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from services.ingest.faults import Problem
from services.ingest.sheets.limits import COLUMNS_A_SHEET, LINES, ROW_BYTES

Line = tuple[int, Sequence[str]]
"""The row's number, from 1, and the texts of its cells, empty ones at its end left out."""


class Source(Protocol):
    """A file with one or more sheets (a CSV file: one for each way it may be parted into columns)."""

    several: bool
    """Whether its sheets are different ones, not readings of one and the same."""

    def sheets(self) -> Sequence[str]:
        """The names of its sheets."""

    def lines(self, sheet: str) -> AbstractContextManager[Iterator[Line]]:
        """The lines of one sheet that have any text, in their order. Raises Problem while they are read."""


def trimmed(texts: list[str]) -> list[str]:
    """Return the cells of a line without the empty ones at its end."""
    while texts and not texts[-1].strip():
        texts.pop()
    return texts


def check_width(row: int, columns: int) -> None:
    """Raise Problem 413 if a row has too many columns."""
    if columns > COLUMNS_A_SHEET:
        raise Problem(
            413,
            "sheet_too_wide",
            f"第 {row} 行有 {columns} 列或更多，最多 {COLUMNS_A_SHEET} 列 · "
            f"row {row} has {columns} columns or more, at most {COLUMNS_A_SHEET} are taken",
        )


def check_row(row: int) -> None:
    """Raise Problem 413 if a sheet goes on for more rows than Excel has."""
    if row > LINES:
        raise Problem(413, "sheet_too_long", f"最多 {LINES} 行 · at most {LINES} rows, empty ones included")


def row_too_large() -> Problem:
    """The Problem of a row that is larger than any that could be taken."""
    return Problem(
        413, "row_too_large", f"表中有一行超过 {ROW_BYTES // 1_000_000} MB · a row is larger than that"
    )
