"""The HTTP service of ingest."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import uvicorn
from clickhouse_driver.errors import Error as ClickHouseError
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse

from services.ingest import document, openapi, page, pushes
from services.ingest.agencies import Agencies
from services.ingest.answer import ProblemDetails, told_in
from services.ingest.audit import Audit
from services.ingest.body import Pace
from services.ingest.check import Checker
from services.ingest.faults import Problem, shown
from services.ingest.feeds.feeds import Feeds
from services.ingest.feeds.standing import Standings
from services.ingest.files import MEDIA_TYPES, Copies
from services.ingest.journal import Journal
from services.ingest.known import Known
from services.ingest.language import said_in
from services.ingest.limits import Limits
from services.ingest.message import Message
from services.ingest.metrics import Metrics
from services.ingest.outlet import Outlet
from services.ingest.patience import impatient
from services.ingest.pipeline import RETRY_AFTER_SECONDS, Pipeline
from services.ingest.receipt_state import LARGEST_PAGE, PAGE, Receipts
from services.ingest.received import received_for
from services.ingest.responses import in_json, language_of, of_problem
from services.ingest.settings import IngestSettings
from services.ingest.sheets import download
from services.ingest.upkeep import Upkeep
from services.ingest.watch import Watch
from services.ingest.writer import Writer
from services.platform.clickhouse import ClickHouse
from services.platform.errors import StartError, Unavailable
from services.platform.garbage import settle
from services.platform.metrics import CONTENT_TYPE
from services.platform.plan import load_plan
from services.platform.web import Server, listen

log = logging.getLogger(__name__)

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection: whoever closes first must not be us, mid-request."""

_TURN_SECONDS = 0.001
"""How long a thread that computes, as over a sheet, keeps the others' pushes from going on each time that
they have waited for something. Python's own 5 ms make 25 of a push."""

_SEND_SHARE = 0.6
"""Of the time a push may wait: so that a broker that is away is told as such, not as a push out of time."""


def create_app(settings: IngestSettings) -> FastAPI:
    """Return the application; the broker need not be there yet.

    Raises PlanError or AgenciesError if the plan or the file of the agencies is wrong, StartError if the
    journal cannot be used.
    """
    plan = load_plan(settings.plan)
    checker = Checker(plan)
    agencies = Agencies(settings.agencies)
    journal = Journal(settings.journal, settings.journal_segment_bytes) if settings.journal else None
    clickhouse = ClickHouse(settings)
    outlet = Outlet(settings.kafka, settings.write_timeout * _SEND_SHARE)
    metrics = Metrics()
    writer = Writer(outlet, journal, settings.write_timeout, metrics)
    received = received_for(settings, clickhouse)
    known = Known(clickhouse, settings.known_wait, memory=settings.known_memory)
    receipts = Receipts(clickhouse)
    copies = Copies()
    watch = Watch(
        settings.kafka,
        writer,
        Upkeep(settings.kafka, outlet, writer, journal, clickhouse) if journal is not None else None,
        received=received,
        remember=receipts.remember,
    )
    _measure(metrics, watch, known, writer, journal)

    async def write(messages: Sequence[Message]) -> None:
        watch.check()
        await writer.write(messages)

    audit = Audit(agencies, write)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        writer.open()
        known.open()
        tasks = [
            asyncio.create_task(work, name=f"ingest {name}")
            for name, work in (("watch", watch.run()), ("feeds", feeds.run()), ("audit", audit.run()))
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await known.close()
            await audit.close()
            await writer.close()
            await outlet.close()
            watch.close()
            receipts.close()
            clickhouse.close()
            copies.close()
            if journal is not None:
                journal.close()

    # FastAPI's own documentation pages load their scripts from a CDN.
    app = FastAPI(
        title="民脉 minmai · ingest",
        version="1",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # else each push looks for providers
    )
    app.state.audit = audit
    pipeline = Pipeline(
        agencies,
        checker,
        writer,
        watch,
        metrics,
        received=received,
        limits=Limits(settings),
        known=known,
        receipts=receipts,
        copies=copies,
    )
    feeds = Feeds(
        *(settings.kafka, agencies, pipeline),
        check=checker.events,
        standings=Standings(clickhouse),
        pace=settings.agency_records_per_second,
        metrics=metrics,
    )
    pushes.install(app, pipeline, metrics)
    _add_receipts(app, pipeline, receipts, copies)
    _add_looks(app, watch, metrics, feeds)
    _add_errors(app, pipeline.pace)
    page.install(app)
    download.install(app)
    document.complete(app)
    return app


def _measure(metrics: Metrics, watch: Watch, known: Known, writer: Writer, journal: Journal | None) -> None:
    metrics.ready.set_function(lambda: watch.obstacle is None)
    metrics.known_selective.set_function(lambda: known.is_selective)
    metrics.known_remembered.set_function(lambda: known.remembered)
    metrics.waiting_bytes.set_function(lambda: writer.waiting_bytes)
    if journal is not None:
        metrics.journal_segments.set_function(lambda: len(journal.sizes()))
        metrics.journal_bytes.set_function(lambda: sum(journal.sizes()))


def _add_receipts(app: FastAPI, pipeline: Pipeline, receipts: Receipts, copies: Copies) -> None:
    @app.get("/v1/receipts/{id}", **openapi.RECEIPT)
    async def receipt(
        request: Request,
        id: str,
        offset: int = Query(0, ge=0, le=1_000_000, description="of the refused records"),
        limit: int = Query(PAGE, ge=1, le=LARGEST_PAGE),
    ) -> Response:
        """What became of a push: its counts, its refused records, and when it was on the board."""
        agency = pipeline.authenticate(request)
        language = language_of(request)
        try:
            state = await receipts.state(agency.name, id, offset, limit)
        except (Unavailable, ClickHouseError) as error:
            log.warning("a receipt cannot be looked up: %s", str(error).splitlines()[0])
            raise Problem(
                503,
                "unavailable",
                "暂时查不到回执，请稍后再查 · receipts cannot be looked up now: ask again later",
                {"Retry-After": str(RETRY_AFTER_SECONDS)},
            ) from error
        if state is None:
            raise Problem(
                404,
                "unknown_receipt",
                "本单位没有这个回执，刚上报的请稍后再查 · "
                "this agency has no such receipt; of a push just made, ask again in a moment",
            )
        state.errors = told_in(language, state.errors)
        for conflict in state.conflicts:
            conflict.message = said_in(language, conflict.message)
        return in_json(state.model_dump_json(), 200, language)

    @app.get("/v1/receipts/{id}/marked", **openapi.MARKED)
    async def marked(request: Request, id: str) -> Response:
        """The file of a push with its errors marked, to be mended and sent again."""
        agency = pipeline.authenticate(request)
        path = await asyncio.to_thread(copies.find, agency.name, id)
        if path is None:
            raise Problem(
                404,
                "no_marked_copy",
                "没有这个副本，可能已超过 24 小时，请重发原文件 · "
                "there is no such copy, they are kept for 24 hours: send the file again",
            )
        return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], filename=f"marked{path.suffix}")


def _add_looks(app: FastAPI, watch: Watch, metrics: Metrics, feeds: Feeds) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "alive"}

    @app.get("/readyz", responses={503: {"model": ProblemDetails}})
    async def readyz() -> dict[str, str | dict[str, str]]:
        """Whether records can be accepted now; 503 with the reason if not; names the feeds not read."""
        if watch.obstacle is not None:
            raise Problem(503, "not_ready", f"暂时不能接收数据 · cannot accept records: {watch.obstacle}")
        unread = feeds.detail()
        return {"status": "ready", "feeds_not_read": unread} if unread else {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(metrics.registry.text(), media_type=CONTENT_TYPE)


def _add_errors(app: FastAPI, pace: Pace) -> None:
    app.state.pace = pace

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return of_problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        fault = error.errors()[0]
        name = shown(fault["loc"][-1])
        text = f"参数 {name} 不合要求 · parameter {name} is wrong: {shown(fault['msg'])}"
        return of_problem(request, Problem(422, "invalid_parameter", text))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        return of_problem(
            request,
            Problem(
                error.status_code,
                phrase.lower().replace(" ", "_"),
                f"没有这个地址或方法 · {phrase}",
                error.headers,
            ),
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(Exception)
    async def bug(request: Request, _error: Exception) -> Response:
        return of_problem(request, Problem(500, "internal_error", "系统内部错误 · internal error"))


def serve(settings: IngestSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises StartError if the port is taken or the journal cannot be used, PlanError and AgenciesError as
    `create_app`.
    """
    app = create_app(settings)
    with listen(settings.host, settings.ingest_port, "ingest") as listener:
        log.info("listening on http://%s:%d", *listener.getsockname())
        config = uvicorn.Config(
            app,
            http=impatient(settings.head_wait),
            log_config=None,
            access_log=False,
            lifespan="on",
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = Server(config)
        sys.setswitchinterval(_TURN_SECONDS)
        settle()
        server.run(sockets=[listener])
        if not server.started:
            raise StartError("ingest could not start; its log says why")
