"""The fan-out: what a page is sent, and what it costs when a page does not keep up."""

import asyncio

import orjson
import pytest

from schemas.indicator import Figure
from services.board.hub import Hub, Mailbox, Message
from tests.board.county import figures

PATIENCE = 10.0


def _figure(version: int, place: int = 0) -> Figure:
    return figures()[place].model_copy(update={"version": version})


def _versions(messages: list[Message]) -> list[int]:
    return [orjson.loads(message.data)["version"] for message in messages if message.event == "figure"]


async def test_every_open_page_gets_a_figure() -> None:
    hub = Hub(limit=10)
    with hub.page() as one, hub.page() as other:
        assert hub.pages == 2
        assert hub.figure(_figure(1), id="0-7")
        for mailbox in (one, other):
            [message] = await mailbox.take(PATIENCE)
            assert (message.event, message.id) == ("figure", "0-7")
            assert Figure.model_validate_json(message.data) == _figure(1)
    assert hub.pages == 0


@pytest.mark.parametrize("version", [4, 5])
async def test_a_repeat_and_an_older_version_are_not_passed_on(version: int) -> None:
    hub = Hub(limit=10)
    with hub.page() as mailbox:
        hub.figure(_figure(5), id="0-1")
        assert not hub.figure(_figure(version), id="0-2")
        assert hub.figure(_figure(0, place=1), id="0-3")
        assert _versions(await mailbox.take(PATIENCE)) == [5, 0]


async def test_a_page_that_does_not_read_skips_versions_but_no_figure() -> None:
    hub = Hub(limit=10)
    with hub.page() as mailbox:
        for version in range(1_000):
            hub.figure(_figure(version), id=f"0-{version}")
        hub.figure(_figure(3, place=1), id="0-1000")
        assert _versions(await mailbox.take(PATIENCE)) == [999, 3]
        assert hub.overflows == 0


async def test_a_mailbox_that_runs_over_asks_for_a_reload_and_others_are_not_touched() -> None:
    hub = Hub(limit=10)
    with hub.page() as slow, hub.page() as quick:
        seen = []
        for place in range(11):
            hub.figure(_figure(place, place=place), id=f"0-{place}")
            seen += _versions(await quick.take(PATIENCE))
        assert seen == list(range(11))
        assert hub.overflows == 1
        hub.figure(_figure(50), id="0-50")
        assert [message.event for message in await slow.take(PATIENCE)] == ["reload", "figure"]


async def test_a_new_connection_to_the_source_is_told_and_takes_any_version() -> None:
    hub = Hub(limit=10)
    hub.figure(_figure(5), id="0-1")
    with hub.page() as mailbox:
        hub.lost("gone")
        hub.lost("gone")
        hub.connected()
        [message] = await mailbox.take(PATIENCE)
        assert (message.event, orjson.loads(message.data)["connected"]) == ("source", True)
        assert hub.figure(_figure(2), id="0-0")


async def test_closing_ends_waiting_and_new_pages() -> None:
    hub = Hub(limit=10)
    with hub.page() as waiting:
        taking = asyncio.create_task(waiting.take(PATIENCE))
        await asyncio.sleep(0)
        hub.close()
        assert await taking == []
        assert waiting.closed
    with hub.page() as late:
        assert late.closed
        assert await late.take(PATIENCE) == []


async def test_nothing_within_the_patience_is_nothing() -> None:
    assert await Mailbox(limit=1).take(patience=0.0) == []
