"""A subscription as a page. A GET changes nothing: mail servers open links before people do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.alerts.pages.desk import FORESEEN, STATUS, Desk, Hush, Mine, NotYours, Taken
from services.alerts.pages.wishes import BadWish, read_form
from services.alerts.pages.words import WORDS
from services.alerts.routing.store import UnknownOrder
from services.platform.errors import MinmaiError
from services.platform.plan import Plan
from services.platform.web import SecureHeaders

A = TypeVar("A", Taken, Hush)

_HERE = Path(__file__).parent
_FORM_BYTES = 64_000
_READ_BYTES = 1_000_000
"""So much of a form that is too long is read, for a browser reads no answer before it has sent."""


class TooLong(MinmaiError):
    """A form that nobody fills in by hand."""


def routes(desk: Desk, plan: Plan) -> list[Route | Mount]:
    """The routes below /my/, and what the page loads."""
    pages = _Pages(desk, plan)
    made: list[Route | Mount] = []
    for method, path, endpoint in (
        ("GET", "", pages.mine),
        ("POST", "/wishes", pages.wish),
        ("POST", "/acknowledge", pages.acknowledge),
        ("POST", "/silence", pages.silence),
        ("GET", "/unsubscribe", pages.leaving),
        ("POST", "/unsubscribe", pages.leave),
    ):
        route = Route(f"/my/{{token}}{path}", endpoint, methods=[method])
        route.app = SecureHeaders(_Private(route.app), forms=True)
        made.append(route)
    return [*made, Mount("/my-static", SecureHeaders(StaticFiles(directory=_HERE / "static")))]


class _Private:
    """What a link opens is kept by nobody on the way, and shown inside no other page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (b"cache-control", b"no-store"),
                    (b"x-frame-options", b"DENY"),
                    (b"x-robots-tag", b"noindex"),
                ]
            await send(message)

        await self._app(scope, receive, marked)


class _Pages:
    """The HTML side."""

    def __init__(self, desk: Desk, plan: Plan) -> None:
        self._desk = desk
        self._plan = plan
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["local"] = lambda at: f"{at.astimezone(plan.zone):%Y-%m-%d %H:%M}"

    async def mine(self, request: Request) -> Response:
        token = request.path_params["token"]
        try:
            mine = await run_in_threadpool(self._desk.mine, token)
        except FORESEEN as error:
            return self._trouble(error)
        return self._mine(token, mine, done=request.query_params.get("done", ""))

    async def wish(self, request: Request) -> Response:
        token = request.path_params["token"]
        try:
            form = await _form(request)
            await run_in_threadpool(self._desk.wish, token, read_form(form))
        except (BadWish, TooLong) as error:
            return await self._again(token, error)
        except FORESEEN as error:
            return self._trouble(error)
        return _back(token, "saved")

    async def acknowledge(self, request: Request) -> Response:
        return await self._act(request, "acknowledged", Taken, self._desk.acknowledge)

    async def silence(self, request: Request) -> Response:
        return await self._act(request, "silenced", Hush, self._desk.silence)

    async def leaving(self, request: Request) -> Response:
        token = request.path_params["token"]
        try:
            one = await run_in_threadpool(self._desk.whose, token)
        except FORESEEN as error:
            return self._trouble(error)
        return self._page("leaving.html", token=token, name=one.name, gone=False)

    async def leave(self, request: Request) -> Response:
        token = request.path_params["token"]
        try:
            await run_in_threadpool(self._desk.unsubscribe, token)
        except UnknownOrder:
            pass  # it was done before: a mail server may send its POST twice
        except FORESEEN as error:
            return self._trouble(error)
        return self._page("leaving.html", token=token, name="", gone=True)

    async def _act(
        self, request: Request, done: str, model: type[A], work: Callable[[str, A], None]
    ) -> Response:
        token = request.path_params["token"]
        try:
            said = _read(model, await _form(request))
            await run_in_threadpool(work, token, said)
        except (BadWish, NotYours, TooLong) as error:
            return await self._again(token, error)
        except FORESEEN as error:
            return self._trouble(error)
        return _back(token, done)

    async def _again(self, token: str, error: MinmaiError) -> Response:
        """The page as it was, with what is wrong."""
        try:
            mine = await run_in_threadpool(self._desk.mine, token)
        except FORESEEN as trouble:
            return self._trouble(trouble)
        status = 413 if isinstance(error, TooLong) else STATUS[type(error)]
        return self._mine(token, mine, trouble=str(error), status=status)

    def _mine(
        self, token: str, mine: Mine, *, done: str = "", trouble: str = "", status: int = 200
    ) -> Response:
        return self._page(
            "mine.html",
            status,
            token=token,
            mine=mine,
            done=done if done in WORDS.done else "",
            trouble=trouble,
            places=self._plan.shown_divisions,
        )

    def _trouble(self, error: MinmaiError) -> Response:
        return self._page("trouble.html", STATUS[type(error)], told=str(error))

    def _page(self, template: str, status: int = 200, **given: Any) -> Response:
        county = self._plan.county
        html = self._templates.get_template(template).render(**given, words=WORDS, county=county)
        return HTMLResponse(html, status)


async def _form(request: Request) -> dict[str, list[str]]:
    """Raises TooLong."""
    body, length = b"", 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= _FORM_BYTES:
            body += chunk
        elif length > _READ_BYTES:
            break
    if length > _FORM_BYTES:
        raise TooLong(
            f"内容过长，最多 {_FORM_BYTES // 1000} KB，未保存；请缩短后重试 · "
            f"too long, at most {_FORM_BYTES // 1000} KB, nothing was kept: shorten it and try again"
        )
    return parse_qs(body.decode(errors="replace"))


def _read(model: type[A], form: dict[str, list[str]]) -> A:
    """Raises BadWish."""
    try:
        return model.model_validate({name: values[0] for name, values in form.items()})
    except ValueError as error:
        raise BadWish("请填写全部必填项 · fill in what is needed") from error


def _back(token: str, done: str) -> Response:
    return RedirectResponse(f"/my/{token}?done={done}", 303)
