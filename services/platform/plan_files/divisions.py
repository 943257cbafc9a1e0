"""A county's divisions, read from divisions.csv."""

import csv
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from schemas.fields import Contract
from services.platform.plan_files.mistakes import Mistakes
from services.platform.plan_files.words import describe

# A code begins with its parent's code: everything that adds up townships and communities relies on it.
DIGITS = {"county": 6, "township": 9, "community": 12}
ABOVE = {"county": "", "township": "county", "community": "township"}


class Division(Contract):
    """One place: the county, a township or a community (urban 社区 or rural 村)."""

    code: str
    name: str
    level: Literal["county", "township", "community"]
    parent: str
    setting: Literal["", "urban", "rural"]


def read_divisions(path: Path, mistakes: Mistakes) -> dict[str, Division]:
    """Read the divisions in the order of the file; notes what is wrong with them."""
    divisions: dict[str, Division] = {}
    lines: dict[str, int] = {}
    for line, division in _rows(path, mistakes):
        if division.code in divisions:
            first = lines[division.code]
            text = f"{division.code} 在第 {first} 行已有 · stands already on line {first}"
            mistakes.add(path.name, line, text)
            continue
        divisions[division.code] = division
        lines[division.code] = line
    for code, division in divisions.items():
        for text in _wrong(division, divisions):
            mistakes.add(path.name, lines[code], f"{code}: {text}")
    if divisions and sum(division.level == "county" for division in divisions.values()) != 1:
        mistakes.add(path.name, 0, "应有且只有一个县 · there must be exactly one county")
    return divisions


def _rows(path: Path, mistakes: Mistakes) -> list[tuple[int, Division]]:
    rows: list[tuple[int, Division]] = []
    columns = list(Division.model_fields)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or list(reader.fieldnames) != columns:
                mistakes.add(path.name, 1, f"首行应为 · the first line must be: {','.join(columns)}")
                return rows
            for row in reader:
                if None in row or None in row.values():
                    mistakes.add(
                        path.name,
                        reader.line_num,
                        f"应有 {len(columns)} 列 · must have {len(columns)} columns",
                    )
                    continue
                try:
                    rows.append((reader.line_num, Division.model_validate(row)))
                except ValidationError as refused:
                    for error in refused.errors():
                        text = f"{row['code']}: {error['loc'][0]}: {describe(error, Division)}"
                        mistakes.add(path.name, reader.line_num, text)
    except OSError as error:
        mistakes.add(path.name, 0, f"无法读取 · cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        mistakes.add(path.name, 0, "不是 UTF-8，请另存为 CSV UTF-8 · is not UTF-8; save it as CSV UTF-8")
    except csv.Error as error:
        mistakes.add(path.name, 0, f"不是正确的 CSV · not CSV: {error}")
    return rows


def _wrong(division: Division, divisions: dict[str, Division]) -> list[str]:
    found = []
    code, level, parent = division.code, division.level, division.parent
    digits, above = DIGITS[level], ABOVE[level]
    if not (code.isascii() and code.isdigit() and len(code) == digits):
        found.append(f"{level} 的代码应为 {digits} 位数字 · a {level}'s code has {digits} digits")
    if not division.name:
        found.append("缺少名称 · name is missing")
    if not above:
        if parent:
            found.append("县没有上级 · a county has no parent")
    elif parent not in divisions:
        found.append(f"上级 {parent!r} 不在本表中 · there is no parent {parent!r}")
    elif divisions[parent].level != above:
        found.append(f"上级 {parent} 应为 {above} · its parent must be a {above}")
    elif not code.startswith(parent):
        found.append(f"代码应以上级代码 {parent} 开头 · the code must begin with its parent's, {parent}")
    if (level == "community") != bool(division.setting):
        found.append(
            "社区须填 setting：urban 社区或 rural 村，其他不填 · "
            "setting is urban or rural for a community and empty for others"
        )
    return found
