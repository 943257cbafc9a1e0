"""CSV: UTF-8 with or without BOM, UTF-16 with one, or GB18030; parted by comma, tab or semicolon."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from services.ingest.faults import Problem
from services.ingest.settings import BYTES_A_RECORD
from services.ingest.sheets.limits import ROW_BYTES
from services.ingest.sheets.lines import Line, check_row, check_width, row_too_large, trimmed

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon"}
_BLOCK = 1 << 20

csv.field_size_limit(BYTES_A_RECORD)  # of the whole process: a quote never closed must not swallow the file


class CsvFile:
    """A CSV file; it has one sheet for each delimiter it may have been written with."""

    several = False

    def __init__(self, file: BinaryIO) -> None:
        """Raises Problem 400 if it is text in none of the encodings."""
        self._file = file
        self.encoding = _encoding(file)

    def sheets(self) -> Sequence[str]:
        return tuple(DELIMITERS)

    @contextmanager
    def lines(self, sheet: str) -> Iterator[Iterator[Line]]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, self.encoding, newline="")
        try:
            yield _lines(_Bounded(text), sheet)
        finally:
            text.detach()  # else it would close the file


class _Bounded:
    """The lines of a file, refused where a row goes on and on: it is held in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.since = 0
        """Characters since the row began."""

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(ROW_BYTES):
            self.since += len(line)
            if self.since >= ROW_BYTES:
                raise row_too_large()
            yield line


def _lines(source: _Bounded, delimiter: str) -> Iterator[Line]:
    row = 0
    try:
        for row, texts in enumerate(csv.reader(source, delimiter=delimiter), 1):
            source.since = 0
            check_row(row)
            if trimmed(texts):
                check_width(row, len(texts))
                yield row, texts
    except csv.Error as error:
        raise Problem(
            400,
            "not_csv",
            f"第 {row + 1} 行起读不下去，可能少了一个引号 · cannot be read from row {row + 1} on, "
            f"perhaps a quote is not closed: {error}",
        ) from error


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(2)
    tried: tuple[str, ...]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried = ("utf-16",)
    else:
        tried = ("utf-8-sig", "gb18030")
    for encoding in tried:
        if _is_in(file, encoding):
            return encoding
    raise Problem(
        400,
        "not_text",
        "既不是 UTF-8 也不是 GB18030（GBK）的文本，请另存为“CSV UTF-8” · "
        "neither UTF-8 nor GB18030: save it as CSV UTF-8",
    )


def _is_in(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
