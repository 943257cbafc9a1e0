"""Subscribers, silences and acknowledgements over HTTP.

    GET    /v1/alerts/subscribers            all, without what is secret of their addresses
    PUT    /v1/alerts/subscribers/{id}       one, new or changed: as `Subscriber`, without `id`
    DELETE /v1/alerts/subscribers/{id}       unsubscribe
    GET    /v1/alerts/silences               those that hold, are to come, or ended of late
    POST   /v1/alerts/silences               as `Silence`, without `id`
    DELETE /v1/alerts/silences/{id}          let it end now
    PUT    /v1/alerts/{id}/acknowledgement   {"author": …, "note": …}
    DELETE /v1/alerts/{id}/acknowledgement   {"author": …}: take it back

All but reading the silences need `Authorization: Bearer <MINMAI_ALERTS_OPERATOR_TOKEN>`; while that is not
set they are refused. No answer holds what was sent: an address may be a secret.
"""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import Field, SecretStr, ValidationError

from schemas.fields import Contract
from services.alerts.channels import AddressError, Channel
from services.alerts.routing.orders import Author, Silence
from services.alerts.routing.store import ReservedId, Store, UnknownOrder
from services.alerts.routing.subscriber import Subscriber
from services.alerts.routing.views import SubscriberView, checked, shown
from services.platform.errors import MinmaiError, Unavailable

_BY = "api"

Said = Annotated[dict[str, Any], Body()]


class Forbidden(MinmaiError):
    """Whoever asks may not."""


_STATUS: Mapping[type[MinmaiError], int] = {
    Forbidden: 403,
    UnknownOrder: 404,
    ReservedId: 409,
    AddressError: 422,
    Unavailable: 503,
}


class SubscriberList(Contract):
    """All subscribers, those that the settings make first."""

    subscribers: list[SubscriberView]


class SilenceList(Contract):
    """Silences, the first that begins first."""

    silences: list[Silence]


class Acknowledging(Contract):
    """Who takes an alert on, and what is being done."""

    author: Author
    note: Annotated[str, Field(max_length=1_000)] = ""


class _Route(APIRoute):
    """Tells errors as problems, without what was sent."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except ValidationError as error:
                return _problem(422, _mistakes(error))
            except tuple(_STATUS) as error:
                return _problem(_STATUS[type(error)], str(error))

        return told


def routes(
    store: Store, channels: Mapping[str, Channel], built_in: list[Subscriber], token: SecretStr
) -> APIRouter:
    """The routes. Every handler blocks, so each runs in a thread."""
    router = APIRouter(route_class=_Route)

    def operator(request: Request) -> None:
        _allow(token.get_secret_value(), request.headers.get("Authorization", ""))

    only_operators = [Depends(operator)]

    @router.get("/v1/alerts/subscribers", dependencies=only_operators)
    def subscribers() -> SubscriberList:
        everybody = (*built_in, *store.subscribers())
        return SubscriberList(subscribers=[shown(one, channels) for one in everybody])

    @router.put("/v1/alerts/subscribers/{id}", dependencies=only_operators)
    def subscribe(id: str, said: Said) -> SubscriberView:
        one = Subscriber.model_validate({**said, "id": id})
        checked(one, channels)
        return shown(store.subscribe(one, _BY), channels)

    @router.delete("/v1/alerts/subscribers/{id}", status_code=204, dependencies=only_operators)
    def unsubscribe(id: str) -> None:
        store.unsubscribe(id, _BY)

    @router.get("/v1/alerts/silences")
    def silences() -> SilenceList:
        return SilenceList(silences=store.silences())

    @router.post("/v1/alerts/silences", status_code=201, dependencies=only_operators)
    def silence(said: Said) -> Silence:
        one = Silence.model_validate({**said, "id": uuid4()})
        store.silence(one, one.author)
        return one

    @router.delete("/v1/alerts/silences/{id}", dependencies=only_operators)
    def end_silence(id: UUID) -> Silence:
        return store.end_silence(id, _BY)

    @router.put("/v1/alerts/{id}/acknowledgement", status_code=204, dependencies=only_operators)
    def acknowledge(id: UUID, said: Said) -> None:
        who = Acknowledging.model_validate(said)
        store.acknowledge(id, who.author, who.note)

    @router.delete("/v1/alerts/{id}/acknowledgement", status_code=204, dependencies=only_operators)
    def take_back(id: UUID, said: Said) -> None:
        store.take_back(id, Acknowledging.model_validate(said).author)

    return router


def _allow(token: str, header: str) -> None:
    if not token:
        raise Forbidden(
            "未设置 MINMAI_ALERTS_OPERATOR_TOKEN，接口不接受更改；请用 `minmai alerts …` 命令 · "
            "MINMAI_ALERTS_OPERATOR_TOKEN is not set, so nothing is changed here; use `minmai alerts …`"
        )
    scheme, _space, given = header.partition(" ")
    same = hmac.compare_digest(sha256(given.strip().encode()).digest(), sha256(token.encode()).digest())
    if scheme.lower() != "bearer" or not same:
        raise Forbidden(
            "需要运维令牌 · this needs the operator's token, as "
            "Authorization: Bearer <MINMAI_ALERTS_OPERATOR_TOKEN>"
        )


def _mistakes(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors())


def _problem(status: int, detail: str) -> JSONResponse:
    titles = {
        403: "不允许 · not allowed",
        404: "没有 · not found",
        409: "冲突 · conflict",
        422: "内容有误 · wrong content",
        503: "暂时不可用 · unavailable for now",
    }
    body = {"type": "about:blank", "title": titles[status], "status": status, "detail": detail}
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")
