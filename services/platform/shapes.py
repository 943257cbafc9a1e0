"""What a contract's JSON Schema says of a field, as a type that msgspec reads by.

Whoever reads by shapes may only say "surely right": what does not fit one may still be right, which the
contract alone judges. So a shape is strict where the contract is kind.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel

Schema = Mapping[str, Any]
Form = Literal["word", "whole", "flag", "uuid", "moment", "day", "text", "amount"]

STRANGE = (ValueError, RecursionError)
"""What msgspec raises for what is not as it should be."""

_NO_BLANK_NO_SLASH = r"^[^\s/]+$"


@dataclass(frozen=True)
class Shape:
    """Of one field: the `type` of its values for msgspec, and their `form`."""

    type: Any
    form: Form
    pattern: str = ""
    """Of a text; of an amount, as a contract writes it."""
    places: int = 0
    """Of an amount: the decimals it is written with."""
    whole: int = 0
    """Of an amount: its digits before the point at most."""

    def strange(self, values: Sequence[Any]) -> set[str]:
        """Return the texts and amounts among these that do not surely fit; None is no value.

        Blanks at the ends, which a contract takes away, do not.
        """
        if self.form not in ("text", "amount"):
            return set()
        given = [value for value in values if value is not None]
        if self.pattern == _NO_BLANK_NO_SLASH:
            together = " ".join(given)
            if "/" not in together and together.split() == given:
                return set()
        fits = _fitting(self.pattern)
        return {value for value in set(given) if not fits(value)}


def shape_of(said: Schema) -> Shape:  # noqa: PLR0911 - one line per form
    """Return the shape of a field. Raises TypeError for a kind of field that is not known here."""
    options = said.get("anyOf", [])
    if any(one.get("type") == "null" for one in options):
        [inner] = [one for one in options if one.get("type") != "null"]
        found = shape_of(inner)
        return Shape(found.type | None, found.form, found.pattern, found.places, found.whole)
    if "x-decimals" in said:
        [number] = [one for one in options if one["type"] == "number"]
        places, whole = said["x-decimals"], len(str(number["exclusiveMaximum"])) - 1
        return Shape(str, "amount", rf"^(0|[1-9][0-9]{{0,{whole - 1}}})\.[0-9]{{{places}}}$", places, whole)
    if "const" in said or "enum" in said:
        return Shape(Literal[tuple(said.get("enum", [said.get("const")]))], "word")
    match said.get("type"), said.get("format"):
        case "integer", _:
            limits = msgspec.Meta(ge=said.get("minimum"), le=said.get("maximum"))
            return Shape(Annotated[int, limits], "whole")
        case "boolean", _:
            return Shape(bool, "flag")
        case "string", "uuid":
            return Shape(str, "uuid")
        case "string", "date-time":
            return Shape(str, "moment")
        case "string", "date":
            return Shape(str, "day")
        case "string", None:
            limits = msgspec.Meta(min_length=said.get("minLength"), max_length=said.get("maxLength"))
            return Shape(Annotated[str, limits], "text", said.get("pattern", ""))
    raise TypeError(f"what a field of a contract may hold is not known here: {said}")


def objects(schema: Schema, data: Schema) -> list[Schema]:
    """Return what `data`, a part of a schema, may be: one object, or one of several kinds."""
    if "$ref" in data:
        return objects(schema, schema["$defs"][data["$ref"].rpartition("/")[2]])
    if "oneOf" in data:
        return [one for kind in data["oneOf"] for one in objects(schema, kind)]
    return [data]


def struct(name: str, properties: Schema, **given: Any) -> Any:
    """Return a struct of the fields of an object, in their order; `given` are the types of some.

    It takes no field that it does not know.
    """
    fields: list[Any] = [
        (name, given.get(name) or shape_of(said).type, *([said["default"]] if "default" in said else []))
        for name, said in properties.items()
    ]
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def has_rules(model: type[BaseModel]) -> bool:
    """Whether a contract has rules that no schema says."""
    found = model.__pydantic_decorators__
    return bool(found.field_validators or found.model_validators or found.validators or found.root_validators)


@cache
def _fitting(pattern: str) -> Callable[[str], bool]:
    # Python's $ stops before a last newline, and its \d knows other digits than pydantic's.
    matches = re.compile(pattern.replace("$", r"\Z")).search
    ascii_only = "\\d" in pattern
    return lambda value: (
        value == value.strip() and (not ascii_only or value.isascii()) and matches(value) is not None
    )
