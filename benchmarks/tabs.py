"""A thousand open pages on one board, beside one: what a changed figure costs, and a look at a dashboard.

    .venv/bin/python -m benchmarks.tabs [--tabs 1 1000] [--changes 50] [--rate 5] [--dashboard county]

Four things, for each number of tabs, on a board of its own with a county's figures:

    changes    so many figures change, so many a second; every page is to hear of every one. Until when the
               last page has it, what of the board's CPU time a change takes, and how much memory the pages do
    a burst    all figures of the county change at once, while one page in fifty does not read; these read
               afterwards, and are to hear of all as well
    a return   every page reads all that a page reads at its beginning, all pages at once: so it is when a
               connection comes back
    looks      every page asks for every panel of a dashboard, one after the other, all pages at once; how
               many statements ClickHouse was asked, and until when the last page has its last panel

The pages are sockets of this process, which speak HTTP, take gzip as browsers do, and read: their own work is
on the other core, and counts in the times as it would not if they were elsewhere.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httptools
import httpx
from aiokafka import AIOKafkaProducer

from benchmarks.machine import ROOT, cpu_seconds, free_ports, machine, percentile, resident, wait_ready
from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.child import Child
from schemas.indicator import Figure
from schemas.streams import INDICATOR_TOPIC
from services.board.panels.every import dashboards
from services.platform.clickhouse import ClickHouse
from services.platform.migrations import migrate
from services.platform.plan import load_plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.board.county import figures, fill
from tests.support.clickhouse import ClickHouse as Server

PLAN = ROOT / "plans" / "yanshan"
PATIENCE_SECONDS = 120.0
BEGINNING = ("/v1/indicators", "/v1/vouchers", "/v1/alerts", "/v1/feeds")
"""What a page reads at its beginning (services/board/static/board.js)."""
_FIGURE = re.compile(rb'"version":(\d+)')
_ASLEEP = 50
"""Of so many pages one does not read during a burst."""
_AT_ONCE = 200
"""Connections that are being made: more than a listener's backlog would be refused."""


@dataclass
class Board:
    """A running board."""

    port: int
    pid: int

    def metric(self, name: str) -> float:
        """Return the sum of a metric's values."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(name))
        return sum(float(value) for _name, value in lines)


@dataclass
class Page(asyncio.Protocol):
    """One open stream: notes when it has heard of each version, and each state of the source."""

    heard: dict[int, float] = field(default_factory=dict)
    sources: int = 0
    received: int = 0
    opened: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._http = httptools.HttpResponseParser(self)
        self._gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        transport.write(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._http.feed_data(data)

    def on_body(self, body: bytes) -> None:
        now = time.monotonic()
        text = self.rest + self._gzip.decompress(body)
        whole, _end, self.rest = text.rpartition(b"\n\n")
        if sources := whole.count(b"event: source"):
            self.sources += sources
            if not self.opened.done():
                self.opened.set_result(None)
        for version in _FIGURE.findall(whole):
            self.heard.setdefault(int(version), now)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("the stream has ended"))


async def open_pages(port: int, number: int) -> list[Page]:
    """Return so many pages whose streams have begun."""
    loop = asyncio.get_running_loop()
    pages: list[Page] = []
    while len(pages) < number:
        some = min(_AT_ONCE, number - len(pages))
        made = [loop.create_connection(Page, "127.0.0.1", port) for _ in range(some)]
        found = [page for _transport, page in await asyncio.gather(*made)]
        await asyncio.gather(*(page.opened for page in found))
        pages += found
    return pages


async def changes(board: Board, kafka: str, pages: Sequence[Page], number: int, rate: float) -> None:
    """Change figures at a rate and tell how long until every page has heard of each."""
    told = figures()
    first = 1_000_000
    changed = [told[at % len(told)].model_copy(update={"version": first + at}) for at in range(number)]
    used, sent = cpu_seconds(board.pid), {}
    async with producer(kafka) as out:
        for at, figure in enumerate(changed):
            begin = time.monotonic()
            await publish(out, [figure])
            sent[first + at] = begin
            await asyncio.sleep(max(0.0, 1 / rate - (time.monotonic() - begin)))
        await heard(pages, set(sent))
    used = cpu_seconds(board.pid) - used
    waits = [page.heard[version] - sent[version] for page in pages for version in sent]
    last = [max(page.heard[version] for page in pages) - begin for version, begin in sent.items()]
    print(
        f"  changes, {rate:g}/s: a page hears after {ms(waits, 0.5)} (median), {ms(waits, 0.99)} (p99); "
        f"the last page after {ms(last, 0.5)}, {ms(last, 0.99)}; "
        f"board {1000 * used / number:.1f} CPU ms a change, {resident(board.pid):.0f} MB"
    )


async def burst(board: Board, kafka: str, pages: Sequence[Page]) -> None:
    """Change every figure at once and tell how long until every page has all."""
    first = 2_000_000
    changed = [one.model_copy(update={"version": first + at}) for at, one in enumerate(figures())]
    versions = {one.version for one in changed}
    asleep = pages[_ASLEEP - 1 :: _ASLEEP]
    awake = [page for at, page in enumerate(pages, 1) if at % _ASLEEP]
    for page in asleep:
        page.transport.pause_reading()
    used, own, received = cpu_seconds(board.pid), time.process_time(), awake[0].received
    async with producer(kafka) as out:
        begin = time.monotonic()
        await publish(out, changed)
        await heard(awake, versions)
    took = max(page.heard[version] for page in awake for version in versions) - begin
    begun = [min(page.heard[version] for version in versions) - begin for page in awake]
    used, own = cpu_seconds(board.pid) - used, time.process_time() - own
    print(
        f"  a burst of {len(changed)} figures: all have all after {took:.2f} s, and their first after "
        f"{ms(begun, 0.5)} (median), {ms(begun, 1)} (last); board {used:.2f} CPU s, "
        f"{1e6 * used / len(changed) / len(pages):.1f} µs a figure and page, {resident(board.pid):.0f} MB; "
        f"{(awake[0].received - received) / 1024:.0f} KB a page; these pages' own work {own:.2f} CPU s"
    )
    if asleep:
        begin = time.monotonic()
        for page in asleep:
            page.transport.resume_reading()
        await heard(asleep, versions)
        print(f"    {len(asleep)} that did not read have all {time.monotonic() - begin:.2f} s after they do")


async def heard(pages: Sequence[Page], versions: set[int]) -> None:
    """Return when every page has heard of all versions; raises TimeoutError if that takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    missing = list(pages)
    while missing := [page for page in missing if not versions <= page.heard.keys()]:
        if time.monotonic() > end:
            lacking = sum(len(versions - page.heard.keys()) for page in missing)
            doubts = sum(page.sources - 1 for page in missing)
            raise TimeoutError(
                f"{len(missing)} pages have not heard of every change: {lacking / len(missing):.0f} each are "
                f"lacking; they were told {doubts / len(missing):.1f} times to read everything anew"
            )
        await asyncio.sleep(0.1)


def producer(kafka: str) -> AIOKafkaProducer:
    """Return a producer to the topic of changed figures, as the aggregator has one."""
    return AIOKafkaProducer(bootstrap_servers=kafka, acks="all")


async def publish(out: AIOKafkaProducer, changed: Sequence[Figure]) -> None:
    """Write changed figures to the topic; returns when all are acknowledged."""
    pending = [
        await out.send(
            INDICATOR_TOPIC, one.model_dump_json().encode(), key=f"{one.indicator}/{one.division}".encode()
        )
        for one in changed
    ]
    await asyncio.gather(*pending)


async def returns(board: Board, number: int) -> None:
    """Have every page read everything, all pages at once."""
    await ask(board, number, "a return", BEGINNING)


async def looks(board: Board, number: int, dashboard: str) -> None:
    """Have every page ask for a dashboard's panels, all pages at once."""
    [whole] = [one for one in dashboards(load_plan(PLAN)) if one.id == dashboard]
    paths = [f"/v1/dashboards/{dashboard}/panels/{panel.id}" for panel in whole.panels]
    statements = board.metric("minmai_board_panel_statement_seconds_count")
    await ask(board, number, f"looks at `{dashboard}`", paths)
    asked = board.metric("minmai_board_panel_statement_seconds_count") - statements
    print(f"    by {asked:.0f} statements")


async def ask(board: Board, number: int, what: str, paths: Sequence[str]) -> None:
    """Have so many pages ask for some paths, one after the other on one connection each."""
    connections = [await asyncio.open_connection("127.0.0.1", board.port) for _ in range(number)]
    used, begin = cpu_seconds(board.pid), time.monotonic()
    took = await asyncio.gather(*(look(*one, paths) for one in connections))
    whole_took, used = time.monotonic() - begin, cpu_seconds(board.pid) - used
    for _reader, writer in connections:
        writer.close()
    answers = number * len(paths)
    print(
        f"  {what}: {answers} answers in {whole_took:.2f} s; a page has its {len(paths)} after "
        f"{ms(took, 0.5)} (median), {ms(took, 1)} (last); board {used:.2f} CPU s, "
        f"{1e6 * used / answers:.0f} µs an answer, {resident(board.pid):.0f} MB"
    )


async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paths: Sequence[str]) -> float:
    """Ask for some paths on one connection; returns the seconds. Raises RuntimeError unless each is 200."""
    begin = time.monotonic()
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise RuntimeError(f"{path}: {head.decode()}")
        await reader.readexactly(int(length[1]))
    return time.monotonic() - begin


def ms(seconds: Sequence[float], share: float) -> str:
    """Return in words what a share of some times does not exceed."""
    return f"{1000 * percentile(list(seconds), share):.0f} ms"


async def measure(board: Board, kafka: str, tabs: int, options: argparse.Namespace) -> None:
    before = resident(board.pid)
    pages = await open_pages(board.port, tabs)
    grown = resident(board.pid) - before
    print(f"{tabs} tabs: {before:.0f} MB before, {1024 * grown / tabs:.0f} KB a page, opened")
    await changes(board, kafka, pages, options.changes, options.rate)
    await burst(board, kafka, pages)
    await returns(board, tabs)
    await looks(board, tabs, options.dashboard)
    for page in pages:
        page.transport.close()


@contextmanager
def board_of(settings: Common, folder: Path) -> Iterator[Board]:
    """Run a board; it ends with the block."""
    [port] = free_ports(1)
    env = {
        **os.environ,
        "MINMAI_KAFKA": settings.kafka,
        "MINMAI_CLICKHOUSE_PORT": str(settings.clickhouse_port),
        "MINMAI_CLICKHOUSE_DATABASE": settings.clickhouse_database,
        "MINMAI_PLAN": str(PLAN),
        "MINMAI_BOARD_PORT": str(port),
        "MINMAI_CLOCK": "event",
    }
    argv = [sys.executable, "-m", "cli.main", "board"]
    child = Child("the board", argv, env=env, cwd=ROOT, log=folder / "board.log")
    try:
        wait_ready(child, [f"http://127.0.0.1:{port}/readyz"])
        yield Board(port, child.pid)
    finally:
        child.stop(grace=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--tabs", type=int, nargs="+", default=[1, 1000], help="open pages")
    parser.add_argument("--changes", type=int, default=50, help="figures that change")
    parser.add_argument("--rate", type=float, default=5, help="changes a second")
    parser.add_argument("--dashboard", default="county", help="the dashboard that all look at")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as name:
        folder = Path(name)
        [port] = free_ports(1)
        broker = EmbeddedBroker(port, log=folder / "broker.log")
        server = Server(folder / "clickhouse")
        broker.start()
        server.start()
        database = f"tabs_{uuid4().hex[:8]}"
        with server.client() as client:
            client.execute(f"CREATE DATABASE {database}")
        settings = Common(
            kafka=broker.bootstrap,
            clickhouse_port=server.port,
            clickhouse_database=database,
            plan=PLAN,
            clock="event",
        )
        try:
            migrate(settings)
            ensure_topics(broker.bootstrap)
            pool = ClickHouse(settings)
            fill(pool)
            pool.close()
            for tabs in options.tabs:
                with board_of(settings, folder) as board:
                    asyncio.run(measure(board, broker.bootstrap, tabs, options))
        finally:
            server.stop()
            broker.stop()


if __name__ == "__main__":
    main()
