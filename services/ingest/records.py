"""From a body to its records: JSON (one object or an array) and NDJSON (one object a line).

Each record knows the very bytes it came as, for the dead letters. Another format is another function that
returns records.

What is right is read by jiter, several times faster than the standard library reads it; whatever jiter does
not take is read again by the slow way, which tells what is wrong with it and where.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn, Protocol

import jiter

from services.ingest.faults import Problem, Refusal
from services.ingest.settings import BYTES_A_RECORD, LEVELS_A_RECORD, RECORDS_A_REQUEST


class Pieces(Protocol):
    """The bytes of each record of a body."""

    def __getitem__(self, index: int, /) -> bytes: ...


@dataclass(slots=True)
class Record:
    """One record of a push: its place in it (from 0), what it came as, and what that says.

    A record of a sheet knows its `row` (from 1, as the sheet's own program counts them) and the `columns`
    that its fields stand in, by their letters.
    """

    index: int
    came_as: bytes | Pieces
    content: dict[str, Any] | Refusal
    row: int | None = None
    columns: Mapping[str, str] | None = None

    @property
    def raw(self) -> bytes:
        """The bytes it came as."""
        given = self.came_as
        return given if isinstance(given, bytes) else given[self.index]

    def column(self, field: str) -> str | None:
        """The letters of the column a field stands in; None if it is no sheet or has no such column."""
        return self.columns.get(field) if self.columns else None


def from_json(body: bytes) -> list[Record]:
    """Return the records of one JSON object or an array of objects.

    A body that is not JSON is one refused record: where a broken array goes on after the fault cannot be
    told. Raises Problem 413 for too many records.
    """
    try:
        quick = _quickly(body)
        if quick is None:
            return [_record(index, raw, value) for index, (raw, value) in enumerate(_values(_text(body)))]
        values = quick if isinstance(quick, list) else [quick]
        _check_number(len(values))
        pieces = _Pieces(body)
        return [_judged(index, pieces, value) for index, value in enumerate(values)]
    except Refusal as refusal:
        return [Record(0, body, refusal)]


def from_ndjson(body: bytes) -> list[Record]:
    """Return the records of NDJSON; blank lines do not count. Raises Problem 413 for too many records."""
    records: list[Record] = []
    for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        raw = line.strip(b" \t\r")
        if not raw:
            continue
        _check_number(len(records) + 1)
        try:
            quick = _quickly(raw)
            value = _value(_text(raw)) if quick is None else quick
            records.append(_record(len(records), raw, value))
        except Refusal as refusal:
            records.append(Record(len(records), raw, refusal))
    return records


def _record(index: int, raw: bytes, value: Any) -> Record:
    if len(raw) > BYTES_A_RECORD:
        text = f"一条记录最多 {BYTES_A_RECORD} 字节 · a record may have {BYTES_A_RECORD} bytes"
        return Record(index, raw, Refusal("too_large", text))
    return _judged(index, raw, value)


def _judged(index: int, raw: bytes | Pieces, value: Any) -> Record:
    if isinstance(value, Refusal):
        return Record(index, raw, value)
    if _is_deep(value):
        return Record(index, raw, _TooDeep())
    if not isinstance(value, dict):
        return Record(
            index, raw, Refusal("not_object", "记录应为 JSON 对象 · a record must be a JSON object")
        )
    return Record(index, raw, value)


def _check_number(records: int) -> None:
    if records > RECORDS_A_REQUEST:
        raise Problem(
            413,
            "too_many_records",
            f"一次最多 {RECORDS_A_REQUEST} 条记录，请分批发送 · "
            f"at most {RECORDS_A_REQUEST} records a request: send them in parts",
        )


def _quickly(body: bytes) -> Any:
    """What a body says; None if that is null, or if only the slow way can tell what is wrong with it."""
    if len(body) > BYTES_A_RECORD:  # then each record's own bytes have to be counted
        return None
    try:
        return jiter.from_json(body, allow_inf_nan=False, float_mode="decimal", cache_mode="keys")
    except (ValueError, ArithmeticError):
        return None


class _Pieces:
    """Of a body that is right; told apart only when one is asked for: most pushes have nothing to refuse."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._pieces: list[bytes] | None = None

    def __getitem__(self, index: int) -> bytes:
        if self._pieces is None:
            self._pieces = [raw for raw, _value in _values(_text(self._body))]
        return self._pieces[index]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Numbers with a point become Decimal from their digits: money never passes through binary arithmetic.
_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
_BLANKS = re.compile(r"[ \t\n\r]*")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            "not_utf8", f"第 {error.start + 1} 字节起不是 UTF-8 · not UTF-8 from byte {error.start + 1} on"
        ) from error


def _value(text: str) -> Any:
    value, end = _decode(text, _skip(text, 0))
    _check_end(text, end)
    return value


def _values(text: str) -> Iterator[tuple[bytes, Any]]:
    """Yield the value, or the values of the array, each with its own bytes."""
    at = _skip(text, 0)
    if not text.startswith("[", at):
        value, end = _decode(text, at)
        _check_end(text, end)
        yield text[at:end].encode(), value
        return
    at = _skip(text, at + 1)
    number = 0
    room = BYTES_A_RECORD  # brackets are counted slowly: a push of nothing but them must not hold the others
    while number or not text.startswith("]", at):
        try:
            value, end = _decode(text, at)
        except _TooDeep as refusal:  # the records after it may be good
            found = _end_of_value(text, at, room)
            if found is None:
                raise
            value, end = refusal, found
            room -= end - at
        number += 1
        _check_number(number)
        yield text[at:end].encode(), value
        end = _skip(text, end)
        if text.startswith("]", end):
            at = end
            break
        if not text.startswith(",", end):
            raise _not_json(end, "expected , or ]")
        at = _skip(text, end + 1)
    _check_end(text, at + 1)


def _decode(text: str, at: int) -> tuple[Any, int]:
    try:
        return _decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _not_json(error.pos, error.msg) from error
    except RecursionError:
        raise _TooDeep from None
    except (ValueError, ArithmeticError):  # NaN, or a number beyond any that could be meant
        raise _not_json(at, "a number that is none or is beyond all bounds") from None


class _TooDeep(Refusal):
    def __init__(self) -> None:
        text = f"JSON 最多嵌套 {LEVELS_A_RECORD} 层 · JSON may be nested {LEVELS_A_RECORD} levels deep"
        super().__init__("too_deep", text)


_NESTED = {dict, list}


def _is_deep(value: Any) -> bool:
    if isinstance(value, dict) and _NESTED.isdisjoint(map(type, value.values())):
        return False
    nodes: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(LEVELS_A_RECORD):
        nodes = [
            child
            for node in nodes
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not nodes:
            return False
    return True


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]+|[\]}]+', re.DOTALL)


def _end_of_value(text: str, at: int, room: int) -> int | None:
    # Where the array or object at `at` ends, by its brackets alone; None if not within `room` characters.
    level = 0
    for found in _BRACKETS.finditer(text, at, at + room):
        start, end = found.span()
        if text[start] in "[{":
            level += end - start
        elif text[start] in "]}":
            if level <= end - start:
                return start + level
            level -= end - start
    return None


def _skip(text: str, at: int) -> int:
    """Where the next character that is not blank stands."""
    blank = _BLANKS.match(text, at)
    assert blank is not None  # it also matches nothing
    return blank.end()


def _check_end(text: str, at: int) -> None:
    end = _skip(text, at)
    if end != len(text):
        raise _not_json(end, "more text after the end")


def _not_json(at: int, why: str) -> Refusal:
    return Refusal("not_json", f"第 {at + 1} 个字符处不是有效的 JSON · not JSON at character {at + 1}: {why}")
