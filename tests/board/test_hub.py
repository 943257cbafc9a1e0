"""The fan-out: what a page is sent, and what it costs when there are many, or when one does not keep up."""

import asyncio
import gzip
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import orjson
import pytest
from fastapi.sse import format_sse_event
from hypothesis import given
from hypothesis import strategies as st

from schemas.indicator import Figure
from services.board import gzip_stream
from services.board.hub import TOGETHER, Hub, Message, Page, Piece
from tests.board.county import figures

PATIENCE = 60.0


def _figure(version: int, place: int = 0) -> Figure:
    return figures()[place].model_copy(update={"version": version})


def _tell(hub: Hub, *changed: Figure) -> None:
    for figure in changed:
        hub.figure(figure, id=f"0-{figure.version}")
    hub.tell()


def _versions(messages: Sequence[Message]) -> list[int]:
    return [orjson.loads(message.data)["version"] for message in messages if message.event == "figure"]


async def _next(page: Page) -> Piece:
    async with asyncio.timeout(PATIENCE):
        piece = await page.next()
    assert piece is not None
    return piece


async def _now(page: Page) -> Piece | None:
    """What the page is told at once; None if it has to wait."""
    asked = asyncio.create_task(page.next())
    await asyncio.sleep(0)
    if asked.done():
        return asked.result()
    asked.cancel()
    return None


@pytest.fixture
async def running() -> AsyncIterator[Hub]:
    """A hub that tells by itself."""
    one = Hub()
    task = asyncio.create_task(one.run())
    yield one
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_open_page_gets_a_figure(running: Hub) -> None:
    with running.page() as one, running.page() as other:
        assert running.pages == 2
        assert running.figure(_figure(1), id="0-7")
        for page in (one, other):
            [message] = (await _next(page)).messages
            assert (message.event, message.id) == ("figure", "0-7")
            assert Figure.model_validate_json(message.data) == _figure(1)
    assert running.pages == 0


@pytest.mark.parametrize("version", [4, 5])
async def test_a_repeat_and_an_older_version_are_not_passed_on(version: int) -> None:
    hub = Hub()
    with hub.page() as page:
        hub.figure(_figure(5), id="0-1")
        assert not hub.figure(_figure(version), id="0-2")
        assert hub.figure(_figure(0, place=1), id="0-3")
        hub.tell()
        assert _versions((await _next(page)).messages) == [5, 0]


async def test_a_page_is_not_told_what_was_before_it() -> None:
    hub = Hub()
    _tell(hub, _figure(1))
    hub.figure(_figure(2, place=1), id="0-2")
    with hub.page() as page:
        hub.tell()
        assert await _now(page) is None
        _tell(hub, _figure(3))
        assert _versions((await _next(page)).messages) == [3]


async def test_a_page_that_does_not_read_skips_versions_but_no_figure() -> None:
    """What waits for it is never more than one message a figure, and nothing of it is the page's own."""
    hub = Hub()
    with hub.page() as slow, hub.page() as quick:
        for version in range(3_000):
            _tell(hub, _figure(version, place=version % 3))
            assert _versions((await _next(quick)).messages) == [version]
        assert _versions((await _next(slow)).messages) == [2_997, 2_998, 2_999]
        assert await _now(slow) is None
        assert await _now(quick) is None


async def test_a_burst_is_written_once_for_a_thousand_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[str] = Counter()

    def written(**fields: str) -> bytes:
        made[fields["data_str"]] += 1
        return event(**fields)

    def part(content: bytes) -> bytes:
        made["part"] += 1
        return packed(content)

    event, packed = format_sse_event, gzip_stream.part
    monkeypatch.setattr("services.board.hub.format_sse_event", written)
    monkeypatch.setattr(gzip_stream, "part", part)
    changed = [figure.model_copy(update={"version": 7}) for figure in figures()]
    hub = Hub()
    pages = [Page(hub, 0) for _ in range(1_000)]
    _tell(hub, *changed)
    pieces = [[await _next(page) for _ in range(-(-len(changed) // TOGETHER))] for page in pages]
    assert {len(piece.packed) > 0 and len(piece.plain) > 0 for told in pieces for piece in told} == {True}
    assert made.pop("part") == len(pieces[0])
    assert set(made.values()) == {1}
    assert len(made) == len(changed)
    assert len({id(piece) for told in pieces for piece in told}) == len(pieces[0])
    assert [len(piece.messages) for piece in pieces[0][:-1]] == [TOGETHER] * (len(pieces[0]) - 1)
    assert [await _now(page) for page in pages] == [None] * 1_000


@given(st.lists(st.sampled_from(["change", "tell", "connect", *range(4)]), max_size=200))
async def test_whoever_reads_at_last_knows_the_newest(steps: list[str | int]) -> None:
    """Four pages read a piece each whenever they like: at the end each knows what the newest page knows."""
    hub = Hub()
    pages = [Page(hub, 0) for _ in range(4)]
    known: list[dict[str, int]] = [{} for _ in pages]
    truth: dict[str, int] = {}
    version = 0

    async def read(number: int) -> bool:
        piece = await _now(pages[number])
        for message in piece.messages if piece else ():
            if message.event == "source":
                known[number] = dict(truth)  # it reads the tables
            else:
                before = known[number].get(message.key, -1)
                known[number][message.key] = max(before, orjson.loads(message.data)["version"])
        return piece is not None

    for step in steps:
        if step == "change":
            version += 1
            changed = _figure(version, place=version * version % 7)
            truth[f"{changed.indicator}/{changed.division}"] = version
            hub.figure(changed, id=f"0-{version}")
        elif step == "tell":
            hub.tell()
        elif step == "connect":
            hub.connected()
        else:
            await read(int(step))
    hub.tell()
    for number in range(4):
        while await read(number):
            pass
    assert known == [truth] * 4


async def test_a_new_connection_to_the_source_is_told_and_takes_any_version() -> None:
    hub = Hub()
    _tell(hub, _figure(5))
    with hub.page() as page:
        hub.figure(_figure(6), id="0-1")
        hub.lost("gone")
        hub.lost("gone")
        hub.connected()
        hub.tell()
        [message] = (await _next(page)).messages
        assert (message.event, orjson.loads(message.data)["connected"]) == ("source", True)
        assert hub.figure(_figure(2), id="0-0")


async def test_closing_ends_waiting_and_new_pages() -> None:
    hub = Hub()
    with hub.page() as waiting:
        taking = asyncio.create_task(waiting.next())
        await asyncio.sleep(0)
        hub.close()
        async with asyncio.timeout(PATIENCE):
            assert await taking is None
    with hub.page() as late:
        assert await late.next() is None


async def test_in_silence_there_is_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.board.hub.BEAT_SECONDS", 0.0)
    monkeypatch.setattr("services.board.hub.GAP_SECONDS", 0.0)
    hub = Hub()
    task = asyncio.create_task(hub.run())
    with hub.page() as page:
        for _ in range(3):
            assert [message.event for message in (await _next(page)).messages] == ["beat"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_parts_make_a_gzip_stream_that_is_read_as_it_comes(contents: list[bytes]) -> None:
    reader = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert reader.decompress(gzip_stream.BEGINNING) == b""
    for content in contents:
        assert reader.decompress(gzip_stream.part(content)) == content
    # As a whole it is one that has been cut off: an end would be another for each who reads it.
    whole = gzip_stream.BEGINNING + b"".join(map(gzip_stream.part, contents))
    with pytest.raises(EOFError):
        gzip.decompress(whole)
