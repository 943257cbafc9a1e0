"""The schema of a stream as an agency wants it: JSON Schema, or a template to fill in as CSV or XLSX."""

import json
from functools import cache
from typing import Any, Literal

from fastapi import FastAPI, Request, Response

from schemas.generate import stream_schema
from schemas.streams import STREAMS, Stream
from services.ingest.answer import ProblemDetails
from services.ingest.pipeline import known_stream
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE
from services.ingest.sheets.templates import csv_template, xlsx_template

SchemaFormat = Literal["json", "csv", "xlsx"]

_BY_TYPE: dict[str, SchemaFormat] = {
    "application/json": "json",
    "application/schema+json": "json",
    CSV_TYPE: "csv",
    XLSX_TYPE: "xlsx",
}
_TYPES: dict[SchemaFormat, str] = {
    "json": "application/json",
    "csv": f"{CSV_TYPE}; charset=utf-8",
    "xlsx": XLSX_TYPE,
}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON Schema，或可填写的模板 · JSON Schema, or a template to fill in",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            CSV_TYPE: {"schema": {"type": "string"}},
            XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    404: {"model": ProblemDetails, "description": "没有该数据流 · no such stream"},
    422: {"model": ProblemDetails, "description": "参数不合要求 · a parameter is wrong"},
}


def install(app: FastAPI) -> None:
    """Add `GET /v1/schemas/{stream}`."""

    @app.get("/v1/schemas/{stream}", response_class=Response, responses=_RESPONSES)
    def schema(request: Request, stream: str, format: SchemaFormat | None = None) -> Response:
        """The JSON Schema of a stream's records, or a template to fill in as a CSV or XLSX sheet.

        Pushed plainly a record also has `time` and perhaps `id`; so have the templates.
        """
        return schema_in(known_stream(stream), format, request.headers.get("accept", ""))


def schema_in(stream: Stream, wanted: SchemaFormat | None, accept: str) -> Response:
    """Return a stream's schema in the format that is named, else in the one that `Accept` likes best."""
    chosen = wanted or _liked_best(accept)
    headers = {"Vary": "Accept"}
    if chosen != "json":
        headers["Content-Disposition"] = f'attachment; filename="{stream.name}.{chosen}"'
    return Response(_content(stream.name, chosen), media_type=_TYPES[chosen], headers=headers)


@cache
def _content(stream: str, chosen: SchemaFormat) -> bytes:
    match chosen:
        case "csv":
            return csv_template(STREAMS[stream])
        case "xlsx":
            return xlsx_template(STREAMS[stream])
        case _:
            return json.dumps(stream_schema(STREAMS[stream]), ensure_ascii=False).encode()


def _liked_best(accept: str) -> SchemaFormat:
    """The format of the media type with the highest q; JSON where none is named."""
    best: SchemaFormat = "json"
    most = 0.0
    for part in accept.split(","):
        name, *parameters = (one.strip().lower() for one in part.split(";"))
        weights = (one.partition("=")[2] for one in parameters if one.startswith("q="))
        weight = _weight(next(weights, "1"))
        if name in _BY_TYPE and weight > most:
            best, most = _BY_TYPE[name], weight
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
