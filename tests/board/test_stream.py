"""From the topic to the open pages, over real sockets, on the broker behind the fixtures."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx

from schemas.indicator import Figure
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from tests.board.county import figures, write_figures
from tests.board.running import Events, RunningBoard, following, make_topic, produce
from tests.support.brokers import Broker
from tests.support.waiting import eventually

HEARD_SECONDS = 30.0
FLOOD = 14_000
BEHIND = 1_000_000
"""Bytes that at most wait for a page that does not read, a tenth of a flood."""


@contextmanager
def stream(board: RunningBoard, headers: Mapping[str, str] = MappingProxyType({})) -> Iterator[Events]:
    """An open page: it has been told that the source is connected."""
    with httpx.stream("GET", f"{board.url}/v1/stream", headers=headers, timeout=HEARD_SECONDS) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = Events(response)
        name, data, fields = events.next()
        assert (name, data["connected"], fields["retry"]) == ("source", True, "2000")
        yield events


def changed(version: int, place: int = 0) -> Figure:
    return figures()[place].model_copy(update={"version": version})


def test_a_changed_figure_reaches_every_open_page(board: RunningBoard, board_broker: Broker) -> None:
    with stream(board) as one, stream(board) as other:
        produce(board_broker.bootstrap, [changed(201)])
        for events in (one, other):
            data, fields = events.until("figure")
            assert Figure.model_validate(data) == changed(201)
            assert fields["id"].startswith("0-")


def test_what_was_before_and_what_comes_twice_is_not_sent(board: RunningBoard, board_broker: Broker) -> None:
    produce(board_broker.bootstrap, [changed(300)])
    with stream(board) as events:
        produce(board_broker.bootstrap, [changed(301), changed(301), changed(299), changed(302)])
        versions = []
        while versions[-1:] != [302]:
            versions.append(events.until("figure")[0]["version"])
        assert [version for version in versions if version > 300] in ([301, 302], [302])
        assert 299 not in versions


def test_a_record_that_is_no_figure_is_counted_and_stops_nothing(
    board: RunningBoard, board_broker: Broker
) -> None:
    broken = changed(400).model_copy(update={"status": "splendid"})
    with stream(board) as events:
        produce(board_broker.bootstrap, [broken, changed(401)])
        assert events.until("figure")[0]["version"] == 401
    assert "minmai_board_unreadable_records_total 1.0" in httpx.get(f"{board.url}/metrics").text


def test_a_page_that_does_not_read_blocks_nobody(board: RunningBoard, board_broker: Broker) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", board.port))
        slow.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        with stream(board) as quick:
            # Far more than may wait for the slow page in the sockets between.
            all_figures = figures()
            flood = (
                all_figures[number % 96].model_copy(update={"version": 1_000 + number})
                for number in range(FLOOD)
            )
            produce(board_broker.bootstrap, flood)
            produce(board_broker.bootstrap, [changed(100_000)])
            while quick.until("figure")[0]["version"] != 100_000:
                pass
            assert httpx.get(f"{board.url}/v1/indicators").status_code == 200
        # Reading at last, the slow page gets the newest version like the others, and few of those before.
        slow.settimeout(HEARD_SECONDS)
        received, behind = b"", 0
        while b'"version":100000' not in received:
            more = slow.recv(65536)
            assert more, "the stream has ended"
            received, behind = received[-4096:] + more, behind + len(more)
        assert behind < BEHIND


def test_who_takes_no_gzip_is_sent_the_same(board: RunningBoard, board_broker: Broker) -> None:
    versions = range(200_000, 200_200)
    told = []
    with stream(board) as packed, stream(board, {"Accept-Encoding": "identity"}) as plain:
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        produce(board_broker.bootstrap, [changed(version, place=version % 200) for version in versions])
        for events in (packed, plain):
            data = [events.until("figure")]
            while data[-1][0]["version"] != versions[-1]:
                data.append(events.until("figure"))
            told.append(data)
    assert told[0] == told[1]
    assert [data["version"] for data, _fields in told[0]] == list(versions)


def test_what_a_page_reads_is_never_older_than_what_it_has_heard(
    settings: Common, tables: ClickHouse, board_broker: Broker, tmp_path: Path
) -> None:
    """Though answers are made once for all who ask about the same time."""
    panel = "/v1/dashboards/county/panels/missed"
    place = f"{figures()[0].indicator}"
    board = RunningBoard(following(settings, board_broker), tmp_path / "board.log")
    board.start()
    try:
        with stream(board) as events, httpx.Client(base_url=board.url) as page:
            for version in (2_000, 2_001, 2_002):
                page.get("/v1/indicators")
                newer = changed(version).model_copy(update={"status": "missed", "value": version / 1000})
                write_figures(tables, "indicator_live", [newer])
                produce(board_broker.bootstrap, [newer])
                while events.until("figure")[0]["version"] != version:
                    pass
                shown = page.get("/v1/indicators").json()["indicators"][0]["figures"][0]
                assert (shown["version"], shown["value"]) == (version, newer.value)
                answer = page.get(panel).json()
                [row] = [one for one in answer["rows"] if one[0] == place]
                assert dict(zip(answer["columns"], row, strict=True))["value"] == newer.value
    finally:
        board.stop()


async def test_all_pages_that_read_at_once_are_given_one_answer(board: RunningBoard) -> None:
    paths = ("/v1/indicators", "/v1/tasks", "/v1/vouchers", "/v1/alerts", "/v1/feeds")
    async with httpx.AsyncClient(base_url=board.url, timeout=HEARD_SECONDS) as pages:
        for path in paths:
            answers = await asyncio.gather(*(pages.get(path) for _ in range(40)))
            assert {one.status_code for one in answers} == {200}
            assert len({one.content for one in answers}) == 1
            again = await pages.get(path, headers={"If-None-Match": answers[0].headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_sigterm_ends_open_streams_and_the_process(
    county: Common, board_broker: Broker, tmp_path: Path
) -> None:
    board = RunningBoard(following(county, board_broker), tmp_path / "board.log")
    board.start()
    with httpx.stream("GET", f"{board.url}/v1/stream", timeout=HEARD_SECONDS) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: source"
        board.terminate()
        assert [line for line in lines if line.startswith("event: figure")] == []


def test_a_broker_that_comes_back_is_read_again(county: Common, fresh_broker: Broker, tmp_path: Path) -> None:
    make_topic(fresh_broker.bootstrap)
    board = RunningBoard(following(county, fresh_broker), tmp_path / "board.log")
    board.start()
    try:
        with stream(board) as events:
            produce(fresh_broker.bootstrap, [changed(501 + number) for number in range(20)])
            while events.until("figure")[0]["version"] != 520:
                pass
            fresh_broker.kill()
            assert events.until("source")[0]["connected"] is False
            assert httpx.get(f"{board.url}/readyz").status_code == 503
            fresh_broker.start()
            make_topic(fresh_broker.bootstrap)
            while not events.until("source")[0]["connected"]:
                pass
            produce(fresh_broker.bootstrap, [changed(521)])
            while events.until("figure")[0]["version"] != 521:
                pass
    finally:
        board.stop()


def test_the_board_starts_before_its_neighbours(county: Common, fresh_broker: Broker, tmp_path: Path) -> None:
    board = RunningBoard(following(county, fresh_broker), tmp_path / "b.log")
    board.launch()
    try:
        reason = eventually(
            lambda: httpx.get(f"{board.url}/readyz").json()["detail"] if board.alive() else "",
            HEARD_SECONDS,
            "the board says that the topic is missing",
            until=lambda detail: "minmai topics create" in detail,
        )
        assert "minmai.indicator.v1" in reason
        make_topic(fresh_broker.bootstrap)
        board.wait_ready()
    finally:
        board.stop()
