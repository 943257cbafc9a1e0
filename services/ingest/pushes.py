"""The two addresses that take pushes."""

import logging
from time import perf_counter

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.ingest import openapi
from services.ingest.answer import told_in
from services.ingest.faults import Problem
from services.ingest.metrics import Metrics
from services.ingest.pipeline import Pipeline
from services.ingest.responses import in_json, language_of, of_problem
from services.ingest.turns import Turns

log = logging.getLogger(__name__)

_EVENTS = "/v1/events"
_STREAMS = "/v1/streams/"
_SMALL_BYTES = 4_000
"""Of a push that waits for its turn. A larger one takes longer than the turns are apart."""


def install(app: FastAPI, pipeline: Pipeline, metrics: Metrics) -> None:
    """Have the application take pushes."""
    pushes = _Pushes(pipeline, metrics)

    @app.post(_EVENTS, **openapi.EVENTS)
    async def push_events(request: Request, dry_run: openapi.DryRun = False) -> Response:
        """Push CloudEvents: one, or a batch."""
        return await pushes.answer(request, None, dry_run=dry_run)

    @app.post(_STREAMS + "{stream}", **openapi.RECORDS)
    async def push_records(request: Request, stream: str, dry_run: openapi.DryRun = False) -> Response:
        """Push plain records of one stream."""
        return await pushes.answer(request, stream, dry_run=dry_run)

    app.add_middleware(_Shortcut, pushes=pushes)


class _Pushes:
    """Answers pushes, and counts the answers."""

    def __init__(self, pipeline: Pipeline, metrics: Metrics) -> None:
        self._pipeline = pipeline
        self._metrics = metrics

    async def answer(self, request: Request, stream: str | None, *, dry_run: bool = False) -> Response:
        """Take a push of a stream's records, or of events, and say what became of it."""
        began = perf_counter()
        language = language_of(request)
        try:
            if stream is None:
                answer = await self._pipeline.events(request, dry_run=dry_run)
            else:
                answer = await self._pipeline.records(request, stream, dry_run=dry_run)
            answer.errors = told_in(language, answer.errors)
            # Without what only sheets and dry runs have, for all others.
            response = in_json(answer.model_dump_json(exclude_defaults=True), answer.status, language)
        except (Problem, ClientDisconnect) as error:
            problem = error if isinstance(error, Problem) else _disconnected()  # which the audit alone reads
            # The audit counts it; a line of the log for each would let anybody fill the disk.
            remote = request.client.host if request.client else ""
            log.debug("a push from %s is answered %d %s", remote, problem.status, problem.code)
            response = of_problem(request, problem)
        self._metrics.pushes.labels(response.status_code).inc()
        self._metrics.seconds.observe(perf_counter() - began)
        return response


class _Shortcut:
    """ASGI middleware: a push without parameters goes to its answer by the shortest way.

    Finding its route, and solving dependencies that it does not have, would take a third of the time of a
    push of one record.
    """

    def __init__(self, app: ASGIApp, pushes: _Pushes) -> None:
        self._app = app
        self._pushes = pushes
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return await self._app(scope, receive, send)
        path: str = scope["path"]
        stream = path.removeprefix(_STREAMS) if path.startswith(_STREAMS) else None
        if path != _EVENTS and (not stream or "/" in stream):
            return await self._app(scope, receive, send)
        request = Request(scope, receive)
        if _is_small(request):
            await self._turns.wait()
        response = await self._pushes.answer(request, stream)
        return await response(scope, receive, send)


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdecimal() and int(length[:20]) <= _SMALL_BYTES


def _disconnected() -> Problem:
    return Problem(400, "disconnected", "请求体未传完连接已断开 · the connection ended before the body did")
