"""Routes of signing in and out, and of who asks; the page to sign in."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

from schemas.declaration import Text
from schemas.fields import Contract
from services.platform.access.access import Access
from services.platform.access.audit import Audit
from services.platform.access.gate import SIGN_IN, Doors, inside, require
from services.platform.access.identity import Identity, Role
from services.platform.access.passwords import WeakPassword
from services.platform.access.sign_in import SignIn, TooManyAttempts, WrongPassword
from services.platform.problems import not_found, problem

DOORS = Doors(
    open=frozenset({SIGN_IN, "/public", "/healthz", "/readyz"}),
    open_below=("/static/", "/v1/public/"),
    own=frozenset({"/v1/session", "/v1/me/password"}),
)
_BYTES = 4_000

Signed = Annotated[Identity, Depends(require("viewer"))]
B = TypeVar("B", bound=BaseModel)


class Place(Contract):
    """What the page to sign in says: whose board it is, and whether the records are made up."""

    county: Text
    time_zone: str
    synthetic: bool


class Me(Contract):
    """Who asks, and how that is known."""

    name: str
    role: Role
    sign_in: Literal["none", "password", "proxy", "token"]


class Credentials(Contract):
    """What somebody signs in with; `next`: the address on the board to go to then."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1_000)]
    next: Annotated[str, Field(max_length=2_000)] = "/"


class Next(Contract):
    """Where to go now."""

    next: str


class NewPassword(Contract):
    """The password so far, and the one to come."""

    old: Annotated[str, Field(max_length=1_000)]
    new: Annotated[str, Field(max_length=1_000)]


def routes(access: Access, audit: Audit, place: Place, page: Path) -> APIRouter:
    """The routes; `page` is the file of the page to sign in."""
    router = APIRouter()
    by_password = access.settings.sign_in == "password"
    sign_in = SignIn(access, audit)

    def keep(response: Response, cookie: str) -> Response:
        response.set_cookie(
            access.cookie,
            cookie,
            max_age=int(access.sessions.length.total_seconds()),
            secure=access.settings.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    @router.get(SIGN_IN, include_in_schema=False)
    def sign_in_page(request: Request, next: str = "/") -> Response:
        if not by_password or request.state.identity:
            return RedirectResponse(inside(next), 303)
        return FileResponse(page)

    @router.get("/v1/session")
    def where() -> Place:
        """Whose board this is."""
        return place

    @router.post("/v1/session", response_model=Next)
    async def begin(request: Request) -> Response:
        """Sign in: `{"name", "password", "next"}`; the session is in a cookie."""
        if not by_password:
            raise not_found("这里不用密码登录 · nobody signs in with a password here")
        given = await _read(request, Credentials)
        remote, before = access.client(request), request.state.identity
        try:
            cookie = await sign_in.begin(given.name, given.password, remote, before)
        except WrongPassword as error:
            return problem(401, "登录失败 · not signed in", str(error), {"WWW-Authenticate": "Session"})
        except TooManyAttempts as error:
            return _too_many(error)
        return keep(JSONResponse({"next": inside(given.next)}), cookie)

    @router.delete("/v1/session", status_code=204)
    async def end(request: Request) -> Response:
        """Sign out."""
        who: Identity | None = request.state.identity
        if who and who.session:
            await sign_in.end(who, access.client(request))
        response = Response(status_code=204)
        response.delete_cookie(access.cookie, secure=access.settings.secure, httponly=True, samesite="lax")
        return response

    @router.get("/v1/me")
    def me(who: Signed) -> Me:
        """Who asks."""
        return Me(name=who.name, role=who.role, sign_in=who.by)

    @router.put("/v1/me/password", status_code=204)
    async def change_password(request: Request, who: Signed) -> Response:
        """Change the password of who asks: `{"old", "new"}`; all other sessions end."""
        if who.by != "password":
            raise not_found("没有可改的密码 · there is no password to change")
        given = await _read(request, NewPassword)
        try:
            cookie = await sign_in.change_password(who, given.old, given.new, access.client(request))
        except WrongPassword:
            return problem(403, "密码未改 · not changed", "原密码不对 · the password so far is wrong")
        except WeakPassword as error:
            return problem(422, "密码未改 · not changed", str(error))
        except TooManyAttempts as error:
            return _too_many(error)
        return keep(Response(status_code=204), cookie)

    return router


async def _read(request: Request, kind: type[B]) -> B:
    """The body of a request, in words that tell nothing of it where it is wrong; it may be anybody's."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BYTES:
            raise HTTPException(413, f"内容太长 · more than {_BYTES} bytes")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({".".join(map(str, one["loc"])) or "-" for one in error.errors()})
        raise HTTPException(422, f"{', '.join(fields)}: 有误 · wrong or missing") from None


def _too_many(error: TooManyAttempts) -> JSONResponse:
    headers = {"Retry-After": str(int(error.seconds) + 1)}
    return problem(429, "请稍后再试 · try again later", str(error), headers)
