"""Parts in words: what a numerator or a denominator adds up, in Chinese and English.

The words are those of the contracts' own descriptions (`中文 · English`), so a new field has them too.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.childcare_place import ChildcarePlace
from schemas.consumption_voucher import ConsumptionVoucher
from schemas.declaration import Text
from schemas.facility import KINDS
from schemas.fitness_event import FitnessEvent
from schemas.parts import (
    PER_RESIDENT,
    PLACE_FIELDS,
    Bound,
    Condition,
    ConstantPart,
    DivisionsPart,
    Part,
    RecordsPart,
    StatisticPart,
    Where,
)
from schemas.statistic import MEASURES
from schemas.words import DIMENSIONS

RECORDS = {
    "facility": Text(zh="设施", en="facilities"),
    "fitness-event": Text(zh="健身赛事", en="fitness events"),
    "consumption-voucher": Text(zh="消费券", en="vouchers"),
}
PLACES = {
    ("community", None): Text(zh="社区（村）", en="communities"),
    ("community", "urban"): Text(zh="城市社区", en="urban communities"),
    ("community", "rural"): Text(zh="农村社区（村）", en="rural communities"),
    ("township", None): Text(zh="乡镇", en="townships"),
}
_CONTRACTS: dict[str, tuple[type[BaseModel], ...]] = {
    "facility": KINDS,
    "fitness-event": (FitnessEvent,),
    "consumption-voucher": (ConsumptionVoucher,),
}


def part_in_words(part: Part) -> Text:
    """Say what a part adds up."""
    if isinstance(part, ConstantPart):
        return _same(_plain(part.constant))
    if isinstance(part, DivisionsPart):
        place = PLACES[part.divisions, part.setting]
        return Text(zh=f"{place.zh}数", en=f"number of {place.en}")
    if isinstance(part, StatisticPart):
        return _statistic(part)
    return _records(part)


def derived_in_words() -> dict[str, Text]:
    """Say what a facility has for indicators besides its own fields: by other records, or by division."""
    return {name: _label(name, "facility") for name in (*PLACE_FIELDS, *PER_RESIDENT)}


def parts_in_words(parts: Iterable[Part]) -> Text:
    """Say what several parts come to together."""
    said = [part_in_words(part) for part in parts]
    return Text(zh=" + ".join(one.zh for one in said), en=" + ".join(one.en for one in said))


def _statistic(part: StatisticPart) -> Text:
    measure = MEASURES[part.statistic]
    zh, en = measure.zh, measure.en
    if part.places:
        place = PLACES[measure.level, part.setting]
        return Text(zh=f"“{zh}”大于 0 的{place.zh}数", en=f"number of {place.en} whose “{en}” is above 0")
    if part.dimension is not None:
        dimension = DIMENSIONS.get(part.dimension, _same(part.dimension))
        zh, en = f"{zh}（{dimension.zh}）", f"{en} ({dimension.en})"
    elif measure.dimensions:
        zh, en = f"{zh}（各分组合计）", f"{en} (all of them)"
    return Text(zh=f"上报的“{zh}”", en=f"reported “{en}”")


def _records(part: RecordsPart) -> Text:
    records = RECORDS[part.from_]
    sets = [_where(where, part.from_) for where in part.alternatives]
    zh, en = "；或 ".join(one.zh for one in sets), "; or ".join(one.en for one in sets)
    if part.in_year:
        zh, en = f"本自然年、{zh}", f"of the calendar year, {en}"
    if part.having:
        place = PLACES[part.having, part.setting]
        return Text(
            zh=f"至少有一处{records.zh}〔{zh}〕的{place.zh}数",
            en=f"number of {place.en} with at least one of the {records.en} [{en}]",
        )
    if part.sum:
        field = _label(part.sum, part.from_)
        return Text(
            zh=f"{records.zh}〔{zh}〕的{field.zh}之和", en=f"sum of {field.en} over {records.en} [{en}]"
        )
    return Text(zh=f"{records.zh}〔{zh}〕的数量", en=f"number of {records.en} [{en}]")


def _where(where: Where, stream: str) -> Text:
    said = [_condition(name, condition, stream) for name, condition in where.items()]
    return (
        Text(zh="、".join(one.zh for one in said), en=", ".join(one.en for one in said))
        if said
        else _same("–")
    )


def _condition(name: str, condition: Condition, stream: str) -> Text:
    label = _label(name, stream)
    if isinstance(condition, Bound):
        bounds = [
            f"{sign} {_plain(value)}"
            for sign, value in (("≥", condition.at_least), ("≤", condition.at_most))
            if value is not None
        ]
        return Text(zh=f"{label.zh} {' '.join(bounds)}", en=f"{label.en} {' '.join(bounds)}")
    if isinstance(condition, bool):
        return label if condition else Text(zh=f"非“{label.zh}”", en=f"not: {label.en}")
    words = [
        _word(str(one), name, stream) for one in (condition if isinstance(condition, list) else [condition])
    ]
    return Text(zh=" 或 ".join(one.zh for one in words), en=" or ".join(one.en for one in words))


def _word(value: str, name: str, stream: str) -> Text:
    """Say one value of a closed vocabulary, as the field's description explains it."""
    for field in _fields(name, stream):
        description = field.description or ""
        if name == "kind":
            zh, _, en = description.partition(" · ")
            if value in getattr(field.annotation, "__args__", ()):
                return Text(zh=zh, en=en.removeprefix("kind: "))
        elif found := re.search(rf"\b{re.escape(value)} ([^、，；。 ]+)", description.partition(" · ")[0]):
            return Text(zh=found[1], en=value.replace("_", " "))
    return _same(value)


def _label(name: str, stream: str) -> Text:
    """Say what a field is called: its description without unit and explanations."""
    if name in PER_RESIDENT:
        area = _label(PER_RESIDENT[name], stream)
        return Text(zh=f"每名居民的{area.zh}", en=f"{area.en} per resident")
    field = (
        ChildcarePlace.model_fields[PLACE_FIELDS[name]]
        if stream == "facility" and name in PLACE_FIELDS
        else next(iter(_fields(name, stream)))
    )
    zh, _, en = (field.description or name).partition(" · ")
    unit = field.json_schema_extra.get("x-unit") if isinstance(field.json_schema_extra, dict) else None
    if isinstance(unit, str):
        unit_zh, unit_en = unit.split(" · ")
        zh, en = zh.removesuffix(f"（{unit_zh}）"), en.removesuffix(f" ({unit_en})")
    zh = re.split("[：，；]", zh)[0].removeprefix("其中")
    en = re.split("[:,;]", en)[0].removesuffix(" among them")
    return Text(zh=zh, en=en or name.replace("_", " "))


def _fields(name: str, stream: str) -> list[FieldInfo]:
    return [model.model_fields[name] for model in _CONTRACTS[stream] if name in model.model_fields]


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _same(text: str) -> Text:
    return Text(zh=text, en=text)
