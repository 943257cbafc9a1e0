"""A subscription as an API: the link's token comes as `Authorization: Bearer`."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from services.alerts.links import BadLink
from services.alerts.pages.desk import FORESEEN, STATUS, Desk, Hush, Mine, Taken
from services.alerts.pages.wishes import Wishes
from services.platform.errors import MinmaiError
from services.platform.problems import problem


def api(desk: Desk) -> APIRouter:
    """The routes below /v1/my."""
    router = APIRouter(prefix="/v1/my", tags=["my"])
    bearer = Annotated[str, Header(alias="Authorization", description="`Bearer` and the link's token")]

    async def done(work: Callable[..., Any], authorization: str, *given: Any) -> Any:
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise BadLink("Authorization: Bearer … 缺失 · is missing")
            found = await run_in_threadpool(work, token.strip(), *given)
        except FORESEEN as error:
            return _problem(error)
        return Response(status_code=204) if found is None else found

    @router.get("", response_model=Mine)
    async def mine(authorization: bearer = "") -> Any:
        """The subscription, what fires of it, and what was sent of late."""
        return await done(desk.mine, authorization)

    @router.put("", status_code=204, response_model=None)
    async def wish(wishes: Wishes, authorization: bearer = "") -> Any:
        """Change what is heard of, and when."""
        return await done(desk.wish, authorization, wishes)

    @router.delete("", status_code=204, response_model=None)
    async def leave(authorization: bearer = "") -> Any:
        """Unsubscribe."""
        return await done(desk.unsubscribe, authorization)

    @router.post("/acknowledgements", status_code=204, response_model=None)
    async def acknowledge(taken: Taken, authorization: bearer = "") -> Any:
        """Take an alert on: it is neither repeated nor escalated."""
        return await done(desk.acknowledge, authorization, taken)

    @router.post("/silences", status_code=204, response_model=None)
    async def silence(hush: Hush, authorization: bearer = "") -> Any:
        """Let nobody be told of an alert for some hours; it goes on as it is."""
        return await done(desk.silence, authorization, hush)

    return router


def _problem(error: MinmaiError) -> JSONResponse:
    status = STATUS[type(error)]
    headers = {"Retry-After": "5"} if status == 503 else None
    return problem(status, "未能完成 · not done", str(error), headers)
