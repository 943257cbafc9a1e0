"""Checks of a plan's alert rules beyond each kind's contract: references, levels, what can never be."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.declaration import Indicator
from schemas.rules import MODELS, RuleBase, kind_of
from services.platform.plan_files.checks import BOTH_LEVELS
from services.platform.plan_files.defaults import FORECAST, MISSED
from services.platform.plan_files.divisions import Division
from services.platform.plan_files.entries import Entry
from services.platform.plan_files.words import unknown

_SUFFIXES = {FORECAST: "forecast", MISSED: "status"}


def rules(
    entries: Sequence[Entry[RuleBase]],
    indicators: Mapping[str, Entry[Indicator]],
    divisions: Mapping[str, Division],
) -> None:
    """Check each rule against the plan, and the rules against each other."""
    ids = {str(one.raw["id"]): one for one in entries if "id" in one.raw}
    known = {*ids, *(f"{name}{suffix}" for name in _aimed(indicators) for suffix in _SUFFIXES)}
    for one in entries:
        if "indicator" in (MODELS.get(kind_of(one.raw), RuleBase)).model_fields:
            _indicator(one, indicators)
        _default(one, indicators)
        _divisions(one, divisions)
        for place, name in enumerate(_listed(one.raw.get("inhibits"))):
            if str(name) not in known:
                one.tell(("inhibits", place), unknown(str(name), "规则", "rule", known))
            elif _reaches(str(name), str(one.raw.get("id")), ids):
                one.tell(
                    ("inhibits", place),
                    f"{name} 又抑制它，两条都不会通知 · {name} inhibits it in turn: neither would be told of",
                )


def _indicator(entry: Entry[RuleBase], indicators: Mapping[str, Entry[Indicator]]) -> None:
    """A rule on an indicator needs one that can pass its threshold at its levels."""
    name = entry.raw.get("indicator")
    if not isinstance(name, str):
        return
    if name not in indicators:
        entry.tell(("indicator",), unknown(name, "指标", "indicator", indicators))
        return
    watched, kind = indicators[name].raw, kind_of(entry.raw)
    target = watched.get("target")
    aimed = _listed(target.get("levels", BOTH_LEVELS)) if isinstance(target, dict) else []
    needs_target = kind == "forecast" or (
        entry.raw.get("threshold") is None if kind == "value" else entry.raw.get("statuses") != ["watched"]
    )
    for level in _listed(entry.raw.get("levels", ["county"])):
        if level not in _listed(watched.get("levels", BOTH_LEVELS)):
            entry.tell(("levels",), f"{name} 不按 {level} 计算 · {name} is not kept for a {level}")
        elif needs_target and level not in aimed:
            remedy = ("，请写 threshold", ": give a threshold") if kind == "value" else ("", "")
            entry.tell(
                ("indicator",),
                f"{name} 在 {level} 没有目标{remedy[0]} · {name} has no target for a {level}{remedy[1]}",
            )


def _default(entry: Entry[RuleBase], indicators: Mapping[str, Entry[Indicator]]) -> None:
    """Who overrides a rule that follows from a target means that target."""
    id = str(entry.raw.get("id", ""))
    for suffix, kind in _SUFFIXES.items():
        name = id.removesuffix(suffix)
        if name == id or name not in indicators:
            continue
        if kind_of(entry.raw) != kind:
            entry.tell(
                ("id",), f"{id} 是默认规则，种类应为 {kind} · is a default rule: its kind must be {kind}"
            )
        elif entry.raw.get("indicator") != name:
            entry.tell(("id",), f"{id} 是 {name} 的默认规则 · is the default rule of {name}")


def _divisions(entry: Entry[RuleBase], divisions: Mapping[str, Division]) -> None:
    levels = _listed(entry.raw.get("levels", ["county"]))
    for place, code in enumerate(_listed(entry.raw.get("divisions"))):
        if not divisions or not isinstance(code, str):
            continue
        if code not in divisions:
            entry.tell(("divisions", place), f"{code} 不在 divisions.csv 中 · {code} is not in divisions.csv")
        elif divisions[code].level not in levels:
            entry.tell(
                ("divisions", place),
                f"{code} 是 {divisions[code].level}，不在 levels 中 · {code} is a {divisions[code].level}, "
                "which is not among the levels",
            )


def _reaches(begin: str, wanted: str, ids: Mapping[str, Entry[RuleBase]]) -> bool:
    """Whether inhibition leads from one rule to another."""
    waiting, seen = [begin], set[str]()
    while waiting:
        one = waiting.pop()
        if one == wanted:
            return True
        if one not in seen and one in ids:
            seen.add(one)
            waiting += map(str, _listed(ids[one].raw.get("inhibits")))
    return False


def _aimed(indicators: Mapping[str, Entry[Indicator]]) -> list[str]:
    return [name for name, one in indicators.items() if isinstance(one.raw.get("target"), dict)]


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []
