"""What a contract finds wrong, in words that a clerk of the county can act on."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from schemas import parts
from schemas.feed import AGENCY

_PART_FORMS = {
    form.__name__: form
    for form in (parts.RecordsPart, parts.StatisticPart, parts.DivisionsPart, parts.ConstantPart)
}
_PLAIN = {
    "string_type": "应为文字；数字请加引号 · must be text; put a number in quotes",
    "string_too_short": "不能为空 · must not be empty",
    "too_short": "不能为空 · must not be empty",
    "decimal_parsing": "应为数字 · must be a number",
    "decimal_type": "应为数字 · must be a number",
    "int_parsing": "应为整数 · must be a whole number",
    "int_type": "应为整数 · must be a whole number",
    "int_from_float": "应为整数 · must be a whole number",
    "bool_parsing": "应为 true 或 false · must be true or false",
    "bool_type": "应为 true 或 false · must be true or false",
    "list_type": "应为列表 · must be a list",
    "model_type": "应为“字段: 值” · must be fields with values, such as {zh: …, en: …}",
    "dict_type": "应为“字段: 值” · must be fields with values",
    "union_tag_invalid": "应为一个分项，如 {from: facility, …} 或 {statistic: …} · "
    "must be a part, such as {from: facility, …} or {statistic: …}",
}
_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "只能用小写字母、数字和下划线，以字母开头 · "
    "only small letters, digits and underscores, beginning with a letter",
    AGENCY: "只能用字母、数字和 . _ -，以字母或数字开头 · "
    "only letters, digits and . _ -, beginning with a letter or digit",
}
_BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def describe(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Say what one error of a contract is, in Chinese and English, and what would be right."""
    kind, context = error["type"], error.get("ctx", {})
    field = str(error["loc"][-1]) if error["loc"] else ""
    text = error["msg"]
    if kind == "missing":
        text = f"缺少 {field} · {field} is missing"
    elif kind == "extra_forbidden":
        text = unknown(field, "字段", "field", _fields_at(model, error["loc"][:-1]))
    elif kind == "literal_error":
        text = f"{_shown(error['input'])} 不对，只能是 {context['expected']} · must be {context['expected']}"
    elif kind in _BOUNDS:
        bound = f"{_BOUNDS[kind]} {next(iter(context.values()))}"
        text = f"应 {bound} · must be {bound}"
    elif kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        text = _PATTERNS.get(pattern, f"应符合 {pattern} · must match {pattern}")
    elif kind == "value_error":
        text = str(context["error"])
    elif kind.startswith("date"):
        text = f"{_shown(error['input'])} 不是日期，应如 2025-12-31 · must be a day, such as 2025-12-31"
    elif kind in _PLAIN:
        text = _PLAIN[kind]
    return text


def unknown(name: str, zh: str, en: str, known: Iterable[str]) -> str:
    """Say that a name does not exist, which one comes near, or else which there are (if few)."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = ""
    if near:
        hint = f"; 是否想写 {near[0]} · did you mean {near[0]}?"
    elif len(names) <= 30:
        hint = f"; 可用 · there are: {', '.join(names)}"
    return f"没有{zh} {name!r} · there is no {en} {name!r}{hint}"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _fields_at(model: type[BaseModel], steps: Iterable[int | str]) -> list[str]:
    """Return the fields that may stand at a place of a contract."""
    for step in steps:
        if step in _PART_FORMS:
            model = _PART_FORMS[str(step)]
        elif step in model.model_fields:
            model = next(_models(model.model_fields[str(step)].annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
