"""Where the map of a county draws its townships, read from schematic.yaml: tiles, not their true outlines."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from schemas.fields import Contract
from services.platform.plan_files.divisions import Division
from services.platform.plan_files.entries import Entry, read_entries
from services.platform.plan_files.mistakes import Mistakes

_FILE = "schematic.yaml"


class Tile(Contract):
    """The six-sided tile of a township; every other row lies half a tile further east."""

    division: str
    column: Annotated[int, Field(ge=0, le=99, description="from the west, in half tiles")]
    row: Annotated[int, Field(ge=0, le=49, description="from the north")]


class Schematic(Contract):
    """A tile for each township; `declared` is false where the plan does not say how they lie."""

    declared: bool
    tiles: list[Tile]


def read_schematic(folder: Path, divisions: Mapping[str, Division], mistakes: Mistakes) -> Schematic:
    """Read where the townships lie; notes what is wrong with it. Without the file they lie row by row."""
    townships = [one.code for one in divisions.values() if one.level == "township"]
    path = folder / _FILE
    entries = read_entries(path, lambda _raw: Tile, mistakes) if path.exists() else None
    if entries is None:
        return Schematic(declared=False, tiles=_row_by_row(townships))
    if townships:  # else divisions.csv cannot be read, and nothing is known of them
        _check(entries, townships, mistakes)
    return Schematic(declared=True, tiles=[entry.model for entry in entries if entry.model])


def _row_by_row(townships: Sequence[str]) -> list[Tile]:
    wide = math.ceil(math.sqrt(len(townships)))
    return [
        Tile(division=code, column=2 * (place % wide) + row % 2, row=row)
        for place, code in enumerate(townships)
        for row in (place // wide,)
    ]


def _check(entries: Sequence[Entry[Tile]], townships: Sequence[str], mistakes: Mistakes) -> None:
    lines: dict[str, int] = {}
    taken: dict[tuple[Any, Any], int] = {}
    for entry in entries:
        code, column, row = (entry.raw.get(name) for name in ("division", "column", "row"))
        if isinstance(code, str) and code not in townships:
            entry.tell(("division",), f"divisions.csv 中没有乡镇 {code} · there is no township {code}")
        elif code in lines:
            entry.tell(("division",), f"在第 {lines[code]} 行已有 · stands already on line {lines[code]}")
        elif isinstance(code, str):
            lines[code] = entry.line
        if not (isinstance(column, int) and isinstance(row, int)):
            continue
        if (column + row) % 2:
            entry.tell(
                ("column",),
                f"第 {row} 行的 column 应为{'奇' if row % 2 else '偶'}数，相邻两行错开半格 · "
                f"must be {'odd' if row % 2 else 'even'} in row {row}: rows lie half a tile apart",
            )
        elif (column, row) in taken:
            line = taken[column, row]
            entry.tell(("column",), f"与第 {line} 行同一格 · the same tile as on line {line}")
        taken.setdefault((column, row), entry.line)
    if missing := [code for code in townships if code not in lines]:
        listed = ", ".join(missing)
        mistakes.add(_FILE, 1, f"缺少乡镇 · these townships are missing: {listed}")
