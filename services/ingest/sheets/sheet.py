"""A sheet that an agency sent: opened, its rows as records, and a copy of it with the errors marked.

It is read once, from its first to its last byte, before any record is handed on: so a sheet that is damaged,
too large or of another stream is refused whole, and never when half of it is counted. The rows lie in a
temporary file meanwhile, so memory does not grow with them.
"""

from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import orjson

from schemas.streams import Stream
from services.ingest.faults import Problem, Refusal
from services.ingest.records import Record
from services.ingest.settings import BYTES_A_RECORD
from services.ingest.sheets import header as headers
from services.ingest.sheets import marking, rows
from services.ingest.sheets.csv_file import CsvFile
from services.ingest.sheets.header import Header
from services.ingest.sheets.limits import ROWS_A_SHEET, ROWS_BYTES
from services.ingest.sheets.lines import Line, Source
from services.ingest.sheets.xlsx_file import XlsxFile

SheetKind = Literal["csv", "xlsx"]

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS: Mapping[str, SheetKind] = {CSV_TYPE: "csv", XLSX_TYPE: "xlsx"}
"""By media type."""

_IN_MEMORY_BYTES = 1_000_000


class Sheet:
    """A sheet whose rows can be asked for as often as one likes; close it, it holds a temporary file."""

    def __init__(self, kind: SheetKind, header: Header, encoding: str, delimiter: str) -> None:
        self.kind = kind
        self.rows = 0
        """How many records it has."""
        self._header = header
        self._columns = header.letters
        self._encoding = encoding
        self._delimiter = delimiter
        self._width = len(header.texts)
        self._spool = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # closed by close

    @property
    def media_type(self) -> str:
        """Of the marked copy, which is of the kind that was sent."""
        return XLSX_TYPE if self.kind == "xlsx" else CSV_TYPE

    @property
    def suffix(self) -> str:
        """Of the marked copy's file name."""
        return f".{self.kind}"

    def records(self) -> Iterator[Record]:
        """Yield its records, one a row; `raw` is the row as a JSON array of its texts."""
        index = 0
        for row, raw in self._lines():
            if row <= self._header.row:
                continue
            yield Record(index, raw, self._content(row, raw), row, self._columns)
            index += 1

    def marked(self, faults: Iterable[marking.Fault], target: BinaryIO) -> None:
        """Write a copy with the errors marked, for the sender to mend and send back.

        The faults must be in the order of their rows.

        XLSX: the cell at fault is red and has a comment. Both: a last column 错误 · errors says what is wrong
        with the row. Rows keep their numbers; formats, formulas and other sheets are not kept.
        """
        lines = ((row, [str(text) for text in orjson.loads(raw)]) for row, raw in self._lines())
        copy = marking.Copy(self._header, self._width, lines, faults)
        if self.kind == "xlsx":
            marking.write_xlsx(target, copy)
        else:
            marking.write_csv(target, copy, self._encoding, self._delimiter)

    def close(self) -> None:
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, lines: Iterable[Line]) -> None:
        """Put the lines into the spool. Raises Problem 413 for too many rows, or too much in them."""
        size = 0
        for row, texts in lines:
            if row > self._header.row:
                if not rows.says_anything(self._header, texts):
                    continue
                self.rows += 1
                if self.rows > ROWS_A_SHEET:
                    raise _too_many()
            self._width = max(self._width, len(texts))
            size += self._spool.write(b"%d\t%s\n" % (row, _json(texts)))
            if size > ROWS_BYTES:
                raise _too_large()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        self._spool.seek(0)
        for line in self._spool:
            row, _, raw = line.rstrip(b"\n").partition(b"\t")
            yield int(row), raw

    def _content(self, row: int, raw: bytes) -> dict[str, Any] | Refusal:
        if len(raw) > BYTES_A_RECORD:
            return Refusal(
                "too_large",
                f"第 {row} 行超过 {BYTES_A_RECORD} 字节 · row {row} has more than {BYTES_A_RECORD} bytes",
            )
        return rows.content(self._header, row, orjson.loads(raw))


def open_sheet(kind: SheetKind, file: BinaryIO, stream: Stream) -> Sheet:
    """Read a sheet of records of one stream; it blocks for seconds on a large one, so call it in a thread.

    The file must be seekable, it is not closed. Raises Problem if the whole sheet cannot be taken: 400 if it
    is damaged or has not the stream's columns, 413 if it is too large or a bomb, 415 if it is an old XLS.
    """
    source: Source
    encoding = ""
    if kind == "csv":
        source = csv = CsvFile(file)
        encoding = csv.encoding
    else:
        source = XlsxFile(file)
    name, header = _choose(source, stream)
    headers.check(header, stream)
    sheet = Sheet(kind, header, encoding, name)
    try:
        with source.lines(name) as lines:
            sheet.take(lines)
    except BaseException:
        sheet.close()
        raise
    return sheet


def _choose(source: Source, stream: Stream) -> tuple[str, Header]:
    """The sheet that has a header. Raises Problem 400 if none has, or several different ones."""
    found: list[tuple[str, Header]] = []
    wrong: Problem | None = None
    for name in source.sheets():
        try:
            with source.lines(name) as lines:
                header = headers.found_in(lines, stream)
        except Problem as problem:
            if source.several:
                raise
            wrong = wrong or problem  # of a delimiter that may not be the file's
            continue
        if header is not None:
            found.append((name, header))
    if not found:
        raise wrong or headers.none_found(stream)
    if source.several and len(found) > 1:
        names = "、".join(name for name, _header in found)
        raise Problem(
            400,
            "several_sheets",
            f"有几个工作表都有数据：{names}。请每个文件只留一个 · several sheets have records: one a file",
        )
    return max(found, key=lambda one: len(one[1].fields))


def _json(texts: Iterable[str]) -> bytes:
    return orjson.dumps([text if text.isascii() else _unicode(text) for text in texts])


def _unicode(text: str) -> str:
    """Without halves of surrogate pairs, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _too_many() -> Problem:
    return Problem(
        413,
        "too_many_rows",
        f"一个文件最多 {ROWS_A_SHEET} 行，请分成几个文件 · at most {ROWS_A_SHEET} rows a file: send several",
    )


def _too_large() -> Problem:
    most = ROWS_BYTES // 1_000_000
    return Problem(
        413,
        "rows_too_large",
        f"各行文字合计超过 {most} MB，请分成几个文件 · the rows have more than {most} MB: send several files",
    )
