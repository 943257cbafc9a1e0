"""Reading what is plainly an event of its stream: 1.5 µs a record, where its contract takes 9 to 30.

Types, limits and closed lists of a contract stand in its JSON Schema, and msgspec reads by them. Rules that
no schema says are asked of whole columns (`_RULES`). Whatever is not plainly right is left to the contract,
which alone judges; so is every record of a contract whose rules have no such shortcut here.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from schemas.childcare_place import ChildcarePlace
from schemas.consumption_voucher import SPENT, ConsumptionVoucher
from schemas.envelope import Event
from schemas.streams import Stream
from services.aggregate.columns import Convert, Sure, days, decimals, moments, numbers, texts, uuids
from services.platform.packed import Column

Mask = NDArray[np.bool_]
Schema = Mapping[str, Any]
_Values = dict[str, list[Any]]

_ENVELOPE = {
    "source": "source",
    "id": "id",
    "subject": "subject",
    "time": "time",
    "receivedtime": "received_at",
    "receipt": "receipt",
    "fingerprint": "fingerprint",
}
"""Attributes of the envelope that are kept, and their columns."""
_NO_BLANK_NO_SLASH = r"^[^\s/]+$"
_FEW = 500
"""Rows that are in memory at once: so few stay in the processor's cache, which saves a fifth of the time."""
_STRANGE = (ValueError, RecursionError)
"""What msgspec raises for bytes that are not what they should be."""


@dataclass(frozen=True)
class _Field:
    """How the values of a field are read and become a column, and what the texts among them look like."""

    type: Any
    convert: Convert
    is_text: bool = False
    pattern: str = ""

    def fitting(self, values: Sequence[Any]) -> Sure:
        """Which values have no blanks at their ends, which a contract takes away, and fit the pattern."""
        if not self.is_text:
            return None
        if self.pattern == _NO_BLANK_NO_SLASH and None not in values:
            text = " ".join(values)
            if "/" not in text and len(text.split()) == len(values):
                return None
        strange = {value for value in set(values) if value is not None and not self._fits(value)}
        if not strange:
            return None
        return np.array([value not in strange for value in values], np.bool_)

    def _fits(self, value: str) -> bool:
        # Python's $ stops before a last newline, and its \d knows other digits than pydantic's.
        if "\\d" in self.pattern and not value.isascii():
            return False
        return value == value.strip() and bool(re.search(self.pattern.replace("$", r"\Z"), value))


class Plain:
    """Reads the events of one stream, as rows with the attributes of an `Event`."""

    def __init__(self, stream: Stream) -> None:
        schema = stream.event.model_json_schema()
        kinds = _objects(schema, schema["properties"]["data"])
        self._envelope = {name: _field(schema["properties"][name]) for name in _ENVELOPE}
        self._data = {name: _field(said) for kind in kinds for name, said in kind["properties"].items()}
        self._kept = stream.columns
        self._derived = stream.derived
        self._rules = _RULES.get(stream.model)
        said = msgspec.defstruct("Said", [(name, Any, None) for name in self._data], gc=False)
        self._any = msgspec.defstruct("Any", [*((name, Any) for name in _ENVELOPE), ("data", said)], gc=False)
        # msgspec works out what a type holds when it is first used, and whoever uses it meanwhile, in another
        # thread, crashes the process: a decoder does that here, before anybody else has the type.
        msgspec.json.Decoder(self._any)
        self._read: Callable[[bytes], Any] | None = None
        if len(kinds) == 1 and (self._rules or not _has_rules(stream.model)):
            own = {"type": {"const": stream.topic}}
            data = _struct(kinds[0])
            self._read = msgspec.json.Decoder(_struct(schema, schema["properties"] | own, data=data)).decode

    def read(self, values: Sequence[bytes]) -> dict[str, Column] | None:
        """Return the columns of events; None if one of them is not plainly right."""
        if self._read is None:
            return None
        try:
            columns, sure = self._taken_apart(map(self._read, values))
        except _STRANGE:
            return None
        return columns if sure.all() else None

    def rows(self, values: Sequence[bytes]) -> list[Any]:
        """Return rows; None for what is not plainly right."""
        if self._read is None:
            return [None] * len(values)
        rows = [self._read_one(value) for value in values]
        _, sure = self._taken_apart(row for row in rows if row is not None)
        right = iter(sure.tolist())
        return [row if row is not None and next(right) else None for row in rows]

    def row(self, event: Event[Any]) -> Any:
        """Return an event that its contract has read."""
        return msgspec.convert(event.model_dump(mode="json"), self._any)

    def columns(self, rows: Sequence[Any]) -> dict[str, Column]:
        """Return the columns of rows that are right."""
        columns, sure = self._taken_apart(rows, checked=False)
        if not sure.all():
            raise ValueError(f"an event of {type(rows[0]).__name__} is right and has no place in its table")
        return columns

    def _read_one(self, value: bytes) -> Any:
        assert self._read is not None
        try:
            return self._read(value)
        except _STRANGE:
            return None

    def _taken_apart(self, rows: Iterable[Any], *, checked: bool = True) -> tuple[dict[str, Column], Mask]:
        envelope, data, derived = self._values(rows)
        sure = np.ones(len(envelope["id"]), np.bool_)
        found: dict[str, Column] = {}
        for name, field in self._envelope.items():
            found[_ENVELOPE[name]], good = field.convert(envelope[name])
            sure &= True if good is None else good
        for name, field in self._data.items():
            found[name], good = field.convert(data[name])
            sure &= True if good is None else good
            good = field.fitting(data[name]) if checked else None
            sure &= True if good is None else good
        if checked and self._rules:
            sure &= self._rules(found)
        columns = {name: found[name] for name in (*_ENVELOPE.values(), *self._kept)}
        return columns | {name: uuids(values)[0] for name, values in derived.items()}, sure

    def _values(self, rows: Iterable[Any]) -> tuple[_Values, _Values, _Values]:
        """Return the values of each attribute of the envelope, each field of the data, each derived one."""
        envelope: _Values = {name: [] for name in self._envelope}
        data: _Values = {name: [] for name in self._data}
        derived: _Values = {name: [] for name in self._derived}
        rows = iter(rows)
        while some := list(islice(rows, _FEW)):
            said = [row.data for row in some]
            for name, values in envelope.items():
                values.extend(map(attrgetter(name), some))
            for name, values in data.items():
                values.extend(map(attrgetter(name), said))
            for name, values in derived.items():
                values.extend(map(str, map(self._derived[name], some)))
        return envelope, data, derived


@cache
def plain(stream: Stream) -> Plain:
    """Return what reads a stream."""
    return Plain(stream)


def _objects(schema: Schema, data: Schema) -> list[Schema]:
    """Return what an event's data may be: one object, or one of several kinds."""
    if "$ref" in data:
        return _objects(schema, schema["$defs"][data["$ref"].rpartition("/")[2]])
    if "oneOf" in data:
        return [one for kind in data["oneOf"] for one in _objects(schema, kind)]
    return [data]


def _has_rules(model: type[BaseModel]) -> bool:
    found = model.__pydantic_decorators__
    return bool(found.field_validators or found.model_validators or found.validators or found.root_validators)


def _struct(schema: Schema, properties: Schema | None = None, **given: Any) -> Any:
    properties = properties or schema["properties"]
    fields: list[Any] = [
        (name, given.get(name) or _field(said).type, *([said["default"]] if "default" in said else []))
        for name, said in properties.items()
    ]
    return msgspec.defstruct(
        schema["title"].partition("[")[0], fields, kw_only=True, forbid_unknown_fields=True, gc=False
    )


def _field(said: Schema) -> _Field:  # noqa: PLR0911 - one line per kind
    options = said.get("anyOf", [])
    if any(one.get("type") == "null" for one in options):
        [inner] = [one for one in options if one.get("type") != "null"]
        field = _field(inner)
        return _Field(field.type | None, field.convert, field.is_text, field.pattern)
    if "x-decimals" in said:
        [number] = [one for one in options if one["type"] == "number"]
        return _Field(str, decimals(said["x-decimals"], below=number["exclusiveMaximum"]))
    if "const" in said or "enum" in said:
        return _Field(Literal[tuple(said.get("enum", [said.get("const")]))], texts)
    match said.get("type"), said.get("format"):
        case "integer", _:
            limits = msgspec.Meta(ge=said.get("minimum"), le=said.get("maximum"))
            return _Field(Annotated[int, limits], numbers)
        case "boolean", _:
            return _Field(bool, numbers)
        case "string", "uuid":
            return _Field(str, uuids)
        case "string", "date-time":
            return _Field(str, moments)
        case "string", "date":
            return _Field(str, days)
        case "string", None:
            limits = msgspec.Meta(min_length=said.get("minLength"), max_length=said.get("maxLength"))
            return _Field(Annotated[str, limits], texts, is_text=True, pattern=said.get("pattern", ""))
    raise TypeError(f"what a field of a contract may hold is not known here: {said}")


def _voucher(said: Mapping[str, Column]) -> Mask:
    steps = said["step"].texts
    redeemed, order = _or_less(said["redeemed_value"]), _or_less(said["order_amount"])
    if set(steps).isdisjoint(SPENT):
        return redeemed < 0
    spent = np.array([step in SPENT for step in steps], np.bool_)
    merchant = np.array([name is not None for name in said["merchant_id"].texts], np.bool_)
    covered = (redeemed >= 0) & (redeemed <= order) & (redeemed <= said["face_value"].numbers)
    return np.where(spent, covered & merchant, redeemed < 0)


def _or_less(column: Column) -> NDArray[np.int64]:
    """Return amounts, and less than nothing where there is none."""
    return column.numbers if column.null is None else np.where(column.null, -1, column.numbers)


def _places(said: Mapping[str, Column]) -> Mask:
    return np.asarray(said["inclusive"].numbers <= said["total"].numbers, np.bool_)


_RULES: dict[type[BaseModel], Callable[[Mapping[str, Column]], Mask]] = {
    ConsumptionVoucher: _voucher,
    ChildcarePlace: _places,
}
"""Where the rules of a contract surely hold."""
