"""What a contract takes of JSON's types, where pydantic would be too kind."""

from collections import defaultdict
from functools import cache
from typing import Any

from schemas.streams import Stream
from services.ingest.faults import Refusal

_WHOLE = {bool, int}


def check_json_types(stream: Stream, data: object, inside: str) -> None:
    """Refuse what pydantic would silently take for something else: `true` for 1, and 0 for 1970-01-01."""
    if not isinstance(data, dict):
        return
    if _WHOLE.isdisjoint(map(type, data.values())):
        return
    taken = _taken(stream)
    for name, value in data.items():
        if type(value) not in _WHOLE or name not in taken:
            continue
        if not taken[name] & ({"boolean"} if isinstance(value, bool) else {"integer", "number"}):
            text = "值的类型不对，参见 GET /v1/schemas · wrong type of value, see GET /v1/schemas"
            raise Refusal("invalid_field", text, inside + name)


@cache
def tags(stream: Stream) -> frozenset[str]:
    """The values of a contract's discriminator; pydantic names them in the path of a fault."""
    return frozenset(stream.model.model_json_schema().get("discriminator", {}).get("mapping", ()))


@cache
def _taken(stream: Stream) -> dict[str, set[str]]:
    """For each field of a contract, of any kind of it, the JSON types it takes."""
    schema = stream.model.model_json_schema()
    taken: dict[str, set[str]] = defaultdict(set)
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, field in part.get("properties", {}).items():
            taken[name] |= _types(field)
    return dict(taken)


def _types(schema: dict[str, Any]) -> set[str]:
    return {schema.get("type", "")}.union(*map(_types, schema.get("anyOf", ())))
