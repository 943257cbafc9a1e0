"""The alerts service's HTTP side, and its life from start to SIGTERM."""

import asyncio
import socket

import uvicorn
from clickhouse_driver.errors import ServerException
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from services.alerts import api
from services.alerts.pipeline import Alerts
from services.alerts.settings import AlertsSettings
from services.platform import problems
from services.platform.access.gate import Doors, Gate
from services.platform.access.settings import check_listening
from services.platform.errors import Unavailable
from services.platform.garbage import settle
from services.platform.metrics import CONTENT_TYPE
from services.platform.web import Server, listen

_STOP_SECONDS = 3
DOORS = Doors(
    open=frozenset({"/healthz", "/readyz", "/v1/my"}),
    open_below=("/my/", "/my-static/", "/v1/my/"),  # a subscriber's link says who that is
    hint="（或带上 MINMAI_ALERTS_OPERATOR_TOKEN · or send MINMAI_ALERTS_OPERATOR_TOKEN, if it is set, as "
    "Authorization: Bearer …）",
)


def create_app(alerts: Alerts) -> FastAPI:
    """The ASGI application; the work itself is run beside it, see `serve`."""
    app = FastAPI(title="minmai alerts", docs_url=None, redoc_url=None)  # its pages load scripts from a CDN
    problems.install(app)
    app.add_middleware(Gate, access=alerts.access, doors=DOORS, audit=alerts.audit)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", response_model=None)
    def readyz() -> JSONResponse | dict[str, str]:
        try:
            alerts.check()
        except (Unavailable, ServerException) as error:
            reason = str(error).splitlines()[0]
            return problems.problem(503, "尚未就绪 · not ready", reason, {"Retry-After": "5"})
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(alerts.metrics.text(), media_type=CONTENT_TYPE)

    alerts.serve_pages(app)
    app.include_router(api.routes(lambda: alerts.evaluator.watch, alerts.ledger))
    app.include_router(alerts.people())
    return app


def serve(settings: AlertsSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises PlanError for a wrong plan folder, UsersError for a wrong file of users, StartError if the port
    cannot be listened on, or others than this machine would reach it without signing in, and whatever
    unforeseen error ends the work.
    """
    check_listening(settings)
    alerts = Alerts(settings)
    listening = listen(settings.host, settings.alerts_port, "alerts")
    config = uvicorn.Config(
        create_app(alerts),
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whom to believe what of them, the settings say: see platform/access/proxies.py
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    settle()
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
