"""Files that a command changes while services read them: replaced as a whole, read again when changed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

State = tuple[int, int, int] | None
"""Differs whenever the file has been replaced; None: it is not there, or cannot be reached."""


def state(path: Path) -> State:
    """Return the state of a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def replace(path: Path, text: str) -> None:
    """Replace a file at once, readable for its owner alone: a reader sees the old or the new one, never half
    of it.
    """
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process from changing a file; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
