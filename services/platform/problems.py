"""Errors of the API as RFC 9457 problem details."""

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from services.platform.access.identity import Denied
from services.platform.errors import Unavailable

_TITLES = {
    403: "不允许 · not allowed",
    404: "没有找到 · not found",
    413: "太长 · too long",
    422: "参数有误 · invalid parameter",
}
_CHINESE = {
    "missing": "缺少此参数",
    "int_parsing": "不是整数",
    "date_from_datetime_parsing": "不是日期（应如 2024-05-31）",
    "date_parsing": "不是日期（应如 2024-05-31）",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "literal_error": "不在可选值之内",
    "string_too_long": "太长",
}


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem answer; `title` names the kind of problem, `detail` what is wrong this time."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def not_found(detail: str) -> HTTPException:
    """The error to raise for something that does not exist."""
    return HTTPException(404, detail)


def invalid(parameter: str, zh: str, en: str) -> HTTPException:
    """The error to raise for a parameter that cannot be used."""
    return HTTPException(422, f"{parameter}: {zh} · {en}")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem answer."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        title = _TITLES.get(error.status_code, "请求被拒绝 · refused")
        return problem(error.status_code, title, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        detail = "; ".join(
            f"{mistake['loc'][-1]}: {_CHINESE.get(mistake['type'], '无法使用')} · {mistake['msg']}"
            for mistake in error.errors()
        )
        return problem(422, _TITLES[422], detail)

    @app.exception_handler(Denied)
    async def denied(_request: Request, error: Denied) -> JSONResponse:
        return problem(403, _TITLES[403], str(error))

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> JSONResponse:
        return problem(503, "暂时不可用 · unavailable for now", str(error), {"Retry-After": "5"})
