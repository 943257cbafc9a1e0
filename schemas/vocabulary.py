"""What people call the fields of a record and their values, read from the contracts' own descriptions.

A description is `中文 · English`; each half begins with what the field is called, and the Chinese one lists
the words of a closed vocabulary (`open 开放`). Nothing is written down a second time here.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from schemas.declaration import Text
from schemas.fields import Contract
from schemas.generate import stream_schema
from schemas.streams import STREAMS

_KIND = Text(zh="类别", en="kind")


class Called(Contract):
    """A field: what it is called, the unit of its number, and of a closed vocabulary the words by value."""

    name: Text
    unit: Text | None
    words: dict[str, Text]


@cache
def vocabulary(stream: str) -> Mapping[str, Called]:
    """Return the fields of a stream's records by name, in the order of the contract."""
    fields: dict[str, Called] = {}
    for part in parts_of(stream_schema(STREAMS[stream])):
        for name, given in part["properties"].items():
            one = _called(name, given)
            if name in fields:
                one = fields[name].model_copy(update={"words": {**fields[name].words, **one.words}})
            fields[name] = one
    return fields


def parts_of(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas of the kinds of record that a stream has: of most streams the one."""
    return list(schema.get("$defs", {}).values()) if "oneOf" in schema else [schema]


def words_of(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    """Yield each value of a field's closed vocabulary with its words: without Chinese ones itself."""
    zh, en = _halves(schema)
    if "const" in schema:
        yield schema["const"], Text(zh=zh, en=en.removeprefix("kind: "))
    for value in schema.get("enum", ()):
        if name == "stream" and value in STREAMS:
            about = (STREAMS[value].model.__doc__ or value).split("·")[0].strip()
            yield value, Text(zh=about, en=_spoken(value))
            continue
        found = re.search(rf"(?<![a-z_]){value} ([\d\u4e00-\u9fff][^、；，·（]*)", schema["description"])
        yield value, Text(zh=found.group(1).strip() if found else value, en=_spoken(value))


def _called(name: str, schema: Mapping[str, Any]) -> Called:
    zh, en = _halves(schema)
    units = schema.get("x-unit", "").split(" · ")
    unit = Text(zh=units[0], en=units[-1]) if units[0] else None
    if "const" in schema:  # a kind's own description says what it is, not what the field is
        called = _KIND
    else:
        zh, en = re.split(r"[，；：、:;,]|（[^（）]*）$", zh)[0], re.split(r"[,;:]| \([^()]*\)$", en)[0]
        called = Text(zh=zh, en=en)
    return Called(name=called, unit=unit, words=dict(words_of(name, schema)))


def _halves(schema: Mapping[str, Any]) -> tuple[str, str]:
    zh, _, en = schema["description"].partition(" · ")
    return zh, en


def _spoken(value: str) -> str:
    return re.sub("[_-]", " ", value)
