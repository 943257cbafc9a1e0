"""Errors of the API as RFC 9457 problem details."""

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from services.platform.errors import Unavailable


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem answer; `title` names the kind of problem, `detail` what is wrong this time."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def not_found(detail: str) -> HTTPException:
    """The error to raise for something that does not exist."""
    return HTTPException(404, detail)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem answer."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        title = "没有找到 · not found" if error.status_code == 404 else "请求被拒绝 · refused"
        return problem(error.status_code, title, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        detail = "; ".join(f"{mistake['loc'][-1]}: {mistake['msg']}" for mistake in error.errors())
        return problem(422, "参数有误 · invalid parameter", detail)

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> JSONResponse:
        return problem(503, "暂时不可用 · unavailable for now", str(error), {"Retry-After": "5"})
