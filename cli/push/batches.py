"""From a file of records to requests that ingest takes: each record goes as the very bytes it has."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cli.push.errors import FileError

RECORDS_A_REQUEST = 2_000
BYTES_A_REQUEST = 8_000_000
"""Below ingest's 10 MB, for what stands around the records."""

_BOM = b"\xef\xbb\xbf"
_PIECE = 1_000_000
_BLANKS = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True)
class Item:
    """One record: its number (of its line, or in the array; from 1) and its bytes; None if too long."""

    number: int
    raw: bytes | None


@dataclass
class Batch:
    """The records of one request, and how far the file is read when it is answered."""

    items: list[Item] = field(default_factory=list)
    size: int = 0
    end: int = 0
    """Bytes of the file (NDJSON) or records of it (JSON) up to the last record of this batch."""
    lines: int = 0
    digest: str = ""
    """SHA-256 of the file's bytes up to `end` (NDJSON), or of all of them (JSON)."""

    def has_room(self, size: int) -> bool:
        return not self.items or (len(self.items) < RECORDS_A_REQUEST and self.size + size <= BYTES_A_REQUEST)

    def add(self, item: Item, end: int, digest: str = "", lines: int = 0) -> None:
        self.items.append(item)
        self.size += len(item.raw or b"") + 1
        self.end, self.digest, self.lines = end, digest, lines


def ndjson(file: BinaryIO, start: int, lines: int) -> Iterator[Batch]:
    """Yield the lines of NDJSON from byte `start` on, before which there are `lines`; blank ones do not go.

    The digest is of the file from its beginning, so that a file whose beginning has changed is noticed.
    """
    read = _Hashed(file)
    read.skip(start)
    if start and not read.ends_line:  # the first that follows is the rest of the last line
        lines -= 1
    batch = Batch()
    for line in read.lines():
        lines += 1
        raw = None if line is None else line.removeprefix(_BOM if lines == 1 else b"").strip(b" \t\r\n")
        if raw == b"":
            continue
        if not batch.has_room(len(raw or b"")):
            yield batch
            batch = Batch()
        batch.add(Item(lines, raw), read.at, read.digest.hexdigest(), lines)
    if batch.items:
        yield batch


class _Hashed:
    """Reads a file from its beginning and hashes what it reads; no line takes more memory than a request."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.at = 0
        self.ends_line = False
        self.digest = hashlib.sha256()

    def skip(self, end: int) -> None:
        while self.at < end and (piece := self._file.read(min(_PIECE, end - self.at))):
            self._take(piece)

    def lines(self) -> Iterator[bytes | None]:
        """Yield the lines; None for one that no request has room for."""
        while line := self._file.readline(BYTES_A_REQUEST):
            self._take(line)
            whole = True
            while not self.ends_line and (rest := self._file.readline(_PIECE)):
                self._take(rest)
                whole = whole and not rest.strip()
            yield line if whole else None

    def _take(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.at += len(piece)
        self.ends_line = piece.endswith(b"\n")


def prefix(path: Path, end: int) -> str:
    """Return the SHA-256 of a file's first `end` bytes."""
    with path.open("rb") as file:
        read = _Hashed(file)
        read.skip(end)
    return read.digest.hexdigest()


def json_records(content: bytes, start: int) -> Iterator[Batch]:
    """Yield the records of a JSON array, or the one object, from number `start` on (from 0).

    Raises FileError if it is not JSON; the batches before have been yielded.
    """
    digest = hashlib.sha256(content).hexdigest()
    batch = Batch()
    for number, raw in enumerate(_values(_text(content)), 1):
        if number <= start:
            continue
        size = len(raw)
        if not batch.has_room(size):
            yield batch
            batch = Batch()
        batch.add(Item(number, raw if size <= BYTES_A_REQUEST else None), number, digest)
    if batch.items:
        yield batch


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"第 {error.start + 1} 字节起不是 UTF-8 · not UTF-8 from this byte on") from None


def _values(text: str) -> Iterator[bytes]:
    at = _skip(text, 0)
    many = text.startswith("[", at)
    if many:
        at = _skip(text, at + 1)
    if not (many and text.startswith("]", at)):
        while True:
            end = _end(text, at)
            yield text[at:end].encode()
            at = _skip(text, end)
            if not many or text.startswith("]", at):
                break
            if not text.startswith(",", at):
                raise _not_json(text, at)
            at = _skip(text, at + 1)
    if (end := _skip(text, at + 1 if many else at)) != len(text):
        raise _not_json(text, end)


def _end(text: str, at: int) -> int:
    try:
        return json.JSONDecoder().raw_decode(text, at)[1]
    except json.JSONDecodeError as error:
        raise _not_json(text, error.pos) from None
    except (RecursionError, ValueError):
        raise _not_json(text, at) from None


def _skip(text: str, at: int) -> int:
    blank = _BLANKS.match(text, at)
    assert blank is not None  # it also matches nothing
    return blank.end()


def _not_json(text: str, at: int) -> FileError:
    line = text.count("\n", 0, at) + 1
    return FileError(
        f"第 {line} 行第 {at - text.rfind(chr(10), 0, at)} 个字符处不是有效的 JSON，其后的记录未发送 · "
        "not JSON at this line and character; the records after it are not sent"
    )
