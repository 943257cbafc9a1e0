"""The OpenAPI document made whole: what FastAPI cannot know of bodies and errors it does not see itself.

The contracts of the streams and the example records go in as they are, so the document cannot say anything
else than what is checked.
"""

from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from schemas import examples
from schemas.generate import event_schema, stream_schema
from schemas.streams import RETRACTION, STREAMS
from services.ingest.answer import Answer, ProblemDetails
from services.ingest.pipeline import EVENT_TYPES, RECORD_TYPES
from services.ingest.settings import RECORDS_A_REQUEST

_PARTS = "#/components/schemas/"
_PROBLEM = "application/problem+json"
_JSON = "application/json"

Json = dict[str, Any]

_CODES = {
    "400": ("not_gzip", "请求体不是完整的 gzip 数据 · the body is not whole gzip data"),
    "401": ("unknown_key", "缺少密钥或密钥无效 · no key or an unknown one"),
    "403": ("forbidden_stream", "本密钥不能上报该数据流 · this key may not push this stream"),
    "404": ("unknown_stream", "没有这个数据流 · no such stream"),
    "408": ("too_slow", "请求体发送过慢 · the body came too slowly"),
    "413": ("body_too_large", "请求体过大，请分批发送 · too large: send it in parts"),
    "415": ("unsupported_media_type", "Content-Type 不支持 · Content-Type is not supported"),
    "422": ("invalid_parameter", "参数不合要求 · a parameter is wrong"),
    "429": ("too_many", "上报过于频繁 · too many pushes: wait"),
    "503": ("unavailable", "暂时不能接收数据，请稍后原样重发 · send the same again later"),
}
_OF_PATH = {
    ("/v1/receipts/{id}", "404"): (
        "unknown_receipt",
        "本单位没有这个回执 · this agency has no such receipt",
    ),
    ("/v1/receipts/{id}/marked", "404"): (
        "no_marked_copy",
        "没有这个副本 · there is no such copy",
    ),
    ("/readyz", "503"): ("not_ready", "暂时不能接收数据 · cannot accept records"),
}
_WAITING = {"429", "503"}
_RETRY_AFTER = {
    "description": "等待的秒数 · seconds to wait",
    "schema": {"type": "integer", "minimum": 0},
}


def complete(app: FastAPI) -> None:
    """Have the application show the whole document at `/openapi.json`."""
    made_by_fastapi = app.openapi

    def whole() -> Json:
        if app.openapi_schema is None:
            _complete(made_by_fastapi())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _complete(document: Json) -> None:
    parts: Json = document["components"]["schemas"]
    parts.update(_contracts())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _say_streams(operation)
            _say_errors(path, operation, parts)
            if "requestBody" in operation:
                _say_links(operation, document["paths"])
                _say_body(operation["requestBody"]["content"], events=path == "/v1/events")
    parts.pop("HTTPValidationError", None)
    parts.pop("ValidationError", None)


def _say_streams(operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        if (parameter["in"], parameter["name"]) == ("path", "stream"):
            parameter["schema"]["enum"] = list(STREAMS)
            operation["responses"].setdefault("404", {"description": "没有该数据流 · no such stream"})


def _say_errors(path: str, operation: Json, parts: Json) -> None:
    """Errors are RFC 9457 problems; a push that is refused record by record is an answer all the same."""
    for status, response in operation["responses"].items():
        content = response.setdefault("content", {})
        answered = content.get(_JSON, {}).get("schema", {}).get("$ref") == f"{_PARTS}Answer"
        if answered:
            content[_JSON]["example"] = _answer(status)
        if status >= "400":
            if not answered:
                content.pop(_JSON, None)
            content[_PROBLEM] = {
                "schema": {"$ref": f"{_PARTS}ProblemDetails"},
                "example": _problem(status, path),
            }
        if status in _WAITING and "requestBody" in operation:
            response["headers"] = {"Retry-After": _RETRY_AFTER}
    parts.setdefault("ProblemDetails", ProblemDetails.model_json_schema())


def _say_links(operation: Json, paths: Json) -> None:
    """The receipt of an answer leads to what became of the push, and to the marked copy of its file."""
    for status, response in operation["responses"].items():
        if status < "400":  # which may be a problem as well, without a receipt
            response["links"] = {
                name: {
                    "operationId": paths[path]["get"]["operationId"],
                    "parameters": {"id": "$response.body#/receipt"},
                    "description": description,
                }
                for name, path, description in (
                    ("receipt", "/v1/receipts/{id}", "回执 · the receipt"),
                    (
                        "marked",
                        "/v1/receipts/{id}/marked",
                        "标出错误的副本 · the file with its errors marked",
                    ),
                )
            }


def _say_body(content: Json, *, events: bool) -> None:
    one = [_ref(_event_name(name)) for name in STREAMS] + [_ref("EventWithdrawal")]
    if not events:
        one = [_ref(_record_name(name)) for name in STREAMS] + [_ref("Withdrawal")]
    many = {"type": "array", "maxItems": RECORDS_A_REQUEST, "items": {"anyOf": one}}
    shown = dict(_events() if events else _records())
    for kind in EVENT_TYPES if events else RECORD_TYPES:
        if kind.endswith("json") and "ndjson" not in kind:
            content[kind]["schema"] = {"anyOf": [*one, many]}
            content[kind]["examples"] = {name: {"value": value} for name, value in shown.items()}


def _contracts() -> Json:
    """Every stream's contract as data of an event and as a plain record, by the names of the parts."""
    attributes = event_schema()["properties"]
    envelope = {name: attributes[name] for name in attributes if name not in ("op", "retracts", "reason")}
    plain = {
        "time": {
            "type": "string",
            "description": "情况从何时起如此，ISO 8601；不写时区按县的时区 · since when it is so",
        },
        "id": {
            "type": ["string", "null"],
            "minLength": 1,
            "description": "本单位的记录编号，空为由内容得出 · your id of the record; null: from its content",
        },
    }
    parts: Json = {}
    for name, stream in STREAMS.items():
        schema = stream_schema(stream)
        del schema["$schema"], schema["$id"]
        parts |= _hoisted(_data_name(name), schema, {})
        parts |= _hoisted(_record_name(name), schema, plain)
        parts[_event_name(name)] = {
            "type": "object",
            "properties": {**envelope, "type": {"const": stream.topic}, "data": _ref(_data_name(name))},
            "required": ["specversion", "id", "source", "type", "time", "data"],
        }
    way = {name: attributes[name] for name in ("op", "retracts", "reason")}
    parts["Withdrawal"] = {
        "type": "object",
        "description": "撤回：编号 retracts，或照原样重写的记录 · withdraws `retracts` or what is repeated",
        "properties": {**plain, **way},
        "required": ["op", "reason", "time"],
    }
    types = [stream.topic for stream in STREAMS.values() if stream is not RETRACTION]
    parts["EventWithdrawal"] = {
        "type": "object",
        "properties": {**envelope, **way, "type": {"enum": types}},
        "required": ["specversion", "id", "source", "type", "time", "op", "reason"],
    }
    return parts


def _hoisted(name: str, schema: Json, more: Json) -> Iterator[tuple[str, Json]]:
    """Yield a schema and those it defines, by name, each object of the contract with `more` properties."""
    top = {key: value for key, value in schema.items() if key != "$defs"}
    for inner, part in (
        (name, top),
        *((f"{name}.{key}", value) for key, value in schema.get("$defs", {}).items()),
    ):
        moved = _moved(part, f"{name}.")
        if "properties" in moved and more:
            moved["properties"] |= more
            moved["required"] = [*moved.get("required", ()), "time"]
        yield inner, moved


def _moved(value: Any, prefix: str) -> Any:
    """Return a schema whose references lead to the parts of the document."""
    if isinstance(value, dict):
        return {key: _moved(one, prefix) for key, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, prefix) for one in value]
    if isinstance(value, str) and value.startswith("#/$defs/"):
        return f"{_PARTS}{prefix}{value.removeprefix('#/$defs/')}"
    return value


def _ref(name: str) -> Json:
    return {"$ref": _PARTS + name}


def _words(stream: str) -> str:
    return "".join(word.capitalize() for word in stream.split("-"))


def _data_name(stream: str) -> str:
    return f"{_words(stream)}Data"


def _record_name(stream: str) -> str:
    return f"{_words(stream)}Record"


def _event_name(stream: str) -> str:
    return f"{_words(stream)}Event"


def _events() -> Iterator[tuple[str, Any]]:
    """One example of each stream, and of a batch."""
    first: dict[str, Json] = {}
    for event in examples.events():
        first.setdefault(event["type"], event)
    for name, stream in STREAMS.items():
        yield name, first[stream.topic]
    yield "batch", list(first.values())


def _records() -> Iterator[tuple[str, Any]]:
    """The same examples as plain records; an array is of one stream."""
    of: defaultdict[str, list[Json]] = defaultdict(list)
    for event in examples.events():
        of[event["type"]].append({"id": event["id"], "time": event["time"], **event.get("data", {})})
    for name, stream in STREAMS.items():
        yield name, of[stream.topic][0]
        yield f"{name}-many", of[stream.topic][:3]


def _answer(status: str) -> Json:
    refused = {
        "index": 0,
        "row": None,
        "column": None,
        "id": "",
        "code": "invalid_field",
        "field": "face_value",
        "message": "应为数字 · must be a number",
    }
    accepted, errors = {"200": (2, []), "207": (1, [refused]), "400": (0, [refused])}[status]
    return Answer.model_validate(
        {
            "receipt": "6a1f6cb2b9c04f1f8c6b6f0f2a0f7d11",
            "received": accepted + len(errors),
            "accepted": accepted,
            "duplicate": 0,
            "rejected": len(errors),
            "errors": errors,
        }
    ).model_dump(mode="json")


def _problem(status: str, path: str) -> Json:
    title = HTTPStatus(int(status)).phrase
    code, detail = _OF_PATH.get((path, status)) or _CODES[status]
    return ProblemDetails(title=title, status=int(status), detail=detail, code=code).model_dump(mode="json")
