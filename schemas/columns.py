"""The columns that a stream's records have in a sheet: their names, and which text stands for which value.

All of it follows from the contracts, as in `schemas/vocabulary.py`: the Chinese name of a field is how its
description begins, the words of a closed vocabulary are listed in it. Nothing is written down twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from schemas.generate import stream_schema
from schemas.streams import Stream
from schemas.vocabulary import parts_of, words_of

Kind = Literal["text", "code", "integer", "number", "flag", "date", "time", "word", "withdrawal"]


@dataclass(frozen=True, eq=False)
class Field:
    """One column: the contract's `name`, the Chinese one, and how its cells are to be read.

    There is one object of each.
    """

    name: str
    zh: str
    about: str
    kind: Kind
    required: bool = False
    unit: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    """Of a closed vocabulary: the Chinese word of each value."""
    kinds: frozenset[str] = frozenset()
    """The facility kinds that have it; empty: every record may."""
    names: tuple[str, ...] = ()
    """More Chinese names by which it is known."""

    @property
    def header(self) -> str:
        """What stands above its column in a template."""
        return f"{self.zh} · {self.name}"


_ALSO_KNOWN_AS = {"division": ("区划代码", "区划"), "kind": ("设施类别",)}


@cache
def contract_fields(stream: Stream) -> tuple[Field, ...]:
    """Return the columns of what a stream's records say, in the order of the contract."""
    parts = parts_of(stream_schema(stream))
    merged: dict[str, Field] = {}
    for part in parts:
        for name, given in part["properties"].items():
            one = _field(name, given, name in part["required"], _tag(part))
            merged[name] = _merged(merged[name], one) if name in merged else one
    if len(parts) == 1:
        return tuple(merged.values())
    fields = [
        replace(one, kinds=frozenset() if len(one.kinds) == len(parts) else one.kinds)
        for one in merged.values()
    ]
    return tuple(sorted(fields, key=lambda one: one.name != "kind"))


def _tag(part: Mapping[str, Any]) -> frozenset[str]:
    kind = part["properties"].get("kind", {}).get("const")
    return frozenset({kind} if kind else ())


def _merged(first: Field, second: Field) -> Field:
    """One column for a field that several kinds have."""
    about = first.about if second.about in first.about else f"{first.about}；{second.about}"
    return replace(
        first,
        about=about,
        required=first.required and second.required,
        words={**first.words, **second.words},
        kinds=first.kinds | second.kinds,
    )


def _field(name: str, schema: dict[str, Any], required: bool, kinds: frozenset[str]) -> Field:
    about = schema.get("description", name).split(" · ")[0]
    words = {value: text.zh for value, text in words_of(name, schema)}
    if "const" in schema:  # a kind's own description says what it is, not what the column is
        zh, about = "类别", "设施（机构）的类别，决定还要填哪些列"
    else:
        zh = re.split(r"[，；：、:;,]", about)[0]
    return Field(
        name,
        zh,
        about,
        "word" if words else _kind(schema),
        required,
        schema.get("x-unit", "").split(" · ")[0],
        words,
        kinds,
        (*_ALSO_KNOWN_AS.get(name, ()), zh.removeprefix("其中")),
    )


def _kind(schema: dict[str, Any]) -> Kind:
    forms = list(_forms(schema))
    types = {form.get("type") for form in forms}
    if "number" in types:
        return "number"
    if "integer" in types:
        return "integer"
    if "boolean" in types:
        return "flag"
    if any(form.get("format") == "date" for form in forms):
        return "date"
    return "code" if any(r"\d" in form.get("pattern", "") for form in forms) else "text"


def _forms(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "anyOf" not in schema:
        yield schema
    for form in schema.get("anyOf", ()):
        yield from _forms(form)
