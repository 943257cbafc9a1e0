"""What can be wrong with a record or with a push, in words for the people who sent it.

Texts are Chinese first with English beside: `中文 · English`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from schemas.fields import COMMUNITY, DIVISION, NO_BLANK_NO_SLASH, NOT_BLANK, TOWNSHIP
from schemas.statistic import DIMENSION
from services.platform.errors import MinmaiError, RecordError

_SHOWN_CHARACTERS = 200
_SHOWN_FAULTS = 8


class Refusal(RecordError):
    """One record is refused: short `code`, `field` at fault (empty: the whole record), `message`."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message


class Problem(MinmaiError):
    """A whole push is refused: an RFC 9457 problem with HTTP `status` and short `code`."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def shown(text: object) -> str:
    """Return a sender's text fit to be sent back: not too long, and valid Unicode."""
    return str(text)[:_SHOWN_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class _Kind:
    code: str
    text: str


_INVALID = "invalid_field"
_QUOTED = re.compile(r"'([^']*)'")
"""As pydantic writes each of several values, the last after `or`."""
_KINDS = {
    "missing": _Kind("missing_field", "缺少必填字段 · required field is missing"),
    "extra_forbidden": _Kind("unknown_field", "没有这个字段 · there is no such field"),
    "union_tag_not_found": _Kind(
        "missing_field", "缺少字段 {discriminator} · field {discriminator} is missing"
    ),
    "union_tag_invalid": _Kind(
        _INVALID,
        "{discriminator} 应为以下之一：{expected_tags} · {discriminator} must be one of {expected_tags}",
    ),
    "literal_error": _Kind(_INVALID, "应为以下之一：{expected} · must be one of {expected}"),
    "string_type": _Kind(_INVALID, "应为文本（加引号） · must be a string"),
    "string_unicode": _Kind(_INVALID, "含有无效字符 · has invalid characters"),
    "string_too_short": _Kind(
        _INVALID, "不能为空，至少 {min_length} 个字符 · at least {min_length} character(s)"
    ),
    "string_too_long": _Kind(_INVALID, "过长，最多 {max_length} 个字符 · at most {max_length} characters"),
    "string_pattern_mismatch": _Kind(_INVALID, "格式不符，应符合 {pattern} · does not match {pattern}"),
    "bool_type": _Kind(_INVALID, "应为 true 或 false · must be true or false"),
    "int_type": _Kind(_INVALID, "应为整数 · must be an integer"),
    "int_parsing": _Kind(_INVALID, "应为整数 · must be an integer"),
    "int_from_float": _Kind(_INVALID, "应为整数，不能有小数 · must be an integer, without decimals"),
    "decimal_type": _Kind(_INVALID, "应为数字 · must be a number"),
    "decimal_parsing": _Kind(_INVALID, "应为数字 · must be a number"),
    "decimal_max_places": _Kind(_INVALID, "小数最多 {decimal_places} 位 · at most {decimal_places} decimals"),
    "decimal_max_digits": _Kind(_INVALID, "数字过长，最多 {max_digits} 位 · at most {max_digits} digits"),
    "decimal_whole_digits": _Kind(
        _INVALID, "整数部分最多 {whole_digits} 位 · at most {whole_digits} whole digits"
    ),
    "finite_number": _Kind(_INVALID, "应为有限的数字 · must be a finite number"),
    "greater_than_equal": _Kind(_INVALID, "不能小于 {ge} · must be at least {ge}"),
    "less_than_equal": _Kind(_INVALID, "不能大于 {le} · must be at most {le}"),
    "date_type": _Kind(_INVALID, "应为日期，如 2024-05-01 · must be a date such as 2024-05-01"),
    "date_parsing": _Kind(_INVALID, "应为日期，如 2024-05-01 · must be a date such as 2024-05-01"),
    "date_from_datetime_parsing": _Kind(
        _INVALID, "应为日期，如 2024-05-01 · must be a date such as 2024-05-01"
    ),
    "date_from_datetime_inexact": _Kind(
        _INVALID, "应为日期，不带时刻 · must be a date without a time of day"
    ),
    "model_type": _Kind(_INVALID, "应为 JSON 对象 · must be a JSON object"),
    "model_attributes_type": _Kind(_INVALID, "应为 JSON 对象 · must be a JSON object"),
}


_SHAPES = {
    COMMUNITY: "应为社区（村）区划代码，12 位数字 · must be a community's division code, 12 digits",
    DIVISION: "应为区划代码：县 6 位、乡镇 9 位、社区（村）12 位数字 · "
    "must be a division code: county 6, township 9, community 12 digits",
    TOWNSHIP: "应为乡镇区划代码，9 位数字 · must be a township's division code, 9 digits",
    NO_BLANK_NO_SLASH: "不能有空格和斜杠 / · must have no blanks and no slash",
    DIMENSION: "不能有空格和斜杠 / · must have no blanks and no slash",
    NOT_BLANK: "不能为空 · must not be blank",
}
"""What the patterns of the contracts ask for: nobody who fills in a sheet reads a regular expression."""


def refusal_of(faults: list[ErrorDetails], inside: str, tags: frozenset[str]) -> Refusal:
    """Return the refusal that tells every fault pydantic found in a record.

    `inside` is put before the names of fields of the contract (`data.` in an event); `tags` are the kinds of
    a union, which pydantic puts into the path and no sender wrote.
    """
    told = [(_path(fault["loc"], inside, tags), *_told(fault)) for fault in faults[:_SHOWN_FAULTS]]
    field, code, message = told[0]
    if len(told) > 1:
        message = "；".join(f"{name}：{text}" if name else text for name, _code, text in told)
    return Refusal(code, message, field)


def _path(loc: tuple[int | str, ...], inside: str, tags: frozenset[str]) -> str:
    parts = [str(part) for part in loc]
    if parts[:1] == ["data"]:
        del parts[0]
        if parts and parts[0] in tags:
            del parts[0]
        return shown(inside + ".".join(parts)).rstrip(".")
    return shown(".".join(parts))


def _told(fault: ErrorDetails) -> tuple[str, str]:
    context: dict[str, Any] = fault.get("ctx", {})
    if fault["type"] == "value_error":  # our own validators already speak both languages
        return _INVALID, str(context["error"])
    kind = _KINDS.get(fault["type"])
    if kind is None:
        return _INVALID, shown(f"内容不符合要求 · {fault['msg']}")
    if (shape := _SHAPES.get(context.get("pattern", ""))) is not None:
        return kind.code, shape
    values = {
        name: shown(_QUOTED.sub(r"\1", str(value)).replace(" or ", ", ")) for name, value in context.items()
    }
    return kind.code, kind.text.format_map(values)
