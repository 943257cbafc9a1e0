"""From a row of texts to what a record says."""

from collections.abc import Sequence
from typing import Any

from openpyxl.utils import get_column_letter

from schemas.columns import Field
from services.ingest.faults import Refusal
from services.ingest.sheets.header import Header
from services.ingest.sheets.values import Unreadable, read

_SHOWN_CELLS = 8


def says_anything(header: Header, texts: Sequence[str]) -> bool:
    """Whether a row is more than blanks and columns that are not read (rows numbered in advance are none)."""
    return any(text.strip() for column, text in enumerate(texts) if column not in header.not_read)


def content(header: Header, row: int, texts: Sequence[str]) -> dict[str, Any] | Refusal:
    """Return the record of a row, or the refusal that names every cell that cannot be read.

    Blank cells are left out of the record.
    """
    found: dict[str, Any] = {}
    by_name: dict[str, Field] = {}
    faults: list[tuple[int, str, Unreadable]] = []
    places: dict[str, int] = {}
    for column, given in enumerate(texts):
        text = given.strip()
        if not text or column in header.not_read:
            continue
        field = header.fields.get(column)
        if field is None:
            faults.append(
                (column, "", Unreadable("这一列没有表头，应为空", "must be empty: no header above it"))
            )
            continue
        by_name[field.name] = field
        places[field.name] = column
        try:
            value = read(field, text)
        except Unreadable as error:
            faults.append((column, field.name, error))
        else:
            if value is not None:
                found[field.name] = value
    kind = found.get("kind")
    for name, field in by_name.items():
        if kind and field.kinds and kind not in field.kinds:
            strange = Unreadable(f"这一类没有“{field.zh}”，应为空", f"must be empty: {kind} has no {name}")
            faults.append((places[name], name, strange))
    return _refusal(row, faults) if faults else found


def _refusal(row: int, faults: Sequence[tuple[int, str, Unreadable]]) -> Refusal:
    told = sorted(faults, key=lambda fault: fault[0])[:_SHOWN_CELLS]
    zh = "；".join(f"{get_column_letter(column + 1)} 列{error.zh}" for column, _name, error in told)
    en = "; ".join(f"column {get_column_letter(column + 1)} {error.en}" for column, _name, error in told)
    return Refusal("invalid_field", f"第 {row} 行 {zh} · row {row} {en}", told[0][1])
