"""The HTTP service of ingest."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import perf_counter

import uvicorn
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from schemas.generate import stream_schema
from services.ingest import openapi
from services.ingest.agencies import Agencies
from services.ingest.answer import ProblemDetails
from services.ingest.check import Checker
from services.ingest.faults import Problem
from services.ingest.journal import Journal
from services.ingest.metrics import Metrics
from services.ingest.outlet import Outlet
from services.ingest.pipeline import Pipeline, known_stream
from services.ingest.received import received_for
from services.ingest.settings import IngestSettings
from services.ingest.watch import Watch
from services.ingest.writer import Writer
from services.platform.clickhouse import ClickHouse
from services.platform.errors import StartError
from services.platform.plan import load_plan
from services.platform.web import Server, listen

log = logging.getLogger(__name__)

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection: whoever closes first must not be us, mid-request."""

_SEND_SHARE = 0.6
"""Of the time a push may wait: so that a broker that is away is told as such, not as a push out of time."""


def create_app(settings: IngestSettings) -> FastAPI:
    """Return the application; the broker need not be there yet.

    Raises PlanError or AgenciesError if the plan or the file of the agencies is wrong, StartError if the
    journal cannot be used.
    """
    checker = Checker(load_plan(settings.plan))
    agencies = Agencies(settings.agencies)
    journal = Journal(settings.journal, settings.journal_segment_bytes) if settings.journal else None
    clickhouse = ClickHouse(settings)
    outlet = Outlet(settings.kafka, settings.write_timeout * _SEND_SHARE)
    writer = Writer(outlet, journal, settings.write_timeout)
    received = received_for(settings, clickhouse)
    watch = Watch(settings.kafka, outlet, writer, journal, clickhouse, received=received)
    metrics = Metrics()
    metrics.ready.set_function(lambda: watch.obstacle is None)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        writer.open()
        watching = asyncio.create_task(watch.run(), name="ingest watch")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await writer.close()
            await outlet.close()
            clickhouse.close()
            if journal is not None:
                journal.close()

    app = FastAPI(title="民脉 minmai · ingest", version="1", lifespan=life)
    _add_pushes(app, Pipeline(agencies, checker, writer, watch, metrics, received=received), metrics)
    _add_looks(app, watch, metrics)
    _add_errors(app)
    return app


def _add_pushes(app: FastAPI, pipeline: Pipeline, metrics: Metrics) -> None:
    @app.post("/v1/events", **openapi.EVENTS)
    async def push_events(request: Request) -> Response:
        """Push CloudEvents: one, or a batch."""
        return await answered(request, None)

    @app.post("/v1/streams/{stream}", **openapi.RECORDS)
    async def push_records(request: Request, stream: str) -> Response:
        """Push plain records of one stream."""
        return await answered(request, stream)

    async def answered(request: Request, stream: str | None) -> Response:
        began = perf_counter()
        try:
            if stream is None:
                answer = await pipeline.events(request)
            else:
                answer = await pipeline.records(request, stream)
            response = _json(answer, answer.status)
        except Problem as problem:
            response = _problem(problem)
        metrics.pushes.labels(response.status_code).inc()
        metrics.seconds.observe(perf_counter() - began)
        return response


def _add_looks(app: FastAPI, watch: Watch, metrics: Metrics) -> None:
    @app.get("/v1/schemas/{stream}")
    async def schema(stream: str) -> dict[str, object]:
        """The JSON Schema of a stream's records; pushed plainly they also have `time` and perhaps `id`."""
        return stream_schema(known_stream(stream))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "alive"}

    @app.get("/readyz", responses={503: {"model": ProblemDetails}})
    async def readyz() -> dict[str, str]:
        """Whether records can be accepted now; 503 with the reason if not."""
        if watch.obstacle is not None:
            raise Problem(503, "not_ready", f"暂时不能接收数据 · cannot accept records: {watch.obstacle}")
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> Response:
        return _problem(error)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        return _problem(
            Problem(
                error.status_code,
                phrase.lower().replace(" ", "_"),
                f"没有这个地址或方法 · {phrase}",
                error.headers,
            )
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return _problem(Problem(500, "internal_error", "系统内部错误 · internal error"))


def _problem(problem: Problem) -> Response:
    details = ProblemDetails(
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.message,
        code=problem.code,
    )
    return _json(details, problem.status, problem.headers, "application/problem+json")


def _json(
    body: BaseModel, status: int, headers: dict[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    return Response(body.model_dump_json(), status, headers, media_type)


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
            log_config=None,
            access_log=False,
            lifespan="on",
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = Server(config)
        server.run(sockets=[listener])
        if not server.started:
            raise StartError("ingest could not start; its log says why")
