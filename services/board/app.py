"""The board's HTTP side: the page, the API, the stream of changes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from schemas.declaration import Indicator, Text
from schemas.fields import Contract
from schemas.indicator import Figure
from services.board import problems
from services.board.headers import SecureHeaders
from services.board.pipeline import Board
from services.board.problems import not_found, problem
from services.board.settings import BoardSettings
from services.board.tables import AlertState, Feed, HistoryPoint, VoucherHour, VoucherTotal
from services.platform.errors import Unavailable
from services.platform.plan import County, Division
from services.platform.web import Server, listen

STATIC = Path(__file__).parent / "static"
BEAT_SECONDS = 10.0
"""A page that hears nothing for several of these takes its connection for dead."""
RECONNECT_MS = 2_000
STOP_SECONDS = 3


class IndicatorFigures(Contract):
    """An indicator and its current figures; a division without one has not been computed yet."""

    declaration: Indicator
    figures: list[Figure]


class IndicatorList(Contract):
    """Everything the page shows at first; `as_of`: the newest day any figure holds for."""

    county: County
    divisions: list[Division]
    synthetic: bool
    as_of: date | None
    indicators: list[IndicatorFigures]


class History(Contract):
    """A step series: each point holds until the next, the last one until `until`."""

    indicator: str
    division: str
    until: date | None
    points: list[HistoryPoint]


class Vouchers(Contract):
    """Voucher money: since the beginning, and by hour for the newest 48 hours that have any."""

    totals: list[VoucherTotal]
    hours: list[VoucherHour]


class NamedAlert(AlertState):
    """An alert's state with the rule's name; the id stands for a rule that is no longer declared."""

    name: Text


class Alerts(Contract):
    """`available` is false where no alert log is kept: then an empty list says nothing."""

    available: bool
    alerts: list[NamedAlert]


def create_app(board: Board) -> FastAPI:
    """The ASGI application of a board; its lifespan follows the topic."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with board.running():
            yield

    # FastAPI's own documentation pages load their scripts from a CDN.
    app = FastAPI(title="minmai board", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(SecureHeaders)
    problems.install(app)
    _add_page(app)
    _add_indicators(app, board)
    _add_others(app, board)
    _add_stream(app, board)
    _add_health(app, board)
    return app


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=STATIC))


def _add_indicators(app: FastAPI, board: Board) -> None:
    plan, tables = board.plan, board.tables

    def declared(id: str, division: str | None) -> Indicator:
        if id not in plan.indicators:
            raise not_found(f"没有指标 {id} · there is no indicator {id}")
        if division is not None and division not in {shown.code for shown in plan.shown_divisions}:
            raise not_found(f"没有区划 {division} 的数字 · no figures are kept for division {division}")
        return plan.indicators[id]

    @app.get("/v1/indicators")
    def indicators() -> IndicatorList:
        figures = tables.figures()
        return IndicatorList(
            county=plan.county,
            divisions=plan.shown_divisions,
            synthetic=board.synthetic,
            as_of=max((figure.as_of for figure in figures), default=None),
            indicators=[
                IndicatorFigures(
                    declaration=indicator,
                    figures=[figure for figure in figures if figure.indicator == indicator.id],
                )
                for indicator in plan.indicators.values()
            ],
        )

    @app.get("/v1/indicators/{id}")
    def indicator(id: str, division: str | None = None) -> IndicatorFigures:
        return IndicatorFigures(
            declaration=declared(id, division), figures=tables.figures(indicator=id, division=division)
        )

    @app.get("/v1/indicators/{id}/history")
    def history(
        id: str,
        division: str | None = None,
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
    ) -> History:
        declared(id, division)
        code = division or plan.county.county
        today = next((figure.as_of for figure in tables.figures(id, code)), None)
        until = min((day for day in (last, today) if day is not None), default=None)
        return History(
            indicator=id, division=code, until=until, points=tables.history(id, code, first, until)
        )


def _add_others(app: FastAPI, board: Board) -> None:
    tables, rules = board.tables, board.plan.rules

    @app.get("/v1/vouchers")
    def vouchers() -> Vouchers:
        return Vouchers(totals=tables.voucher_totals(), hours=tables.voucher_hours())

    @app.get("/v1/alerts")
    def alerts() -> Alerts:
        found = tables.alerts()

        def named(alert: AlertState) -> NamedAlert:
            rule = rules.get(alert.rule)
            name = rule.name if rule else Text(zh=alert.rule, en=alert.rule)
            return NamedAlert(name=name, **alert.model_dump())

        return Alerts(available=found is not None, alerts=[named(alert) for alert in found or []])

    @app.get("/v1/feeds")
    def feeds() -> list[Feed]:
        return tables.feeds()


def _add_stream(app: FastAPI, board: Board) -> None:
    @app.get("/v1/stream", response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        """Events: `source` (first, and whenever it changes), `figure`, `reload`, and `beat` in silence."""
        with board.hub.page() as mailbox:
            first = board.hub.source.message()
            yield ServerSentEvent(event=first.event, raw_data=first.data, retry=RECONNECT_MS)
            while not mailbox.closed:
                messages = await mailbox.take(BEAT_SECONDS)
                for message in messages:
                    yield ServerSentEvent(event=message.event, raw_data=message.data, id=message.id)
                if not messages and not mailbox.closed:
                    # An event, not a comment: a page cannot hear a comment.
                    yield ServerSentEvent(event="beat", raw_data="{}")


def _add_health(app: FastAPI, board: Board) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", response_model=None)
    def readyz() -> JSONResponse | dict[str, str]:
        try:
            board.check()
        except Unavailable as error:
            return problem(503, "尚未就绪 · not ready", str(error))
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(board.metrics.text(), media_type="text/plain; version=0.0.4")


class _Server(Server):
    """A server that ends the streams of open pages first: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._board.hub.close()
        await super().shutdown(sockets)


def serve(settings: BoardSettings) -> None:
    """Serve the board until SIGTERM or SIGINT.

    Raises PlanError for a wrong plan folder, StartError if the port cannot be listened on.
    """
    board = Board(settings)
    listening = listen(settings.host, settings.board_port, "board")
    config = uvicorn.Config(
        create_app(board), log_config=None, access_log=False, timeout_graceful_shutdown=STOP_SECONDS
    )
    server = _Server(config, board)
    asyncio.run(server.serve(sockets=[listening]))
