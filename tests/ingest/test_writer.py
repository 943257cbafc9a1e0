"""The writer, between an outlet that misbehaves and a journal that does."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.ingest import writer as module
from services.ingest.journal import Journal, read
from services.ingest.message import Message
from services.ingest.metrics import Metrics
from services.ingest.outlet import Outlet
from services.ingest.writer import Writer
from services.platform.errors import Unavailable


def message(number: int) -> Message:
    return Message("minmai.facility.v1", number, b"k", b"v" * 100)


class Scripted(Outlet):
    """An outlet that does as the test says; 666 is never acknowledged, 13 meets a bug."""

    def __init__(self) -> None:
        super().__init__("nowhere:1", 1)
        self.called = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self.groups: list[list[int]] = []

    async def send(self, messages: Sequence[Message]) -> list[Exception | None]:
        self.called.set()
        await self.free.wait()
        numbers = [one.identity for one in messages]
        self.groups.append(numbers)
        if 13 in numbers:
            raise RuntimeError("a bug")
        return [OSError("lost") if number == 666 else None for number in numbers]


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[tuple[Writer, Scripted, Journal]]:
    outlet, journal = Scripted(), Journal(tmp_path, 1_000_000)
    writer = Writer(outlet, journal, timeout=5, metrics=Metrics())
    writer.open()
    yield writer, outlet, journal
    await writer.close()
    journal.close()


Parts = tuple[Writer, Scripted, Journal]


def journaled(journal: Journal) -> list[int]:
    return [one.identity for segment in journal.seal() for one in read(segment)]


async def test_pushes_that_wait_together_go_out_together_and_fail_alone(parts: Parts) -> None:
    writer, outlet, journal = parts
    outlet.free.clear()
    first = asyncio.create_task(writer.write([message(1)]))
    await outlet.called.wait()
    rest = [[message(2), message(3)], [message(4), message(666)], [message(5)]]
    waiting = [asyncio.create_task(writer.write(one)) for one in rest]
    await asyncio.sleep(0)
    outlet.free.set()
    outcome = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(one) for one in outcome] == [type(None), type(None), Unavailable, type(None)]
    assert outlet.groups == [[1], [2, 3, 4, 666, 5]]
    assert writer.troubled.is_set()
    assert journaled(journal) == [1, 2, 3, 5]


async def test_a_bug_answers_nobody_falsely_and_stops_nobody_else(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    writer, _outlet, journal = parts
    with pytest.raises(Unavailable):
        await writer.write([message(13)])
    assert "a bug" in caplog.text
    await writer.write([message(1)])
    assert journaled(journal) == [1]


async def test_a_journal_that_cannot_be_written_answers_nobody_falsely(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, _outlet, journal = parts

    def full(_messages: Sequence[Message]) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(journal, "append", full)
    with pytest.raises(Unavailable, match="disk full"):
        await writer.write([message(1)])


async def test_work_in_the_common_threads_does_not_hold_the_journal(parts: Parts) -> None:
    writer, _outlet, journal = parts
    loop, over = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    sheet = loop.run_in_executor(None, over.wait)
    try:
        await writer.write([message(1)])
    finally:
        over.set()
        await sheet
    assert journaled(journal) == [1]


async def test_what_waits_is_bounded_in_size_and_time(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, outlet, _journal = parts
    monkeypatch.setattr(module, "_WAITING_BYTES", 250)
    monkeypatch.setattr(writer, "_timeout", 0.2)
    outlet.free.clear()
    outcome = await asyncio.gather(
        *(writer.write([message(number)]) for number in range(3)), return_exceptions=True
    )
    assert sorted(str(one) for one in outcome) == [
        "the broker did not acknowledge in time",
        "the broker did not acknowledge in time",
        "too many records wait for the broker",
    ]
    outlet.free.set()
    await writer.write([message(7)])  # those whose time was up do not count as waiting any more
