"""The aggregator as a Faust app: life cycle, pages and producer are Faust's; see pipeline.py for the path."""

import gc
import os
import socket
import tempfile
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, cast
from uuid import uuid4

import faust
from aiohttp.web import Response
from faust.app.base import BootStrategy
from mode.types import ServiceT

from schemas.dead_letter import DeadLetter
from schemas.indicator import Figure
from schemas.streams import DEAD_LETTER_TOPIC, INDICATOR_TOPIC
from services.aggregate import metrics
from services.aggregate.blocks import Claims
from services.aggregate.housekeeper import Housekeeper
from services.aggregate.keeper import Keeper
from services.aggregate.pipeline import BlockPath, FigurePath
from services.aggregate.reader import Reader
from services.aggregate.refresher import Refresher
from services.aggregate.settings import AggregateSettings
from services.aggregate.waiting import absence
from services.aggregate.watch import Watch
from services.platform.clickhouse import ClickHouse
from services.platform.clock import clock_for
from services.platform.kafka import fetch_bare_records
from services.platform.memory import map_large_blocks
from services.platform.metrics import CONTENT_TYPE
from services.platform.plan import NewestPlan, load_plan
from services.platform.retention import Retention
from services.platform.topics import answers


class _Boot(BootStrategy):
    """Faust's producer and web server, then our two services; no consumer, agents or tables of Faust's."""

    def producer_only(self) -> Iterable[ServiceT]:
        return chain(super().producer_only(), cast(Aggregator, self.app).minmai_services)


class Aggregator(faust.App):
    """The aggregator's app."""

    BootStrategy = _Boot
    producer_only = True
    minmai_services: list[ServiceT]


def build(settings: AggregateSettings, scratch: str) -> Aggregator:
    """Return the app with its services and pages; `scratch` is a folder Faust insists on having."""
    plan = load_plan(settings.plan)
    clickhouse = ClickHouse(settings, inserted=metrics.inserted)
    app = Aggregator(
        "minmai-aggregate",
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        datadir=scratch,
        autodiscover=False,
        producer_acks=-1,
        web_host=settings.host,
        web_bind=settings.host,  # every address otherwise, whatever web_host says
        web_port=settings.aggregate_port,
        web_tables_enabled=False,
    )
    dead_letters = app.topic(DEAD_LETTER_TOPIC, key_type=bytes, value_type=bytes, value_serializer="raw")
    figures = app.topic(INDICATOR_TOPIC, key_type=bytes, value_type=bytes, value_serializer="raw")

    async def refuse(letters: Sequence[DeadLetter]) -> None:
        await _send(dead_letters, [(letter.id, letter.model_dump_json()) for letter in letters])

    async def publish(changed: Sequence[Figure]) -> None:
        await _send(figures, [(f"{one.indicator}/{one.division}", one.model_dump_json()) for one in changed])

    worker = f"{socket.gethostname()}/{os.getpid()}"
    plans = NewestPlan(settings.plan, plan)
    figure_path = FigurePath(
        lambda: Keeper(clickhouse, plans.read(), f"{worker}/{uuid4().hex}"), publish, plan.zone
    )
    refresher = Refresher(figure_path, clock_for(settings, clickhouse))
    block_path = BlockPath(
        clickhouse,
        Claims(clickhouse, worker),
        refuse,
        plan.zone,
        refresher.told,
        counted_memory=settings.counted_memory << 20,
    )
    reader = Reader(settings, block_path, refresher.keep)
    refresher.behind = lambda: reader.behind
    refresher.alone = lambda: reader.alone
    watch = Watch(settings, reader.standings, refresher.standing)
    app.minmai_services = [
        watch,
        refresher,
        reader,
        Housekeeper(Retention(clickhouse, settings), lambda: refresher.keeping),
    ]
    _add_pages(app, reader, refresher, watch)
    return app


def serve(settings: AggregateSettings) -> None:
    """Run the aggregator until SIGTERM or SIGINT.

    Raises Unavailable if the broker does not answer at the start; SystemExit with a code other than 0 when
    something that is no data error stopped it.
    """
    answers(settings.kafka)
    # Records are many small objects without cycles: looking for cycles took half the time of decoding.
    gc.set_threshold(200_000, 50, 50)
    map_large_blocks()
    fetch_bare_records()
    with tempfile.TemporaryDirectory(prefix="minmai-aggregate-") as scratch:
        faust.Worker(
            build(settings, scratch),
            loglevel=settings.log_level,
            quiet=True,
            redirect_stdouts=False,
            override_logging=False,
        ).execute_from_commandline()


async def _send(topic: Any, messages: Sequence[tuple[str, str]]) -> None:
    """Send messages and return when the broker has acknowledged them all."""
    sent = [await topic.send(key=key.encode(), value=text.encode()) for key, text in messages]
    for acknowledged in sent:
        await acknowledged


def _add_pages(app: Aggregator, reader: Reader, refresher: Refresher, watch: Watch) -> None:
    @app.page("/healthz")
    async def healthz(web: Any, _request: Any) -> Any:
        return web.json({"status": "alive"})

    @app.page("/readyz")
    async def readyz(web: Any, _request: Any) -> Any:
        missing = [
            reason
            for reason, there in (
                ("no partitions yet", reader.joined),
                ("figures not yet brought up to the records", refresher.ready),
            )
            if not there
        ]
        missing += [f"stuck: {one}" for one in watch.stuck]
        if waited_for := absence():
            missing.append(f"waiting for ClickHouse: {waited_for}")
        return web.json({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    @app.page("/metrics")
    async def prometheus(_web: Any, _request: Any) -> Any:
        return Response(body=metrics.REGISTRY.text(), headers={"Content-Type": CONTENT_TYPE})
