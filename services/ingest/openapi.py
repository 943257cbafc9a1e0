"""What the OpenAPI document says of the pushes, whose bodies FastAPI does not read itself."""

from typing import Annotated, Any

from fastapi import Depends, Query, Response
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from services.ingest.answer import Answer, ProblemDetails
from services.ingest.pipeline import EVENT_TYPES, RECORD_TYPES
from services.ingest.receipt_state import ReceiptState
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE

DryRun = Annotated[bool, Query(description="只检查，不写入 · only check, write nothing")]

_KEY = HTTPBearer(scheme_name="agency key", auto_error=False)  # documents it; the pipeline checks it
_OBJECT = {"type": "object"}
_ONE_OR_MORE = {"oneOf": [_OBJECT, {"type": "array", "items": _OBJECT, "maxItems": 2000}]}


def _response(model: type[BaseModel], text: str) -> dict[str, Any]:
    return {"model": model, "description": text}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _response(Answer, "全部接收 · all accepted"),
    207: _response(Answer, "部分接收 · some refused, see `errors`"),
    400: _response(Answer, "全部拒收 · all refused, or not gzip, or no such sheet"),
    401: _response(ProblemDetails, "密钥无效 · unknown key"),
    403: _response(ProblemDetails, "无权上报该数据流 · not this key's stream"),
    404: _response(ProblemDetails, "没有该数据流 · no such stream"),
    408: _response(ProblemDetails, "传送过慢 · the body came too slowly, send it again"),
    413: _response(
        ProblemDetails, "过大 · more than 10 MB or 2,000 records, of a sheet 50 MB or 100,000 rows"
    ),
    415: _response(ProblemDetails, "内容类型不支持 · media type, charset or compression not supported"),
    422: _response(ProblemDetails, "参数不合要求 · a parameter is wrong"),
    429: _response(ProblemDetails, "上报过多 · too much, send the same again after Retry-After seconds"),
    503: _response(ProblemDetails, "稍后重发 · send the same again after Retry-After seconds"),
}


_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "zh 或 en，不写则中英并列 · zh or en, both if left out",
    "schema": {"type": "string"},
}


def _push(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "responses": _RESPONSES,
        "dependencies": [Depends(_KEY)],
        "openapi_extra": {
            "requestBody": {"required": True, "content": content},
            "parameters": [_LANGUAGE],
        },
    }


EVENTS = _push({kind: {"schema": _ONE_OR_MORE} for kind in EVENT_TYPES})
RECORDS = _push(
    {
        kind: {"schema": _ONE_OR_MORE if kind == "application/json" else {"type": "string"}}
        for kind in RECORD_TYPES
    }
    | {XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}}}
)

RECEIPT: dict[str, Any] = {
    "responses": {
        200: _response(ReceiptState, "回执 · the receipt"),
        401: _RESPONSES[401],
        404: _response(ProblemDetails, "本单位没有这个回执 · this agency has no such receipt"),
        422: _RESPONSES[422],
        503: _response(ProblemDetails, "稍后再查 · ask again after Retry-After seconds"),
    },
    "dependencies": [Depends(_KEY)],
    "openapi_extra": {"parameters": [_LANGUAGE]},
}

MARKED: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "标出错误的副本 · a copy of the file with its errors marked",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}} for kind in (CSV_TYPE, XLSX_TYPE)
            },
        },
        401: _RESPONSES[401],
        404: _response(ProblemDetails, "没有这个副本 · there is no such copy (any more)"),
        422: _RESPONSES[422],
    },
    "dependencies": [Depends(_KEY)],
}
