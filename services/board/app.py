"""The board's HTTP side: the page, the API, the stream of changes."""

import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from services.alerts.routing.api import orders
from services.board.api import access, dashboards, indicators, office, others, places, public, stream
from services.board.api.asked import Asked
from services.board.api.live import Live
from services.board.api.public import Public
from services.board.metrics import Timed
from services.board.pipeline import Board
from services.board.settings import BoardSettings
from services.board.sheets.frame import Frame
from services.platform import problems
from services.platform.access.gate import Gate
from services.platform.access.settings import check_listening
from services.platform.errors import Unavailable
from services.platform.metrics import CONTENT_TYPE
from services.platform.problems import problem
from services.platform.web import SecureHeaders, Server, listen

STATIC = Path(__file__).parent / "static"
PAGES = {"/": "index.html", "/wall": "wall.html", "/public": "public.html", "/office": "office.html"}
_WORTH_COMPRESSING = 2_000
"""Bytes. The figures of a county are 450 KB, 35 KB compressed; the stream of changes is never compressed."""
STOP_SECONDS = 3
_UNSENT = 64 * 1024
"""Bytes that wait in the kernel to be sent to a page. Of its own accord it takes 4 MB for one that does not
read, and a figure grows old there."""


def create_app(board: Board) -> FastAPI:
    """The ASGI application of a board; its lifespan follows the topic."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with board.running():
            yield
        told.close()

    # FastAPI's own documentation pages load their scripts from a CDN.
    app = FastAPI(title="minmai board", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, access=board.access, doors=access.DOORS, audit=board.audit)
    app.add_middleware(SecureHeaders)
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING)
    app.add_middleware(Timed, metrics=board.metrics)
    problems.install(app)
    _add_page(app)
    county = board.plan.county
    place = access.Place(county=county.name, time_zone=county.time_zone, synthetic=board.synthetic)
    app.include_router(access.routes(board.access, board.audit, place, STATIC / "sign-in.html"))
    frame = Frame(board.plan, board.synthetic)
    live = Live(board.shared)
    asked = Asked(board.plan, board.clock.now, board.definitions)
    app.include_router(
        indicators.routes(
            asked,
            board.figures,
            board.contributors,
            board.breakdown,
            definitions=board.definitions,
            frame=frame,
            live=live,
        )
    )
    app.include_router(orders(board.orders, board.plan))
    app.include_router(office.routes(board.office, board.access.users, board.agencies))
    app.include_router(places.routes(frame, asked, board.facilities, board.local_feeds))
    app.include_router(
        others.routes(frame, asked, live, tasks=board.tasks, vouchers=board.vouchers, others=board.others)
    )
    app.include_router(dashboards.routes(frame, asked, board.panels))
    told = Public(frame, asked, board.figures, board.disclosure, board.qualities)
    app.include_router(public.routes(told))
    app.include_router(stream.routes(board.hub))
    _add_health(app, board)
    return app


def _add_page(app: FastAPI) -> None:
    def page(name: str) -> FileResponse:
        return FileResponse(STATIC / name)

    for path, name in PAGES.items():
        app.add_api_route(path, partial(page, name), include_in_schema=False)

    app.mount("/static", StaticFiles(directory=STATIC))


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
        return Response(board.metrics.text(), media_type=CONTENT_TYPE)


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

    Raises PlanError for a wrong plan folder, UsersError for a wrong file of users, StartError if the port
    cannot be listened on, or others than this machine would reach it without signing in.
    """
    check_listening(settings)
    board = Board(settings)
    listening = listen(settings.host, settings.board_port, "board")
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # its connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
    config = uvicorn.Config(
        create_app(board),
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whom to believe what of them, the settings say: see platform/access/proxies.py
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config, board)
    server.run(sockets=[listening])
