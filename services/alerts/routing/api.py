"""Subscribers, silences and acknowledgements over HTTP.

    GET    /v1/alerts/subscribers            all, without what is secret of their addresses
    PUT    /v1/alerts/subscribers/{id}       one, new or changed: as `Subscriber`, without `id`
    DELETE /v1/alerts/subscribers/{id}       unsubscribe
    GET    /v1/alerts/silences               those that hold, are to come, or ended of late
    POST   /v1/alerts/silences               as `Silence`, without `id`
    DELETE /v1/alerts/silences/{id}          let it end now
    PUT    /v1/alerts/{id}/acknowledgement   {"author": …, "note": …}
    DELETE /v1/alerts/{id}/acknowledgement   {"author": …}: take it back

All but reading the silences are for operators; the author is who has signed in, or whom a machine names that
sends the operators' token. No answer holds what was sent: an address may be a secret.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field, ValidationError

from schemas.fields import Contract
from services.alerts.channels import AddressError, Channel
from services.alerts.routing.names import UnknownName, known
from services.alerts.routing.orders import Author, Silence
from services.alerts.routing.store import ReservedId, Store, UnknownOrder
from services.alerts.routing.subscriber import Subscriber
from services.alerts.routing.views import SubscriberView, checked, shown
from services.platform.access.gate import require
from services.platform.access.identity import Identity
from services.platform.errors import MinmaiError
from services.platform.plan import Plan
from services.platform.problems import problem

Operator = Annotated[Identity, Depends(require("operator"))]
Said = Annotated[dict[str, Any], Body()]


_WRONG = (422, "内容有误 · wrong content")
_PROBLEMS: Mapping[type[MinmaiError], tuple[int, str]] = {
    UnknownOrder: (404, "没有 · not found"),
    ReservedId: (409, "冲突 · conflict"),
    AddressError: _WRONG,
    UnknownName: _WRONG,
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
    """Tells errors of its own as problems, without what was sent; the others are the site's."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except ValidationError as error:
                return problem(*_WRONG, _mistakes(error))
            except tuple(_PROBLEMS) as error:
                return problem(*_PROBLEMS[type(error)], str(error))

        return told


def routes(
    store: Store, channels: Mapping[str, Channel], built_in: list[Subscriber], plan: Plan
) -> APIRouter:
    """All routes. Every handler blocks, so each runs in a thread."""
    router = APIRouter(route_class=_Route)
    router.include_router(orders(store, plan))

    @router.get("/v1/alerts/subscribers")
    def subscribers(_who: Operator) -> SubscriberList:
        everybody = (*built_in, *store.subscribers())
        return SubscriberList(subscribers=[shown(one, channels) for one in everybody])

    @router.put("/v1/alerts/subscribers/{id}")
    def subscribe(id: str, said: Said, who: Operator) -> SubscriberView:
        one = Subscriber.model_validate({**said, "id": id})
        checked(one, channels)
        known(one.model_dump(), plan)
        return shown(store.subscribe(one, who.name), channels)

    @router.delete("/v1/alerts/subscribers/{id}", status_code=204)
    def unsubscribe(id: str, who: Operator) -> None:
        store.unsubscribe(id, who.name)

    return router


def orders(store: Store, plan: Plan) -> APIRouter:
    """The routes of silences and acknowledgements, which the board has too."""
    router = APIRouter(route_class=_Route)

    @router.get("/v1/alerts/silences")
    def silences() -> SilenceList:
        return SilenceList(silences=store.silences())

    @router.post("/v1/alerts/silences", status_code=201)
    def silence(said: Said, who: Operator) -> Silence:
        one = Silence.model_validate({**_authored(said, who), "id": uuid4()})
        known(one.model_dump(), plan)
        store.silence(one, one.author)
        return one

    @router.delete("/v1/alerts/silences/{id}")
    def end_silence(id: UUID, who: Operator) -> Silence:
        return store.end_silence(id, who.name)

    @router.put("/v1/alerts/{id}/acknowledgement", status_code=204)
    def acknowledge(id: UUID, said: Said, who: Operator) -> None:
        taken = Acknowledging.model_validate(_authored(said, who))
        store.acknowledge(id, taken.author, taken.note)

    @router.delete("/v1/alerts/{id}/acknowledgement", status_code=204)
    def take_back(id: UUID, said: Said, who: Operator) -> None:
        store.take_back(id, Acknowledging.model_validate(_authored(said, who)).author)

    return router


def _authored(said: Mapping[str, Any], who: Identity) -> dict[str, Any]:
    """What is said, by who has signed in: nobody speaks in another's name."""
    return dict(said) if who.by == "token" else {**said, "author": who.name}


def _mistakes(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors())
