"""Field types that several contracts share."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

ADDED = "added"
"""Marks an optional field that a contract got when records had already been accepted under it."""


def about(zh: str, en: str, unit: tuple[str, str] | None = None, **limits: Any) -> Any:
    """Describe a field: `中文 · English`, and the unit of its number as `x-unit` in the JSON Schema."""
    if unit:
        limits["json_schema_extra"] = {"x-unit": " · ".join(unit)}
        zh += f"（{unit[0]}）"
        en += f" ({unit[1]})"
    return Field(description=f"{zh} · {en}", **limits)


def fixed_point(whole: int, places: int) -> tuple[Any, ...]:
    """Annotate a decimal that is not negative, with so many digits before and after the point.

    It is written with exactly `places` decimals: 20, 20.0 and 20.00 are one amount, so they must be one text,
    else a repeated record looks like a conflict.
    """
    unit = Decimal(1).scaleb(-places)
    is_so_written = re.compile(rf"[0-9]{{1,{whole}}}\.[0-9]{{{places}}}").fullmatch

    def written_so(value: Any, check: ValidatorFunctionWrapHandler) -> Decimal:
        if type(value) is str and is_so_written(value):  # to count its digits again costs as much as all else
            return Decimal(value)
        fixed: Decimal = check(value).quantize(unit)
        return fixed + 0  # -0.00 is 0.00

    number = {"type": "number", "minimum": 0, "exclusiveMaximum": 10**whole}
    text = {"type": "string", "pattern": rf"^\d{{1,{whole}}}(\.\d{{1,{places}}}0*)?$"}
    return (
        Field(ge=0, max_digits=whole + places, decimal_places=places),
        WrapValidator(written_so),
        WithJsonSchema({"anyOf": [number, text], "x-decimals": places}),
    )


PERSONS = ("人", "persons")
SQUARE_METRES = ("平方米", "m²")
YUAN = ("元", "yuan")

COMMUNITY = r"^\d{12}$"
DIVISION = r"^\d{6}(\d{3}(\d{3})?)?$"
TOWNSHIP = r"^\d{9}$"
NO_BLANK_NO_SLASH = r"^[^\s/]+$"
NOT_BLANK = r"\S"

CommunityCode = Annotated[
    str,
    Field(
        pattern=COMMUNITY,
        description="社区（村）区划代码，12 位 · community division code, 12 digits",
    ),
]
DivisionCode = Annotated[
    str,
    Field(
        pattern=DIVISION,
        description="区划代码：县 6 位、乡镇 9 位、社区 12 位 · "
        "division code: county 6, township 9, community 12 digits",
    ),
]
TownshipCode = Annotated[
    str, Field(pattern=TOWNSHIP, description="乡镇区划代码，9 位 · township division code, 9 digits")
]
EntityId = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_BLANK_NO_SLASH)]
ID_LENGTH = 200
RecordId = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=ID_LENGTH)]
"""As it stands in the envelope, blanks included."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NOT_BLANK)]
Flag = Annotated[bool, Field(strict=True)]
"""Only `true` and `false`: "no" is a text, and a text that is not empty is easily taken for true."""
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Area = Annotated[Decimal, *fixed_point(10, 2)]
Money = Annotated[Decimal, *fixed_point(14, 2)]


class Contract(BaseModel):
    """Base of every contract: unknown fields are refused, so that a typo is not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def said(self, dumped: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What the record says, for its fingerprint. `dumped`: it as JSON types, where that is at hand.

        A field marked ADDED is left out while it says nothing: a record sent before the field existed, and
        sent again since, is still the same record.
        """
        if dumped is None:
            dumped = self.model_dump(mode="json")
        silent = self.silent_in(self)
        if not silent:
            return dumped
        said = dict(dumped)
        for name in silent:
            del said[name]
        return said

    @classmethod
    def silent_in(cls, record: Any) -> Collection[str]:
        """The fields marked ADDED that say nothing in a record: one of this contract, or an object with its
        fields as JSON types.
        """
        return [name for name, default in _added(cls).items() if getattr(record, name) == default]


@cache
def _added(model: type[BaseModel]) -> dict[str, Any]:
    return {name: field.default for name, field in model.model_fields.items() if ADDED in field.metadata}
