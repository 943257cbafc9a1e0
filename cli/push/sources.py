"""Which files to push, as what, to which stream."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cli.push.errors import UsageError
from schemas.streams import STREAMS

Kind = Literal["ndjson", "json", "csv", "xlsx"]

KINDS: dict[str, Kind] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".xlsx": "xlsx",
}
ERRORS = ".errors"
MARKED = ".marked"
"""Before the suffix of what a push writes beside a file; a folder's are not taken for data."""


@dataclass(frozen=True)
class Source:
    """A file to push."""

    path: Path
    kind: Kind
    stream: str

    @property
    def is_refused(self) -> bool:
        """Whether it is what an earlier push wrote down as refused: its lines hold the records."""
        return self.kind == "ndjson" and self.path.stem.endswith(ERRORS)


def find(paths: Sequence[Path], stream: str | None) -> list[Source]:
    """Return the files to push: those named, and of a folder all with a known suffix, in order of names.

    The stream is `stream`, or the name up to its first dot, or that of a folder above. Raises UsageError with
    everything that is wrong.
    """
    if stream is not None and stream not in STREAMS:
        raise UsageError(f"没有数据流 {stream} · no such stream; 有 there are: {', '.join(STREAMS)}")
    found: dict[Path, Source] = {}
    wrong: list[str] = []
    for path in paths:
        try:
            files = list(_below(path)) if path.is_dir() else [path]
        except OSError as error:
            wrong.append(f"{error.filename}: 无法读取 · cannot be read: {error.strerror}")
            continue
        if not files:
            kinds = ", ".join(KINDS)
            wrong.append(
                f"{path}: 文件夹里没有可上报的文件（{kinds}） · the folder has no file of these kinds"
            )
        for file in files:
            try:
                found.setdefault(file.resolve(), _source(file, stream))
            except UsageError as error:
                wrong.append(str(error))
    if wrong:
        raise UsageError("\n".join(wrong))
    return list(found.values())


def _below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            ours = path.stem.endswith((ERRORS, MARKED))
            if not name.startswith((".", "~$")) and path.suffix.lower() in KINDS and not ours:
                yield path


def _source(path: Path, stream: str | None) -> Source:
    if not path.is_file():
        raise UsageError(f"{path}: 没有这个文件 · no such file")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{path}: 不认识的文件类型，可以是 {', '.join(KINDS)}（旧的 .xls 请另存为 .xlsx） · "
            "unknown kind of file, use one of these"
        )
    named = stream or next((name for name in _names(path) if name in STREAMS), None)
    if named is None:
        raise UsageError(
            f"{path}: 不知道属于哪个数据流，请用 --stream，或将文件命名为 数据流.…{path.suffix} · "
            f"stream unknown: use --stream or name the file after it; 有 there are: {', '.join(STREAMS)}"
        )
    return Source(path, kind, named)


def _names(path: Path) -> Iterator[str]:
    """What may be the stream's name, the nearest first."""
    yield path.name.partition(".")[0]
    for folder in path.absolute().parents:
        yield folder.name
