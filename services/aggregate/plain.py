"""Reading what is plainly an event of its stream: 1.5 µs a record, where its contract takes 9 to 30.

Types, limits and closed lists of a contract stand in its JSON Schema, and msgspec reads by them. Rules that
no schema says are asked of whole columns (`_RULES`). Whatever is not plainly right is left to the contract,
which alone judges; so is every record of a contract whose rules have no such shortcut here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import Any

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
from services.platform.shapes import STRANGE, Form, has_rules, objects, shape_of, struct

Mask = NDArray[np.bool_]
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
_CONVERT: dict[Form, Convert] = {
    "word": texts,
    "whole": numbers,
    "flag": numbers,
    "uuid": uuids,
    "moment": moments,
    "day": days,
    "text": texts,
}
_FEW = 500
"""Rows that are in memory at once: so few stay in the processor's cache, which saves a fifth of the time."""


class _Field:
    """How the values of a field become a column, and which of them fit its contract."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._shape = shape = shape_of(said)
        self.convert = (
            decimals(shape.places, below=10**shape.whole) if shape.form == "amount" else _CONVERT[shape.form]
        )

    def fitting(self, values: Sequence[Any]) -> Sure:
        """Which values surely fit; None: all."""
        strange = self._shape.strange(values) if self._shape.form == "text" else None
        if not strange:
            return None
        return np.array([value not in strange for value in values], np.bool_)


class Plain:
    """Reads the events of one stream, as rows with the attributes of an `Event`."""

    def __init__(self, stream: Stream) -> None:
        schema = stream.event.model_json_schema()
        kinds = objects(schema, schema["properties"]["data"])
        self._envelope = {name: _Field(schema["properties"][name]) for name in _ENVELOPE}
        self._data = {name: _Field(said) for kind in kinds for name, said in kind["properties"].items()}
        self._kept = stream.columns
        self._derived = stream.derived
        self._rules = _RULES.get(stream.model)
        said = msgspec.defstruct("Said", [(name, Any, None) for name in self._data], gc=False)
        self._any = msgspec.defstruct("Any", [*((name, Any) for name in _ENVELOPE), ("data", said)], gc=False)
        # msgspec works out what a type holds when it is first used, and whoever uses it meanwhile, in another
        # thread, crashes the process: a decoder does that here, before anybody else has the type.
        msgspec.json.Decoder(self._any)
        self._read: Callable[[bytes], Any] | None = None
        if len(kinds) == 1 and (self._rules or not has_rules(stream.model)):
            own = {"type": {"const": stream.topic}}
            data = struct("Data", dict(sorted(kinds[0]["properties"].items())))  # as ingest writes them
            event = struct("Event", schema["properties"] | own, data=data)
            self._read = msgspec.json.Decoder(event).decode

    def read(self, values: Sequence[bytes]) -> dict[str, Column] | None:
        """Return the columns of events; None if one of them is not plainly right."""
        if self._read is None:
            return None
        try:
            columns, sure = self._taken_apart(map(self._read, values))
        except STRANGE:
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
        except STRANGE:
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
