"""Validators of the JSON Schemas, which refer to each other by name."""

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from schemas.generate import schemas

_SCHEMAS = schemas()
_REGISTRY = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in _SCHEMAS.values()]
)


def validator(name: str) -> Validator:
    """A validator of a stream's records, or (`event`) of the envelope with the record in it."""
    return Draft202012Validator(
        _SCHEMAS[name], registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
