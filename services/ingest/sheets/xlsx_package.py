"""The parts of an XLSX file, and a walk through their XML that nothing in it can make long or large.

The XML goes through the C parser of the standard library. What a sheet has no need of is refused: a DOCTYPE
(and with it every entity), elements nested deep, a tag or a text that goes on and on, more tags than a full
sheet has.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NoReturn
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from services.ingest.faults import Problem, shown
from services.ingest.sheets.limits import (
    DIRECTORY_BYTES,
    LEVELS,
    OTHER_PART_BYTES,
    PARTS,
    RATIO,
    RATIO_FROM_BYTES,
    ROW_BYTES,
    TAGS,
    TEXTS_BYTES,
    UNPACKED_BYTES,
)
from services.ingest.sheets.lines import row_too_large

_OLD_EXCEL = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = 0x1
_BLOCK = 64 * 1024
_DAMAGED = (
    BadZipFile,
    zlib.error,
    ValueError,
    LookupError,
    OSError,
    EOFError,
    NotImplementedError,
    struct.error,
)

_SPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",  # of files that Excel saves as "strict"
)


def names_of(*tags: str) -> dict[str, str]:
    """Return the tags of spreadsheets by the full names that a Reader is told."""
    return {f"{space} {tag}": tag for space in _SPACES for tag in tags}


class Reader:
    """What hears of the elements of a part."""

    def __init__(self) -> None:
        self.pieces = 0
        """How many rows or texts have been read, or whatever else a part is made of; none may be endless."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; `name` is `namespace tag`."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """A text, or a part of one."""


class Package:
    """The zip file that an XLSX file is."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises Problem 400 if it is none, 413 if it would unpack to too much, 415 if it is an old XLS."""
        file.seek(0)
        if file.read(len(_OLD_EXCEL)) == _OLD_EXCEL:
            raise _old_or_locked()
        try:
            self._zip = ZipFile(_Bounded(file))  # it has all that is called
        except _DAMAGED as error:
            raise unreadable(str(error)) from error
        _check(self._zip.infolist())
        self._parts = {_plain(part.filename): part for part in self._zip.infolist()}
        self._tags = 0

    def __contains__(self, part: str) -> bool:
        return _plain(part) in self._parts

    def read(self, part: str, reader: Reader) -> Iterator[None]:
        """Tell the reader of a part's elements, of those in a block at each step. Raises Problem."""
        if part not in self:
            raise unreadable(f"it has no part {part}")
        parser = _parser(reader)
        pieces = since = 0
        try:
            with self._zip.open(self._parts[_plain(part)]) as source:
                while block := source.read(_BLOCK):
                    self._tags += block.count(b"<")
                    if self._tags > TAGS:
                        raise _bomb()
                    parser.Parse(block, False)
                    since = 0 if reader.pieces > pieces else since + len(block)
                    pieces = reader.pieces
                    if since > ROW_BYTES:
                        raise row_too_large()
                    yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise unreadable(f"{part}: {error}") from error
        except _DAMAGED as error:
            raise unreadable(f"{part}: {type(error).__name__}: {error}") from error
        yield

    def read_whole(self, part: str, reader: Reader) -> None:
        """Tell the reader of all elements of a part. Raises Problem."""
        for _block in self.read(part, reader):
            pass


def unreadable(why: str) -> Problem:
    """The Problem of a file that is no workbook, or a damaged one."""
    return Problem(
        400,
        "not_xlsx",
        f"不是能读的 XLSX 文件，请用 Excel 打开后另存为 .xlsx · not a readable XLSX file: {shown(why)}",
    )


class _Bounded:
    """A file of which nothing large is read at once: the directory of a zip file is, whatever its size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > DIRECTORY_BYTES:
            raise _bomb()
        return self._file.read(size)


def _parser(reader: Reader) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    level = 0
    start, end = reader.start, reader.end

    def down(name: str, attributes: dict[str, str]) -> None:
        nonlocal level
        level += 1
        if level > LEVELS:
            raise unreadable(f"its XML is nested more than {LEVELS} levels deep")
        start(name, attributes)

    def up(name: str) -> None:
        nonlocal level
        level -= 1
        end(name)

    parser.StartElementHandler = down
    parser.EndElementHandler = up
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_declared: object) -> NoReturn:
    raise unreadable("its XML has a DOCTYPE")


def _plain(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").casefold()


def _check(parts: Sequence[ZipInfo]) -> None:
    """Check what a file says it unpacks to; no part gives more than it says, or reading it fails."""
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
        raise _bomb()
    for part in parts:
        if part.flag_bits & _ENCRYPTED:
            raise _old_or_locked()
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise unreadable(f"{part.filename} is compressed as no XLSX file is")
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


def _old_or_locked() -> Problem:
    return Problem(
        415,
        "old_or_locked_excel",
        "是旧版 .xls 或加了密码的文件，请另存为不加密的 .xlsx · "
        "an old .xls or a file with a password: save it as .xlsx without one",
    )
