"""Reading what is plainly a record of its stream: 2 µs, where its contract takes 8.

msgspec reads records by their contract's JSON Schema (`services.platform.shapes`); patterns are asked of all
values of a field at once, and a rule that no schema says of each record (`_RULES`). Whatever is not plainly
right is left to the contract, which alone judges; so is every record of a stream without a rule here. Those
of which thousands a second may come have one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from schemas.childcare_place import ChildcarePlace
from schemas.consumption_voucher import SPENT, ConsumptionVoucher
from schemas.fields import ID_LENGTH, Contract
from schemas.streams import Stream
from services.platform.shapes import STRANGE, Shape, objects, shape_of, struct

_OWN = {"id": Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LENGTH)] | None, "time": str}
"""What a plain record has beside the fields of its contract."""

_encode = msgspec.json.Encoder().encode


class Said(NamedTuple):
    """What a record says that is plainly right."""

    id: str | None
    time: str
    subject: str
    division: str | None
    data: bytes
    """Its contract's fields, as `in_order` writes them."""
    told: bytes
    """Those that its fingerprint is of."""


class Plain:
    """Reads the records of one stream."""

    def __init__(self, stream: Stream, model: type[Contract], rule: Callable[[Any], bool]) -> None:
        """Raises ValueError if its contract is one of several kinds, or its entity has several fields."""
        schema = model.model_json_schema()
        [contract] = objects(schema, schema)
        [entity] = stream.entity
        properties: Mapping[str, Any] = dict(sorted(contract["properties"].items()))
        self._record = struct(stream.name, {"id": {"default": None}, "time": {}, **properties}, **_OWN)
        self._records = list[self._record]  # type: ignore[name-defined]  # a type made from a value
        msgspec.json.Decoder(self._records)  # works the type out, before two threads do so at once
        shapes = {name: shape_of(said) for name, said in properties.items()}
        self._limits = [
            (attrgetter(name), shape.strange)
            for name, shape in shapes.items()
            if shape.form in ("text", "amount")
        ]
        self._amounts = {name: _writing(shape) for name, shape in shapes.items() if shape.form == "amount"}
        self._rule = rule
        self._silent_in = model.silent_in
        self._subject = attrgetter(entity)
        self._has_division = "division" in properties

    def read(self, contents: Sequence[Any]) -> list[Said] | None:
        """Return what records say; None if one of them is not plainly right."""
        said = self._read(contents)
        if said is None and self._amounts:
            said = self._read([*map(self._with_amounts, contents)])
        return said

    def _read(self, contents: Sequence[Any]) -> list[Said] | None:
        try:
            records = msgspec.convert(contents, self._records)
            for value_of, strange in self._limits:
                if strange([*map(value_of, records)]):
                    return None
            return [*map(self._said, records)] if all(map(self._rule, records)) else None
        except STRANGE:
            return None

    def _with_amounts(self, content: Any) -> Any:
        """A record whose amounts are written as its contract writes them."""
        if not isinstance(content, dict):
            return content
        return content | {
            name: written(content[name]) for name, written in self._amounts.items() if name in content
        }

    def _said(self, record: Any) -> Said:
        id, time = record.id, record.time
        record.id = record.time = msgspec.UNSET  # which is not written
        data = told = _encode(record)
        if silent := self._silent_in(record):
            for name in silent:
                setattr(record, name, msgspec.UNSET)
            told = _encode(record)
        division = record.division if self._has_division else None
        return Said(id, time, self._subject(record), division, data, told)


@cache
def plain(stream: Stream) -> Plain | None:
    """Return what reads a stream; None if only its contract does."""
    for contract, rule in _RULES.items():
        if stream.model is contract:
            return Plain(stream, contract, rule)
    return None


def _writing(shape: Shape) -> Callable[[Any], Any]:
    """Return what writes an amount as its contract does; what it cannot, it leaves as it is."""
    plain_number = re.compile(rf"(?:0|[1-9][0-9]*)(?:\.([0-9]{{1,{shape.places}}}))?").fullmatch

    def written(value: Any) -> Any:
        if type(value) not in (int, Decimal, str) or not (found := plain_number(str(value))):
            return value
        decimals = found[1] or ""
        return f"{found[0]}{'' if decimals else '.'}{'0' * (shape.places - len(decimals))}"

    return written


def _voucher(said: Any) -> bool:
    if said.step not in SPENT:
        return said.redeemed_value is None
    if said.order_amount is None or said.merchant_id is None:
        return False
    if said.redeemed_value is None:
        said.redeemed_value = said.face_value  # as the contract has it
    redeemed = Decimal(said.redeemed_value)
    return redeemed <= Decimal(said.face_value) and redeemed <= Decimal(said.order_amount)


def _places(said: Any) -> bool:
    return bool(said.inclusive <= said.total)


_RULES: Mapping[type[Contract], Callable[[Any], bool]] = {
    ConsumptionVoucher: _voucher,
    ChildcarePlace: _places,
}
"""Whether the rules of a contract surely hold."""
