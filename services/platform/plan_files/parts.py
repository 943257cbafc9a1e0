"""Checks what a numerator or a denominator adds up against what records can hold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from schemas.parts import RECORDS, Bound
from schemas.statistic import MEASURES
from services.platform.plan_files.divisions import Division
from services.platform.plan_files.words import unknown
from services.platform.plan_files.yaml_lines import Step

Told = tuple[tuple[Step, ...], str]
"""Where in the part, and what is wrong."""

NUMBERS = (int, Decimal)


def parts_of(raw: Any) -> list[dict[str, Any]]:
    """Return the parts of a numerator or denominator as they stand in the file."""
    return [part for part in (raw if isinstance(raw, list) else [raw]) if isinstance(part, dict)]


def number_in(raw: Any, field: str) -> Decimal | None:
    """Return a field's number as it stands in the file; None if there is none."""
    try:
        return Decimal(str(raw[field]))
    except (LookupError, TypeError, InvalidOperation):
        return None


def wrong_in(part: Mapping[str, Any]) -> Iterator[Told]:
    """Yield the fields and values that no record can have."""
    if "statistic" in part:
        yield from _wrong_measure(part)
    kinds = RECORDS.get(str(part.get("from")))
    if kinds is None:
        return
    if sum(name in part for name in ("sum", "count", "having")) != 1:
        yield (), "sum、count、having 须写且只写一个 · give exactly one of sum, count, having"
    where = part.get("where", {})
    alternatives = where if isinstance(where, list) else [where]
    countable: list[Mapping[str, Any]] = []
    for place, one in enumerate(alternatives):
        at: tuple[Step, ...] = ("where", place) if isinstance(where, list) else ("where",)
        if not isinstance(one, dict):
            yield at, "应为“字段: 值” · must be fields with the values they must have"
            continue
        meant = _of_kind(kinds, one.get("kind"))
        countable += meant
        for field, condition in one.items():
            for text in _wrong_condition(field, condition, meant if field != "kind" else kinds):
                yield (*at, field), text
    if isinstance(part.get("sum"), str) and countable:
        yield from _wrong_sum(part["sum"], countable)


def _wrong_measure(part: Mapping[str, Any]) -> Iterator[Told]:
    name, dimension = str(part["statistic"]), part.get("dimension")
    measure = MEASURES.get(name)
    if measure is None:
        yield ("statistic",), unknown(name, "统计指标", "measure", MEASURES)
    elif dimension is not None and dimension not in measure.dimensions:
        yield (
            ("dimension",),
            unknown(str(dimension), "分组", "dimension", measure.dimensions)
            if measure.dimensions
            else f"{name} 不分组 · {name} has no dimensions",
        )


def unreported_levels(part: Mapping[str, Any], levels: Collection[str]) -> Iterator[Told]:
    """Yield where a statistic is asked for below the level it is reported at."""
    measure = MEASURES.get(str(part.get("statistic")))
    if measure and measure.level == "county" and "township" in levels:
        yield (
            ("statistic",),
            f"{part['statistic']}（{measure.zh}）只按县上报，levels 应为 [county] · "
            "is reported for the county only: levels must be [county]",
        )


def can_be_above_nought(part: Mapping[str, Any], divisions: Collection[Division]) -> bool:
    """Whether a part can ever be more than 0 in this county."""
    if "constant" in part:
        number = number_in(part, "constant")
        return number is None or number > 0  # the contract tells what is no number
    level = part.get("divisions", part.get("having"))
    if level is None:
        return True
    return any(
        division.level == level and part.get("setting") in (None, division.setting) for division in divisions
    )


def _of_kind(kinds: Sequence[Mapping[str, Any]], wanted: Any) -> list[Mapping[str, Any]]:
    """Return the kinds of record that a condition on `kind` leaves: all of them where it leaves none."""
    words = wanted if isinstance(wanted, list) else [wanted]
    return [kind for kind in kinds if _words(kind.get("kind")) & set(map(str, words))] or list(kinds)


def _wrong_condition(field: str, condition: Any, kinds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    types = [kind[field] for kind in kinds if field in kind]
    if not types:
        yield unknown(field, "字段", "field", {name for kind in kinds for name in kind})
        return
    bare = {inner for one in types for inner in _bare(one)}
    if isinstance(condition, dict):
        yield from _wrong_bound(condition, bare)
        return
    wanted = condition if isinstance(condition, list) else [condition]
    words = {word for one in types for word in _words(one)}
    if not wanted:
        yield "没有任何值 · no value is given"
    for one in wanted:
        if one is None or isinstance(one, list | dict):
            yield (
                "应为一个值、值的列表，或 {at_least: 数} · must be a value, a list of values "
                "or {at_least: number}"
            )
        elif words and one not in words:
            yield unknown(str(one), "值", "value", words)
        elif bool in bare and not isinstance(one, bool):
            yield f"{one!r} 不对，应为 true 或 false · must be true or false"
        elif not words and bool not in bare and isinstance(one, bool):
            yield f"{field} 不是真假值 · is not true or false"


def _wrong_bound(bound: Mapping[str, Any], bare: set[Any]) -> Iterator[str]:
    known = Bound.model_fields
    if not bare & set(NUMBERS):
        yield "不是数字，不能用 at_least 或 at_most · is no number, so it has no at_least or at_most"
    for name in bound:
        if name not in known:
            yield unknown(str(name), "条件", "condition", known)
    if not bound:
        yield "须写 at_least 或 at_most · give at_least or at_most"
    numbers = {name: number_in(bound, name) for name in bound if name in known}
    for name, number in numbers.items():
        if number is None:
            yield f"{name}: {bound[name]!r} 应为数字 · must be a number"
    low, high = numbers.get("at_least"), numbers.get("at_most")
    if low is not None and high is not None and low > high:
        yield f"没有既 ≥ {low} 又 ≤ {high} 的数 · no number is ≥ {low} and ≤ {high}"


def _wrong_sum(field: str, kinds: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
    types = [kind[field] for kind in kinds if field in kind]
    numbers = {name for kind in kinds for name, one in kind.items() if set(_bare(one)) & set(NUMBERS)}
    if not types:
        yield ("sum",), unknown(field, "字段", "field", numbers)
    elif field not in numbers:
        yield ("sum",), f"{field} 不是数字，不能相加 · is no number and cannot be added up"


def _bare(annotation: Any) -> list[Any]:
    """Return the types behind an annotation: Optional and Annotated taken off."""
    if isinstance(annotation, type) or get_origin(annotation) is Literal:
        return [annotation]
    if metadata := getattr(annotation, "__metadata__", None):
        return _bare(get_args(annotation)[0]) if metadata else []
    return [inner for one in get_args(annotation) if one is not NoneType for inner in _bare(one)]


def _words(annotation: Any) -> set[str]:
    return {
        word
        for one in _bare(annotation)
        if get_origin(one) is Literal
        for word in get_args(one)
        if isinstance(word, str)
    }
