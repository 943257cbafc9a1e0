"""The journal: what a push was answered for, on disk, for a broker whose log is in memory: records, dead
letters, receipts, refused pushes.

A folder of segment files; only the newest is written to, and only at its end. A line is
`crc32 TAB topic TAB identity TAB key TAB value`. What stands in the journal has been acknowledged by some
broker; writing it to the topics again is harmless, for a record counts once.
"""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from zlib import crc32

from services.ingest.message import Message
from services.platform.errors import MinmaiError, StartError

log = logging.getLogger(__name__)

_SUFFIX = ".journal"


class JournalError(MinmaiError):
    """A segment is damaged before its end, where a torn write cannot explain it."""


class Journal:
    """The journal in one folder; one process at a time may have it open."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        """Open it, made if missing; raises StartError if another process has it open or it cannot be used."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._mutex = Lock()
        self._active: int | None = None
        self._active_path = folder
        self._size = 0
        self._begun = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"journal {folder} is in use: is another ingest running on the same data?"
            ) from None
        except OSError as error:
            raise StartError(f"journal {folder} cannot be used: {error.strerror}") from error
        paths = self._paths()
        self._number = int(paths[-1].stem) if paths else 0

    def append(self, messages: Sequence[Message]) -> None:
        """Return when the disk has the messages.

        Raises OSError if not; then none of them counts as kept, and later ones go to a new segment.
        """
        lines = b"".join(map(_line, messages))
        with self._mutex:
            if self._active is None:
                self._begin()
            assert self._active is not None
            try:
                _write_all(self._active, lines)
                os.fdatasync(self._active)
            except OSError:
                self._end()
                raise
            self._size += len(lines)
            if self._size >= self._segment_bytes:
                self._end()

    def seal(self, *, older_than: float = 0.0) -> list[Path]:
        """End the active segment if it was begun so many seconds ago; return those that are `sealed` then."""
        with self._mutex:
            if time.monotonic() - self._begun >= older_than:
                self._end()
        return self.sealed()

    def sealed(self) -> list[Path]:
        """The segments that are not written to any more, oldest first."""
        with self._mutex:
            return [path for path in self._paths() if self._active is None or path != self._active_path]

    def sizes(self) -> list[int]:
        """The bytes of each segment on disk."""
        sizes = []
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
                sizes.append(path.stat().st_size)
        return sizes

    def drop(self, segment: Path) -> None:
        """Delete a segment whose records are all counted."""
        segment.unlink()
        log.info("journal segment %s dropped: its records are all counted", segment.name)

    def close(self) -> None:
        """Let another process have it."""
        with self._mutex:
            self._end()
            os.close(self._lock)

    def _begin(self) -> None:
        self._number += 1
        self._active_path = self._folder / f"{self._number:010d}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._active = os.open(self._active_path, flags, 0o600)
        self._size = 0
        self._begun = time.monotonic()
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a crash could lose the file's name with all it holds
        finally:
            os.close(folder)

    def _end(self) -> None:
        if self._active is not None:
            os.close(self._active)
            self._active = None

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))


def read(segment: Path) -> Iterator[Message]:
    """Yield the messages of a segment.

    Torn lines at its end were never answered for and are passed over. Raises JournalError, after all that
    can be read has been yielded, if a bad line stands before a good one.
    """
    torn = damaged = 0
    with segment.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            message = _message(line)
            if message is None:
                torn = torn or number
                continue
            damaged = damaged or torn
            yield message
    if damaged:
        raise JournalError(
            f"journal segment {segment} is damaged at line {damaged}; the lines that can be read were used. "
            "Look at the disk, then move the file away"
        )


def newest(segment: Path, most_bytes: int) -> list[Message]:
    """Return the messages at the end of a segment that lie within so many bytes, without torn ones."""
    with segment.open("rb") as lines:
        size = lines.seek(0, os.SEEK_END)
        lines.seek(max(0, size - most_bytes))
        if size > most_bytes:
            lines.readline()
        return [message for line in lines if (message := _message(line)) is not None]


def _line(message: Message) -> bytes:
    topic, identity, key, value = message
    content = b"%b\t%032x\t%b\t%b" % (topic.encode(), identity, key, value)
    return b"%08x\t%b\n" % (crc32(content), content)


def _message(line: bytes) -> Message | None:
    checksum, _, content = line.removesuffix(b"\n").partition(b"\t")
    if not line.endswith(b"\n") or checksum != b"%08x" % crc32(content):
        return None
    topic, identity, key, value = content.split(b"\t", 3)
    return Message(topic.decode(), int(identity, 16), key, value)


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
