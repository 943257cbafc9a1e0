"""Files on their way through ingest: taken in, handed on in parts, given back with their errors marked."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from types import TracebackType
from typing import BinaryIO, NamedTuple, ParamSpec, Self, TypeVar

import orjson
from starlette.requests import Request

from services.ingest import body
from services.ingest.body import Pace
from services.ingest.check import Refused
from services.ingest.language import Language, said_in
from services.ingest.records import Record
from services.ingest.sheets.limits import BYTES_A_SHEET
from services.ingest.sheets.sheet import KINDS

_IN_MEMORY_BYTES = 1_000_000
_PART = 250
"""Records of a file that are taken at once: the pushes of others wait no longer for a file than that."""

MEDIA_TYPES = {f".{kind}": media_type for media_type, kind in KINDS.items()}
"""By the suffix of a copy."""

KEPT_SECONDS = 24 * 3600
_KEPT_BYTES = 500_000_000


_T = TypeVar("_T")
_P = ParamSpec("_P")

_ASIDE = ThreadPoolExecutor(2, thread_name_prefix="sheets")
"""Threads of their own: large files must not take those in which the journal and ClickHouse are waited for.
More files than that wait for their turn, and their memory is not needed at the same time."""


async def aside(function: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
    """Call what takes long over a file, beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, partial(function, *args, **named))


class Mark(NamedTuple):
    """What is wrong with a row, to be marked in the copy."""

    row: int | None
    column: str | None
    message: str


class Marks:
    """The marks of a file, in the order of its rows; many of them lie on disk. Close it."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # closed by close
        self._some = False

    def __bool__(self) -> bool:
        return self._some

    def add(self, refused: Refused, language: Language | None) -> None:
        """Mark a refused row, which stands after all rows that are marked."""
        record, refusal = refused.record, refused.refusal
        one = Mark(record.row, record.column(refusal.field), said_in(language, refusal.message))
        self._file.write(orjson.dumps([*one]) + b"\n")
        self._some = True

    def __iter__(self) -> Iterator[Mark]:
        self._file.seek(0)
        for line in self._file:
            yield Mark(*orjson.loads(line))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def spool() -> Iterator[BinaryIO]:
    """A file to take in what is sent; a large one lies on disk."""
    with SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        yield file  # type: ignore[misc]  # it has all that a BinaryIO has


async def take_in(request: Request, pace: Pace, file: BinaryIO) -> None:
    """Read a request's body into a file. Raises Problem as `body.chunks`."""
    async for chunk in body.chunks(request, pace, BYTES_A_SHEET):
        file.write(chunk)
    file.seek(0)


async def parts(records: Iterable[Record]) -> AsyncIterator[tuple[list[Record], bool]]:
    """Yield the records in parts, each with whether it is the last; no records are one empty part."""
    left = iter(records)

    def following() -> list[Record]:
        return list(islice(left, _PART))

    part = await aside(following)
    while True:
        after = await aside(following)
        yield part, not after
        if not after:
            return
        part = after


class Copies:
    """Copies of files with their errors marked, for a day, and the newest only where there are too many.

    They lie in a folder of this process and go with it: a copy can always be had again by sending the file.
    """

    def __init__(self, kept_seconds: float = KEPT_SECONDS, kept_bytes: int = _KEPT_BYTES) -> None:
        self._folder = TemporaryDirectory(prefix="minmai-marked-")
        self._kept_seconds = kept_seconds
        self._kept_bytes = kept_bytes

    def keep(self, agency: str, receipt: str, suffix: str, write: Callable[[BinaryIO], None]) -> None:
        """Write the copy of a push's file. Blocks."""
        path = self._path(agency, receipt, suffix)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            write(file)
        draft.rename(path)
        self._tidy()

    def find(self, agency: str, receipt: str) -> Path | None:
        """Return where the copy lies; None if this agency has none (any more)."""
        self._tidy()
        for suffix in MEDIA_TYPES:
            if receipt.isalnum() and (path := self._path(agency, receipt, suffix)).exists():
                return path
        return None

    def close(self) -> None:
        """Drop them all."""
        self._folder.cleanup()

    def _path(self, agency: str, receipt: str, suffix: str) -> Path:
        return Path(self._folder.name) / f"{receipt}.{agency}.marked{suffix}"

    def _tidy(self) -> None:
        """Drop what is too old, and the oldest of too much."""
        files = sorted(_files(self._folder.name), key=lambda one: one[1].st_mtime, reverse=True)
        room = self._kept_bytes
        for path, found in files:
            room -= found.st_size
            if room < 0 or time.time() - found.st_mtime > self._kept_seconds:
                path.unlink(missing_ok=True)


def _files(folder: str) -> Iterator[tuple[Path, os.stat_result]]:
    for path in Path(folder).glob("*.marked.*"):
        try:
            yield path, path.stat()
        except FileNotFoundError:  # another push has tidied up
            continue
