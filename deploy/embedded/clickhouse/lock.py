"""A data folder belongs to one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from services.platform.errors import StartError

_LOCK = "minmai.lock"


def locked(path: Path) -> int:
    """Lock the folder, and return the file that holds the lock.

    The system lets go of it when this process ends, however it ends.
    Raises StartError when the folder cannot be written to, or another process has it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"The embedded ClickHouse cannot write to {path}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode().strip() or "unknown"
        os.close(lock)
        raise StartError(
            f"The data in {path} is in use by another process (id {holder}); "
            "stop it, or choose another folder"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
