"""What was refused, written beside the data: to be mended and sent again."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx

from cli.push.batches import Item
from cli.push.errors import FileError
from cli.push.gateway import Fault
from cli.push.sources import ERRORS, MARKED, Source

_SHEETS = {
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


def errors_path(source: Source) -> Path:
    """Where the refused records of NDJSON or JSON go."""
    return source.path.with_name(source.path.stem + ERRORS + ".ndjson")


def set_aside(path: Path) -> None:
    """Keep what an earlier push wrote, which somebody may have been mending, under another name."""
    try:
        if path.exists():
            path.replace(path.with_name(path.name + ".bak"))
    except OSError as error:
        raise _not_written(path, error) from error


def append(path: Path, faults: Sequence[Fault], items: Sequence[Item], word: str) -> None:
    """Add a line for each refused record: `word` (line or number), why, and the record itself.

    `record` is the record, or the text of the line if it is not JSON; null if it is too long to be repeated.
    """
    lines = []
    for fault in faults:
        item = items[fault.index]
        why = {word: item.number, "id": fault.id, "code": fault.code, "field": fault.field}
        head = json.dumps(why | {"message": fault.message}, ensure_ascii=False)
        # The record's own bytes, so that what was 88.10 does not become 88.1.
        lines.append(head[:-1].encode() + b', "record": ' + _as_json(item.raw) + b"}\n")
    try:
        with path.open("ab") as file:
            file.writelines(lines)
    except OSError as error:
        raise _not_written(path, error) from error


def unwrapped(raw: bytes | None) -> bytes | None:
    """Return the record in a line that `append` wrote, or the line itself if it is something else."""
    if raw is None:
        return None
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    if not isinstance(line, dict) or not {"code", "message", "record"} <= line.keys():
        return raw
    if isinstance(line["record"], str):
        return line["record"].encode("utf-8", "surrogateescape")
    at = raw.find(b'"record":') + len(b'"record":')
    bare = raw[at:].strip().removesuffix(b"}").strip()
    return bare if _is_same(bare, line["record"]) else json.dumps(line["record"], ensure_ascii=False).encode()


def _is_same(raw: bytes, value: object) -> bool:
    """Whether these bytes are this value; they are not if somebody has put the fields in another order."""
    try:
        return bool(json.loads(raw) == value)
    except ValueError:
        return False


def _as_json(raw: bytes | None) -> bytes:
    if raw is None:
        return b"null"
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return json.dumps(raw.decode("utf-8", "replace"), ensure_ascii=False).encode()
    return raw.replace(b"\r", b" ").replace(b"\n", b" ")


def save_marked(source: Source, response: httpx.Response) -> Path:
    """Write the marked copy of a sheet beside it; return where."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    path = source.path.with_name(source.path.stem + MARKED + _SHEETS.get(kind, source.path.suffix))
    set_aside(path)
    try:
        path.write_bytes(response.content)
    except OSError as error:
        raise _not_written(path, error) from error
    return path


def save_table(source: Source, faults: Iterable[Fault]) -> Path:
    """Write the faults of a sheet as a table that Excel opens; return where."""
    path = source.path.with_name(source.path.stem + ERRORS + ".csv")
    set_aside(path)
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            table = csv.writer(file)
            table.writerow(("行 row", "列 column", "字段 field", "编号 id", "代码 code", "原因 message"))
            table.writerows(
                (one.row or one.index + 1, one.column or "", one.field, one.id, one.code, one.message)
                for one in faults
            )
    except OSError as error:
        raise _not_written(path, error) from error
    return path


def _not_written(path: Path, error: OSError) -> FileError:
    return FileError(f"{path}: 无法写入 · cannot be written: {error.strerror}")
