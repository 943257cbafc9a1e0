"""Receivers that never answer, or never end to: an attempt has an end, and nobody else waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from services.alerts.channels import Channel, Recipient, web
from services.alerts.channels import mail as mail_module
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.webhook import Webhook
from services.alerts.channels.wecom import WeCom
from services.alerts.delivery import Courier, Patience
from services.alerts.ledger import Attempt
from services.alerts.metrics import Metrics
from tests.alerts.changes import CHANGE, Notice, changed, notice
from tests.alerts.receivers import HttpReceiver
from tests.support.waiting import eventually_async

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(4096):
        pass


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Always says a little more, so that no wait for bytes is long."""
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers at once, and goes on for ever."""
    writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"errcode": 0}')
    while True:
        writer.write(b" " * 4096)
        await writer.drain()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up on everybody."""
    writer.close()


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """A server that talks so; its port."""
    talks: set[asyncio.Task[None]] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()


@pytest.mark.parametrize("talk", [silent, dripping, closing])
async def test_an_attempt_has_an_end(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.3)
    channel = Webhook(None)
    async with listening(talk) as port:
        to = channel.recipient(f"http://127.0.0.1:{port}/hush-hush")
        outcome = await channel.send(notice(channel, to), to)
    await channel.close()
    assert outcome.kind == "retry"
    assert outcome.answer
    assert "hush-hush" not in outcome.answer


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    channel = WeCom()
    async with listening(endless) as port:
        to = channel.recipient(f"http://127.0.0.1:{port}/?key=1")
        outcome = await channel.send(notice(channel, to), to)
    await channel.close()
    assert outcome.kind == "delivered"


async def test_a_mail_server_that_says_nothing_has_its_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT_SECONDS", 0.3)
    async with listening(silent) as port:
        channel = Mail(Relay("127.0.0.1", port, "none", "", SecretStr("")), "a@b.example")
        to = channel.recipient("c@d.example")
        outcome = await channel.send(notice(channel, to), to)
        await channel.close()
    assert outcome.kind == "retry"


async def test_who_never_answers_holds_up_nobody_else(
    web: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty notices to thirty dead hooks and a dead mail server, and then some to one who lives."""
    monkeypatch.setattr("services.alerts.delivery._STOP_SECONDS", 0.1)
    kept: list[tuple[str, Attempt]] = []

    class Book:
        def record(self, made: Sequence[tuple[Notice, Attempt]]) -> None:
            kept.extend((notice.recipient, attempt) for notice, attempt in made)

    async with listening(silent) as port, listening(silent) as relay:
        mail = Mail(Relay("127.0.0.1", relay, "none", "", SecretStr("")), "a@b.example")
        channels: dict[str, Channel] = {"webhook": Webhook(None), "mail": mail}
        dead = [("webhook", f"http://127.0.0.1:{port}/{number}") for number in range(30)]
        dead += [("mail", f"u{number}@d.example") for number in range(30)]
        reached = [(name, channels[name].recipient(url)) for name, url in [*dead, ("webhook", web.url)]]
        known: dict[str, Recipient] = {to.shown: to for _, to in reached}
        courier = Courier(
            channels,
            lambda one: known[one.recipient],
            Book(),  # type: ignore[arg-type]  # the part of it that the courier uses
            patience=Patience(first=1, longest=1, give_up=3600),
            metrics=Metrics(),
        )
        alive, now = reached[-1][1].shown, datetime.now(UTC)
        for name, to in reached:
            many = [CHANGE, changed(state="resolved", changed_at=now)]
            courier.take([notice(channels[name], to, one) for one in many])

        async def seen() -> bool:
            return [attempt.state for shown, attempt in kept if shown == alive] == ["delivered"] * 2

        await eventually_async(seen, 8, "the one who lives has both")
        assert {shown for shown, _ in kept} == {alive}  # all others are still waited for
        assert web.states == ["firing", "resolved"]
        await courier.stop()
