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
        token, form = request.path_params["token"], await _form(request)
        try:
            await run_in_threadpool(self._desk.wish, token, read_form(form))
        except BadWish as error:
            mine = await run_in_threadpool(self._desk.mine, token)
            return self._mine(token, mine, trouble=str(error), status=422)
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
        token, form = request.path_params["token"], await _form(request)
        try:
            said = model.model_validate({name: values[0] for name, values in form.items()})
        except ValueError:
            error = BadWish("请填写全部必填项 · fill in what is needed")
            mine = await run_in_threadpool(self._desk.mine, token)
            return self._mine(token, mine, trouble=str(error), status=422)
        try:
            await run_in_threadpool(work, token, said)
        except NotYours as error:
            mine = await run_in_threadpool(self._desk.mine, token)
            return self._mine(token, mine, trouble=str(error), status=409)
        except FORESEEN as error:
            return self._trouble(error)
        return _back(token, done)

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
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_BYTES:
            return {}
    return parse_qs(body.decode(errors="replace"))


def _back(token: str, done: str) -> Response:
    return RedirectResponse(f"/my/{token}?done={done}", 303)
