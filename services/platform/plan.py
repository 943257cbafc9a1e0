"""A county's plan folder, read and checked: divisions, indicators, alert rules."""

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.declaration import Indicator, Text, ThresholdRule
from schemas.fields import Contract
from services.platform.errors import PlanError

M = TypeVar("M", bound=BaseModel)


class Division(Contract):
    """One place: the county, a township or a community (urban 社区 or rural 村)."""

    code: str
    name: str
    level: Literal["county", "township", "community"]
    parent: str
    setting: Literal["", "urban", "rural"]


class County(Contract):
    """Whose plan it is."""

    county: str
    name: Text
    title: Text
    document: str
    time_zone: str


@dataclass(frozen=True)
class Plan:
    """Everything a plan folder declares."""

    county: County
    divisions: dict[str, Division]
    indicators: dict[str, Indicator]
    rules: dict[str, ThresholdRule]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The county's time zone: it decides on which day, and in which hour, a record falls."""
        return ZoneInfo(self.county.time_zone)

    @cached_property
    def shown_divisions(self) -> list[Division]:
        """The county and its townships, in the order of the divisions file: where figures are kept."""
        return [division for division in self.divisions.values() if division.level != "community"]


def load_plan(folder: Path) -> Plan:
    """Read a plan folder.

    Raises PlanError listing every mistake found, each with its file.
    """
    mistakes: list[str] = []
    county = _read(folder / "plan.yaml", County, mistakes)
    divisions = _unique(
        _read_divisions(folder / "divisions.csv", mistakes), "code", "divisions.csv", mistakes
    )
    indicators = _unique(
        _read(folder / "indicators.yaml", list[Indicator], mistakes) or [], "id", "indicators.yaml", mistakes
    )
    rules = _unique(
        _read(folder / "rules.yaml", list[ThresholdRule], mistakes) or [], "id", "rules.yaml", mistakes
    )
    for rule in rules.values():
        watched = indicators.get(rule.indicator)
        if watched is None:
            mistakes.append(f"rules.yaml: {rule.id}: there is no indicator {rule.indicator!r}")
        elif rule.threshold is None and watched.target is None:
            mistakes.append(f"rules.yaml: {rule.id}: {rule.indicator} has no target; give a threshold")
    for division in divisions.values():
        if division.parent and division.parent not in divisions:
            mistakes.append(f"divisions.csv: {division.code}: there is no parent {division.parent!r}")
    if county and county.county not in divisions:
        mistakes.append(f"plan.yaml: county {county.county!r} is not in divisions.csv")
    if mistakes or county is None:
        raise PlanError(f"plan {folder} is wrong:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
    return Plan(county, divisions, indicators, rules)


def _read(path: Path, kind: Any, mistakes: list[str]) -> Any:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(kind).validate_python(content)
    except OSError as error:
        mistakes.append(f"{path.name}: cannot be read: {error.strerror}")
    except yaml.YAMLError as error:
        mistakes.append(f"{path.name}: not YAML: {error}")
    except ValidationError as error:
        mistakes.extend(
            f"{path.name}: {_where(mistake['loc'], content)}: {mistake['msg']}" for mistake in error.errors()
        )
    return None


def _where(loc: tuple[int | str, ...], content: Any) -> str:
    """Name an entry by its id rather than by its place in the list."""
    path = [str(part) for part in loc]
    if loc and isinstance(loc[0], int) and isinstance(content, list) and isinstance(content[loc[0]], dict):
        path[0] = str(content[loc[0]].get("id", f"entry {loc[0] + 1}"))
    return ".".join(path) or "the whole file"


def _read_divisions(path: Path, mistakes: list[str]) -> list[Division]:
    divisions = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                try:
                    divisions.append(Division.model_validate(row))
                except ValidationError as error:
                    mistakes.extend(
                        f"{path.name}:{line}: {mistake['loc'][0]}: {mistake['msg']}"
                        for mistake in error.errors()
                    )
    except OSError as error:
        mistakes.append(f"{path.name}: cannot be read: {error.strerror}")
    return divisions


def _unique(entries: list[M], key: str, file: str, mistakes: list[str]) -> dict[str, M]:
    counted = Counter(getattr(entry, key) for entry in entries)
    mistakes.extend(f"{file}: {name!r} stands {times} times" for name, times in counted.items() if times > 1)
    return {getattr(entry, key): entry for entry in entries}
