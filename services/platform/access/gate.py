"""The gate of a service: nobody comes further than a role allows, and each change is logged.

What is not named as open is closed, what changes something is for operators, and a route may ask for more
with `require`. So a new route is closed by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.access.access import Access
from services.platform.access.audit import Audit, Entry, Outcome
from services.platform.access.identity import ROLE_NAMES, Denied, Identity, Role

SIGN_IN = "/sign-in"
METRICS = "/metrics"
_SAFE = ("GET", "HEAD", "OPTIONS")
_CHECK_SECONDS = 1.0
"""How often an answer that goes on and on asks whether its session still holds."""
_TITLES = {
    401: "请先登录 · sign in first",
    403: "不允许 · not allowed",
    421: "只在本机 · this machine only",
}


@dataclass(frozen=True)
class Doors:
    """What of a service needs no sign-in: exact paths, and beginnings of paths.

    At `own` a page of ours, and no other, may change something whoever is signed in or not. `hint` is added
    to what somebody is told who may not come in.
    """

    open: frozenset[str]
    open_below: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    hint: str = ""

    def are_open(self, path: str) -> bool:
        """Whether anybody may come in there."""
        return path in self.open or path.startswith(self.open_below)


class Gate:
    """ASGI middleware. Plain, because Starlette's base class would hold a stream back."""

    def __init__(self, app: ASGIApp, access: Access, doors: Doors, audit: Audit) -> None:
        self._app = app
        self._access = access
        self._doors = doors
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._let_in(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, path = HTTPConnection(scope), scope["path"]
        who: Identity | None = None
        refusal: Response | None = None
        closed = not self._doors.are_open(path)
        try:
            who = self._access.identify(request)
        except Denied as error:
            refusal = problem(403, str(error)) if closed else None
        scope.setdefault("state", {})["identity"] = who
        if closed:
            refusal = refusal or self._misled(request) or self._refusal(request, who)
            if who and who.by in ("password", "proxy"):
                send = _private(send)
            if who and scope["method"] not in _SAFE and path not in self._doors.own:
                send = self._audited(scope, send, who, self._access.client(request))
            if who and who.session:
                send = self._while_it_holds(send, who)
        await (refusal or self._app)(scope, receive, send)

    def _misled(self, request: HTTPConnection) -> Response | None:
        """Refuse what a stranger's page could have made a browser send."""
        if self._access.settings.sign_in == "none" and not self._access.is_called_ours(request):
            return problem(
                421,
                "没有登录时只能用本机的名字访问 · without sign-in this is reached by this machine's own name "
                f"only, as {self._access.settings.board_url}, or set MINMAI_SIGN_IN (docs/guides/sign-in.md)",
            )
        return None

    def _refusal(self, request: HTTPConnection, who: Identity | None) -> Response | None:
        path, changes = request.scope["path"], request.scope["method"] not in _SAFE
        if path == METRICS and self._access.may_watch(request):
            return None
        if changes and not self._is_sent_by_us(request, who):
            return problem(403, "请求不是从本站页面发出的 · this was not sent by a page of ours")
        if path in self._doors.own:
            return None
        if who is None:
            return self._ask_to_sign_in(request)
        if changes and not who.may("operator"):
            return problem(403, _needs("operator") + self._doors.hint)
        return None

    def _is_sent_by_us(self, request: HTTPConnection, who: Identity | None) -> bool:
        own = self._access.is_own(request)
        if own is None:  # no page sends it: a browser would have said so
            return who is not None and who.by in ("none", "token")
        return own

    def _ask_to_sign_in(self, request: HTTPConnection) -> Response:
        looks = request.scope["method"] in _SAFE and "text/html" in request.headers.get("accept", "")
        if looks and self._access.settings.sign_in == "password" and SIGN_IN in self._doors.open:
            query = request.scope["query_string"].decode("latin-1")
            wanted = request.scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='')}", 303)
        board = self._access.settings.board_url.rstrip("/")
        if self._access.settings.sign_in == "proxy":
            return problem(
                401,
                f"请从统一认证的地址打开 · open it where the proxy signs people in: {board}; this request "
                "named nobody, or came from an address that MINMAI_TRUSTED_PROXIES does not have"
                + self._doors.hint,
            )
        return problem(
            401, f"请先在看板登录 · sign in first, on the board: {board}{SIGN_IN}{self._doors.hint}"
        )

    def _audited(self, scope: Scope, send: Send, who: Identity, remote: str) -> Send:
        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                action = f"{scope['method']} {getattr(scope.get('route'), 'path', '')}".strip()
                outcome = _outcome(message["status"])
                self._audit.tell(
                    Entry(action, outcome, who.name, who.role, who.by, remote=remote, target=scope["path"])
                )
            await send(message)

        return send_and_tell

    def _while_it_holds(self, send: Send, who: Identity) -> Send:
        """End an answer that goes on, such as the stream of changes, when its session does."""
        checked = monotonic()
        over = False

        async def send_if_it_holds(message: Message) -> None:
            nonlocal checked, over
            if over:
                return
            if message.get("more_body") and monotonic() - checked >= _CHECK_SECONDS:
                checked = monotonic()
                over = who.session is None or self._access.sessions.user(who.session) is None
            await send({"type": "http.response.body", "body": b""} if over else message)

        return send_if_it_holds


def require(role: Role) -> Callable[[Request], Identity]:
    """Return a dependency of routes that are for a role: it gives who asks, and raises Denied for others."""

    def allowed(request: Request) -> Identity:
        who: Identity | None = request.state.identity
        if who is None or not who.may(role):
            raise Denied(_needs(role))
        return who

    return allowed


def problem(status: int, detail: str) -> JSONResponse:
    """Return a problem (RFC 9457) of access."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    headers = {"WWW-Authenticate": "Session"} if status == 401 else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def inside(address: str) -> str:
    """Return where to go after signing in: the address asked for if it is one of ours, else the board.

    Browsers take a backslash for a slash and leave control characters out, and `//host` is another site.
    """
    plain = address.isprintable() and "\\" not in address
    ours = plain and address.startswith("/") and not address.startswith(("//", SIGN_IN))
    return address if ours else "/"


def _private(send: Send) -> Send:
    async def send_private(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return send_private


def _needs(role: Role) -> str:
    return f"需要“{ROLE_NAMES[role]}”角色 · this takes the role {role}"


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "done"
    return "failed" if status >= 500 else "refused"
