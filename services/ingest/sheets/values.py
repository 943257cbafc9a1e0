"""From the text of a cell to the value of a field, and back."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.columns import Field
from services.ingest.sheets.fields import key
from services.ingest.withdrawal import RETRACT
from services.platform.errors import RecordError

_YES = frozenset({"是", "√", "✓", "✔", "true", "yes", "y", "1"})
_NO = frozenset({"否", "×", "✗", "✘", "false", "no", "n", "x", "0"})

_FORMULA_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
_LONGEST = 100
"""Characters a number, a date or a word can have; what is longer is none, and not worth the reading."""
_MOST_WORDS = 12

_NUMBER = re.compile(
    r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d*)?(e[+-]?\d{1,3})?|[+-]?\.\d+", re.ASCII | re.IGNORECASE
)
_MOMENT = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})"
    r"((日\s*|日?[T\s]+)(?P<hour>\d{1,2})([:时点]((?P<minute>\d{1,2})([:分]((?P<second>\d{1,2}(\.\d{1,6})?)秒?)?)?)?)"
    r"|日?)"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  # as Excel counts, whose days have no zone
_MIDNIGHT = "T00:00:00"


class Unreadable(RecordError):
    """A cell does not hold what its field needs; says what that is, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} · {en}")
        self.zh = zh
        self.en = en


def read(field: Field, text: str) -> Any:
    """Return the JSON value of a cell that is not blank; None if it says the same as a blank one.

    Raises Unreadable.
    """
    if text in _FORMULA_ERRORS:
        raise Unreadable("是公式的错误", "is the error of a formula")
    if field.kind == "text":
        return text
    return (_read_again if field.kind in _REPEATED and len(text) <= _LONGEST else _read)(field, text)


def _read(field: Field, text: str) -> Any:
    plain = unicodedata.normalize("NFKC", text).strip() if len(text) <= _LONGEST else ""
    if field.kind == "code":
        return plain or text
    return _READERS[field.kind](field, plain)


_REPEATED = frozenset({"code", "flag", "integer", "number", "word"})
"""Of which a sheet has few different ones."""
_read_again = lru_cache(maxsize=10_000)(_read)


def shown(field: Field, value: Any, zone: ZoneInfo) -> str:
    """Return the text that stands for a value in a cell, times by a county's clock; `read` reads it back."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if field.words:
        return field.words.get(value, str(value))
    if field.kind == "time":
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is not None:
            moment = moment.astimezone(zone).replace(tzinfo=None)
        return moment.isoformat(" ")
    return str(value)


def number(text: str) -> Decimal | None:
    """Return the number a text is, None if it is none: full-width digits and separators are understood."""
    if len(text) > _LONGEST or not _NUMBER.fullmatch(plain := unicodedata.normalize("NFKC", text).strip()):
        return None
    return Decimal(plain.replace(",", ""))


def moment(text: str) -> datetime | None:
    """Return the time a text tells, without its zone; None if it is none or names a zone."""
    try:
        found = datetime.fromisoformat(_moment(unicodedata.normalize("NFKC", text).strip()))
    except Unreadable:
        return None
    return found if found.tzinfo is None else None


def _number(field: Field, text: str) -> Decimal:
    plain = text.removeprefix("¥").strip()
    for unit in filter(None, (unicodedata.normalize("NFKC", field.unit), "%" if field.unit == "%" else "")):
        plain = plain.removesuffix(unit).strip()
    found = number(plain)
    if found is None:
        raise Unreadable("应为数字", "must be a number")
    return found


def _integer(field: Field, text: str) -> int:
    try:
        found = _number(field, text)
    except Unreadable:
        raise Unreadable("应为整数", "must be a whole number") from None
    if found != found.to_integral_value():
        raise Unreadable("应为整数，不能有小数", "must be a whole number, without decimals")
    return int(found)


def _flag(_field: Field, text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise Unreadable("应为 是 或 否", "must be yes or no")
    return word in _YES


def _word(field: Field, text: str) -> str:
    values = _values_by_word(field)
    if (found := values.get(key(text))) is None:
        words = [f"{zh} {value}" for value, zh in field.words.items()]
        most = len(words) > _MOST_WORDS
        raise Unreadable(
            f"应为以下之一：{'、'.join(words[:_MOST_WORDS])}{'……（见模板的“说明”）' if most else ''}",
            f"must be one of {', '.join([*field.words][:_MOST_WORDS])}"
            f"{', … (see 说明 in the template)' if most else ''}",
        )
    return found


@cache
def _by_word(words: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {key(spelling): value for value, zh in words for spelling in (zh, value)}


def _values_by_word(field: Field) -> dict[str, str]:
    return _by_word(tuple(field.words.items()))


def _withdrawal(field: Field, text: str) -> str | None:
    return RETRACT if key(text) in _values_by_word(field) or _flag(field, text) else None


def _date(_field: Field, text: str) -> str:
    expected = Unreadable("应为日期，如 2024-05-01", "must be a date such as 2024-05-01")
    try:
        found = _moment(text)
    except Unreadable:
        raise expected from None
    if not found.endswith(_MIDNIGHT):
        raise expected
    return found.removesuffix(_MIDNIGHT)


def _moment(text: str) -> str:
    """Return a date, or date and time of day, in any of the usual spellings as ISO 8601."""
    try:
        if _SERIAL.fullmatch(text):
            return _serial(float(text)).isoformat()
        if found := _COMPACT.fullmatch(text):
            return date(*map(int, found.groups())).isoformat() + _MIDNIGHT
        if found := _MOMENT.fullmatch(text):
            given = found.groupdict()
            seconds = Decimal(given["second"] or 0)
            day = date(*(int(given[name]) for name in ("year", "month", "day")))
            clock = time(
                int(given["hour"] or 0),
                int(given["minute"] or 0),
                int(seconds),
                int(seconds % 1 * 1_000_000),
            )
            return datetime.combine(day, clock).isoformat() + (given["zone"] or "")
    except (ValueError, OverflowError):
        pass  # such as the 30th of February: told below, as any other text that is no time
    raise Unreadable("应为日期时间，如 2024-05-01 09:30", "must be a date and time such as 2024-05-01 09:30")


def _serial(days: float) -> datetime:
    """The moment of Excel's count of days, kept to a few microseconds, meant to the millisecond."""
    return _SERIAL_ZERO + timedelta(milliseconds=round(days * 86_400_000))


_READERS: Mapping[str, Callable[[Field, str], Any]] = {
    "integer": _integer,
    "number": _number,
    "flag": _flag,
    "date": _date,
    "time": lambda _field, text: _moment(text),
    "withdrawal": _withdrawal,
    "word": _word,
}
