"""Checks of a plan's entries beyond what each one's contract says: names, references, division by nothing."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.declaration import Indicator, Task
from schemas.feed import FeedPromise
from services.platform.plan_files import parts
from services.platform.plan_files.divisions import Division
from services.platform.plan_files.entries import Entry
from services.platform.plan_files.words import unknown

BOTH_LEVELS = ["county", "township"]


def county(entry: Entry[Any], divisions: Mapping[str, Division]) -> None:
    """Check whose plan it is."""
    code, zone = entry.raw.get("county"), entry.raw.get("time_zone")
    if isinstance(code, str) and divisions:
        if code not in divisions:
            entry.tell(("county",), f"{code} 不在 divisions.csv 中 · {code} is not in divisions.csv")
        elif divisions[code].level != "county":
            entry.tell(("county",), f"{code} 不是县 · {code} is not a county in divisions.csv")
    if isinstance(zone, str):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            entry.tell(
                ("time_zone",),
                f"没有时区 {zone!r}，中国用 Asia/Shanghai · there is no time zone {zone!r}; "
                "China's is Asia/Shanghai",
            )


def unique(entries: Sequence[Entry[Any]], key: str) -> None:
    """Check that no two entries have the same id or number."""
    first: dict[Any, int] = {}
    for entry in entries:
        value = entry.raw.get(key)
        if not isinstance(value, str | int):
            continue
        if value in first:
            text = f"在第 {first[value]} 行已有 · stands already on line {first[value]}"
            entry.tell((key,), text)
        first.setdefault(value, entry.line)


def promised_once(entries: Sequence[Entry[FeedPromise]]) -> None:
    """Check that nothing is promised twice for one stream of an agency."""
    first: dict[tuple[Any, Any], int] = {}
    for entry in entries:
        feed = str(entry.raw.get("agency")), str(entry.raw.get("stream"))
        if feed in first:
            entry.tell(("stream",), f"在第 {first[feed]} 行已有 · stands already on line {first[feed]}")
        first.setdefault(feed, entry.line)


def indicator(
    entry: Entry[Indicator], divisions: Collection[Division], tasks: Mapping[int, Entry[Task]] | None
) -> None:
    """Check an indicator against its own parts, the county's divisions and the tasks (None: not known)."""
    raw = entry.raw
    levels = _listed(raw.get("levels", BOTH_LEVELS))
    for side in ("numerator", "denominator"):
        for place, part in enumerate(parts.parts_of(raw.get(side))):
            for steps, text in (*parts.wrong_in(part), *parts.unreported_levels(part, levels)):
                entry.tell((side, place, *steps), text)
    _ratio(entry, divisions)
    _promise(entry, levels)
    row = raw.get("task")
    if tasks is None or not isinstance(row, int):
        return
    if row not in tasks:
        entry.tell(("task",), f"tasks.yaml 中没有第 {row} 项任务 · there is no task {row} in tasks.yaml")
    elif raw.get("id") not in _listed(tasks[row].raw.get("indicators")):
        entry.tell(
            ("task",),
            f"tasks.yaml 第 {tasks[row].line} 行的任务 {row} 没有列出它 · "
            f"task {row} (tasks.yaml, line {tasks[row].line}) does not list it among its indicators",
        )


def task(entry: Entry[Task], indicators: Collection[str]) -> None:
    """Check that a task's indicators exist, each named once."""
    named_once(entry, "indicators", indicators)


def named_once(entry: Entry[Any], field: str, indicators: Collection[str]) -> None:
    """Check that the indicators in a field of an entry exist, each named once."""
    named = _listed(entry.raw.get(field))
    for place, name in enumerate(named):
        if str(name) not in indicators:
            entry.tell((field, place), unknown(str(name), "指标", "indicator", indicators))
        elif name in named[:place]:
            entry.tell((field, place), f"{name} 列了两次 · {name} is listed twice")


def _ratio(entry: Entry[Indicator], divisions: Collection[Division]) -> None:
    unit, below = entry.raw.get("unit"), entry.raw.get("denominator")
    words = unit if isinstance(unit, dict) else {}
    zh, en = str(words.get("zh", "")), str(words.get("en", ""))
    if not below and (any(sign in zh for sign in "%％‰/") or "per " in en or "%" in en):
        entry.tell(
            ("unit",),
            f"单位 {zh} 是比率，缺少 denominator（分母） · a ratio ({en}) needs a denominator, "
            "which is missing",
        )
    added = parts.parts_of(below)
    if added and not any(parts.can_be_above_nought(part, divisions) for part in added):
        entry.tell(
            ("denominator",),
            "分母永远是 0，不能除 · the denominator is always 0 in this county: nothing can be divided by it",
        )


def _promise(entry: Entry[Indicator], levels: list[Any]) -> None:
    target = entry.raw.get("target")
    if not isinstance(target, dict):
        return
    if not entry.raw.get("owner"):
        entry.tell(("target",), "有目标就要有责任单位 owner · an indicator with a target needs an owner")
    for level in _listed(target.get("levels")):
        if level in BOTH_LEVELS and level not in levels:
            entry.tell(
                ("target", "levels"),
                f"指标不按 {level} 计算，不能有 {level} 的目标 · the indicator is not kept for a {level}, "
                "so there can be no target for it",
            )
    limits = entry.raw.get("limits")
    low, high = parts.number_in(limits, "low"), parts.number_in(limits, "high")
    for field in ("target", "baseline"):
        value = parts.number_in(entry.raw.get(field), "value")
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            entry.tell((field, "value"), f"{value} 超出了 limits · {value} is beyond the indicator's limits")


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []
