"""The alerts service's HTTP side, and its life from start to SIGTERM."""

import asyncio
import socket
from datetime import date
from uuid import UUID

import uvicorn
from clickhouse_driver.errors import ServerException
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from schemas.alert import FEED_STOPPED, FEED_STOPPED_NAME, AlertState
from schemas.declaration import Text
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.ledger import NoticeView
from services.alerts.log import FeedAlert
from services.alerts.pipeline import Alerts
from services.alerts.settings import AlertsSettings
from services.alerts.watch import Standing
from services.platform.errors import Unavailable
from services.platform.metrics import CONTENT_TYPE
from services.platform.web import Server, listen

_STOP_SECONDS = 3


class StandingView(Contract):
    """Where one rule stands in one division, by the newest figure, with the notices of its newest alert.

    `ok` has never fired. `alert_id` and `changed_at` are those of the newest change, None before the first.
    """

    rule: str
    name: Text
    indicator: str
    division: str
    division_name: str
    severity: str
    state: AlertState
    reason: str
    value: float | None
    threshold: str
    clear_level: str
    as_of: date | None
    figure_version: int | None
    alert_id: UUID | None
    changed_at: UtcDatetime | None
    notices: list[NoticeView]


class StandingList(Contract):
    """All standings, by rule and division in the plan's order; then the feeds that were ever stopped."""

    alerts: list[StandingView]


def create_app(alerts: Alerts) -> FastAPI:
    """The ASGI application; the work itself is run beside it, see `serve`."""
    app = FastAPI(title="minmai alerts", docs_url=None, redoc_url=None)  # its pages load scripts from a CDN

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", response_model=None)
    def readyz() -> JSONResponse | dict[str, str]:
        try:
            alerts.check()
        except (Unavailable, ServerException) as error:
            return _problem("尚未就绪 · not ready", str(error).splitlines()[0])
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(alerts.metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/v1/alerts", response_model=StandingList)
    def standings() -> StandingList | JSONResponse:
        found = alerts.watch.standings
        try:
            feeds = alerts.log.feed_alerts()
            ids = [*(one.last.alert_id for one in found if one.last), *(one.alert_id for one in feeds)]
            notices = alerts.ledger.notices(ids)
        except Unavailable as error:
            return _problem("暂时不可用 · unavailable for now", str(error))
        place = alerts.plan.county.name.zh
        return StandingList(
            alerts=[
                *(_view(one, notices) for one in found),
                *(_feed_view(one, place, notices) for one in feeds),
            ]
        )

    return app


def serve(settings: AlertsSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises PlanError for a wrong plan folder, StartError if the port cannot be listened on, and whatever
    unforeseen error ends the work.
    """
    alerts = Alerts(settings)
    listening = listen(settings.host, settings.alerts_port, "alerts")
    config = uvicorn.Config(
        create_app(alerts), log_config=None, access_log=False, timeout_graceful_shutdown=_STOP_SECONDS
    )
    asyncio.run(_run(alerts, Server(config), listening))


async def _run(alerts: Alerts, server: Server, listening: socket.socket) -> None:
    work = asyncio.create_task(alerts.run(), name="alerts")
    work.add_done_callback(lambda _task: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[listening])
    finally:
        by_itself = work.done()
        work.cancel()
        await asyncio.wait({work})
    if by_itself or not work.cancelled():
        await work  # raises what ended it


def _view(standing: Standing, notices: list[NoticeView]) -> StandingView:
    rule, figure, last, reason = standing.rule, standing.figure, standing.last, standing.reason
    return StandingView(
        rule=rule.id,
        name=rule.name,
        indicator=rule.indicator,
        division=standing.division.code,
        division_name=standing.division.name,
        severity=rule.severity,
        state=last.state if last else "ok",
        reason=f"{reason.zh} · {reason.en}" if reason else "尚未评估 · not evaluated yet",
        value=figure.value if figure else None,
        threshold=f"{standing.limit.threshold:f}",
        clear_level=f"{standing.limit.clear_level:f}",
        as_of=figure.as_of if figure else None,
        figure_version=figure.version if figure else None,
        alert_id=last.alert_id if last else None,
        changed_at=last.changed_at if last else None,
        notices=[one for one in notices if last is not None and last.alert_id in one.alert_ids],
    )


def _feed_view(feed: FeedAlert, place: str, notices: list[NoticeView]) -> StandingView:
    limit = f"{feed.threshold:f}"
    return StandingView(
        **feed.model_dump(exclude={"threshold"}),
        rule=FEED_STOPPED,
        name=FEED_STOPPED_NAME,
        division_name=place,
        threshold=limit,
        clear_level=limit,
        notices=[one for one in notices if feed.alert_id in one.alert_ids],
    )


def _problem(title: str, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": 503, "detail": detail}
    return JSONResponse(body, 503, {"Retry-After": "5"}, media_type="application/problem+json")
