"""The folder in which the one-machine default keeps everything; one `minmai up` at a time may have it."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.ingest import agencies
from services.platform import files
from services.platform.errors import StartError

LINK_SECRET = "alerts-link-secret"  # noqa: S105 - a name
"""The file in it that holds what signs links to subscribers' pages."""
SESSION_SECRET = "session-secret"  # noqa: S105 - a name
"""The file in it that holds what signs the sessions of who signs in to the board."""


def secret_of(folder: Path, name: str) -> str:
    """Return a secret that a data folder keeps or, if it has none yet, a new one for it to `keep`."""
    file = folder / name
    return file.read_text(encoding="ascii") if file.exists() else secrets.token_hex(32)


class DataFolder:
    """A folder that is this process's alone until it ends."""

    def __init__(self, path: Path) -> None:
        """Make it if it is missing, and lock it.

        Raises StartError if it cannot be written, or another process has it.
        """
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.scratch = self.path / "tmp"
        self.journal = self.path / "journal"
        self.clickhouse = self.path / "clickhouse"
        self.agencies = self.path / "agencies.json"
        self.sample_keys = self.path / "sample-keys.json"
        self.feed_state = self.path / "feed.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Kept open: the lock lasts as long as this process, however that ends.
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._take()
            self.logs.mkdir(exist_ok=True)
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(exist_ok=True)
        except OSError as error:
            raise StartError(
                f"数据目录 {self.path} 不可写 · the data folder cannot be written ({error.strerror}): choose "
                "another with --data, or mend its rights"
            ) from error

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode(errors="replace") or "?"
            raise StartError(
                f"数据目录 {self.path} 正被另一个 minmai up 使用（进程 {holder}） · the data folder is in "
                f"use by process {holder}: end that one first, or choose another folder with --data"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def keep(self, name: str, secret: str) -> None:
        """Keep a secret, unless one of that name is there: links and sessions outlive a restart."""
        if not (self.path / name).exists():
            files.replace(self.path / name, secret)

    def keep_apart(self, *, invented: bool) -> None:
        """Raise StartError if real and invented records would meet here: nobody could part them again."""
        has_sample, has_data = self.sample_keys.exists(), self.clickhouse.exists()
        if has_sample and not invented:
            raise StartError(
                f"{self.path} 存有演示用的虚构数据 · holds an invented county's records: start it with "
                "--feed, or choose another folder with --data"
            )
        if invented and has_data and not has_sample:
            raise StartError(
                f"{self.path} 存有真实数据，不能混入虚构数据 · holds records of your own, invented ones "
                "must not mix with them: choose another folder with --data"
            )

    def admit_sample_agencies(self, streams: Mapping[str, Sequence[str]], division: str) -> None:
        """Make the sample's agencies and their keys, unless both are there."""
        if self.sample_keys.exists() and self.agencies.exists():
            return
        # The agencies' file comes last: if this ends half-way, the next start makes everything anew.
        draft = self.path / "agencies.draft.json"
        draft.unlink(missing_ok=True)
        keys = {name: agencies.add(draft, name, its, [division]) for name, its in streams.items()}
        with open(os.open(self.sample_keys, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(keys, file, indent=2)
        draft.replace(self.agencies)
        draft.with_name(draft.name + ".lock").unlink(missing_ok=True)
