"""JSON Schemas (2020-12) of the contracts: `python -m schemas.generate` writes them to `schemas/json/`.

One file a stream says what a record has; `event.json` says what it travels in. Both are made from the
contracts, so they can only be stale, never different; a test fails when they are.
"""

import json
from pathlib import Path
from typing import Any

from schemas.envelope import Pushed, event_type
from schemas.fields import ID_LENGTH
from schemas.retraction import Retraction
from schemas.streams import RETRACTION, STREAMS, Stream

FOLDER = Path(__file__).parent / "json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENT = "event"


def name_of(schema: str) -> str:
    """Return the `$id` of a stream's schema, or of the envelope's."""
    return f"urn:minmai:schema:{schema}:v1"


def stream_schema(stream: Stream) -> dict[str, Any]:
    """Return the schema of a stream's records: `data` of an event."""
    return {"$schema": DIALECT, "$id": name_of(stream.name), **stream.model.model_json_schema()}


def event_schema() -> dict[str, Any]:
    """Return the schema of an event as an agency sends it, of any stream."""
    schema = Pushed[Retraction].model_json_schema()  # of the data nothing is kept
    envelope = schema["properties"]
    reason = Retraction.model_json_schema()["properties"]["reason"]
    attributes = {
        **envelope,
        "type": {**envelope["type"], "enum": [event_type(name) for name in STREAMS]},
        "data": {"description": "记录，见该数据流的 JSON Schema · the record, by the schema of its stream"},
        "op": {"const": "retract", "description": "撤回一条记录 · withdraws a record"},
        "retracts": {
            "type": "string",
            "minLength": 1,
            "maxLength": ID_LENGTH,
            "description": "所撤记录的编号；不写则撤回 data 中的记录 · id of the record to withdraw; "
            "without it, the record repeated in `data`",
        },
        "reason": reason,
    }
    return {
        "$schema": DIALECT,
        "$id": name_of(EVENT),
        "title": "Event",
        "description": "事件（CloudEvents 1.0） · a record in its envelope, as an agency sends it",
        "type": "object",
        "properties": attributes,
        "required": [name for name in schema["required"] if name != "data"],
        "allOf": [_data_of(stream) for stream in STREAMS.values()],
        "if": {"required": ["op"]},
        "then": {"required": ["reason"], "properties": {"type": {"not": {"const": RETRACTION.topic}}}},
        "else": {"required": ["data"], "properties": {"retracts": False}},
        "anyOf": [{"required": ["data"]}, {"required": ["retracts"]}],
    }


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file, without `.json`."""
    return {**{name: stream_schema(stream) for name, stream in STREAMS.items()}, EVENT: event_schema()}


def write(folder: Path = FOLDER) -> None:
    """Write the schemas; a file that is none of them is removed."""
    folder.mkdir(exist_ok=True)
    wanted = {folder / f"{name}.json": text(schema) for name, schema in schemas().items()}
    for superfluous in set(folder.glob("*.json")) - wanted.keys():
        superfluous.unlink()
    for path, content in wanted.items():
        path.write_text(content, encoding="utf-8")


def text(schema: dict[str, Any]) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _data_of(stream: Stream) -> dict[str, Any]:
    return {
        "if": {"properties": {"type": {"const": stream.topic}}, "required": ["type"]},
        "then": {"properties": {"data": {"$ref": name_of(stream.name)}}},
    }


if __name__ == "__main__":
    write()
