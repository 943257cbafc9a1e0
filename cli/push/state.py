"""How far a file has come: kept beside it, so that the next push goes on there."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cli.push.errors import FileError
from cli.push.sources import Source

SUFFIX = ".push-state"


@dataclass
class Counts:
    """What became of records; received = accepted + duplicate + rejected."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0

    def add(self, other: "Counts") -> None:
        self.received += other.received
        self.accepted += other.accepted
        self.duplicate += other.duplicate
        self.rejected += other.rejected


@dataclass
class State:
    """What of a file is sent, to where, and what was answered.

    `end` is in bytes for NDJSON, in records for JSON, 1 for a sheet that is sent; `digest` tells whether the
    file still is (NDJSON: still begins as) what was sent.
    """

    url: str
    stream: str
    end: int = 0
    lines: int = 0
    digest: str = ""
    complete: bool = False
    counts: Counts = field(default_factory=Counts)
    receipts: list[str] = field(default_factory=list)
    errors: str = ""
    """Name of the file that tells what was refused."""


_STATE = TypeAdapter(State)


class Store:
    """Keeps the state of one file; `keep=False` (a dry run) neither reads nor writes."""

    def __init__(self, source: Source, folder: Path | None, *, keep: bool) -> None:
        self.path = (folder or source.path.parent) / f".{source.path.name}{SUFFIX}"
        if folder is not None:  # files of one name from several folders meet there
            self.path = folder / f"{'%'.join(source.path.resolve().parts[1:])}{SUFFIX}"
        self._keep = keep

    def load(self, url: str, stream: str) -> State:
        """Return the state; a new one if there is none, it is not ours to read, or it was sent elsewhere."""
        new = State(url, stream)
        if not self._keep:
            return new
        try:
            known = _STATE.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return new
        except (OSError, ValidationError) as error:
            raise FileError(
                f"{self.path}: 进度文件无法读取，请删除（重发不会重复计数） · "
                f"the state cannot be read, remove it: {error}"
            ) from None
        return known if (known.url, known.stream) == (url, stream) else new

    def save(self, state: State) -> None:
        """Replace the state at once: whoever reads it finds the old or the new one. Raises FileError."""
        if not self._keep:
            return
        draft = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                json.dump(asdict(state), file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise FileError(
                f"{self.path}: 进度文件无法写入，请用 --state 指定可写的文件夹 · "
                f"the state cannot be written, name a folder with --state: {error.strerror}"
            ) from error
