"""What each channel makes of each answer, from real receivers."""

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from schemas.streams import ALERT_TOPIC
from services.alerts.channels import (
    Channel,
    Covered,
    Destination,
    Notice,
    Outcome,
    Recipient,
    Why,
    notice_id,
    notice_of,
)
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.topic import Topic
from services.alerts.channels.webhook import Webhook, signature
from services.alerts.place import filled
from services.alerts.templates import letter
from services.alerts.watch import Watch
from tests.alerts.figures import PLAN, childcare
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.support.ports import free_port

OFFICE = "office@county.example"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OCCASIONS: list[tuple[Why, str]] = [("first", ""), ("repeat", "2"), ("repeat", "3")]
[CHANGE] = Watch(PLAN, "https://board.example").take(childcare(1_700, 1), lambda: NOW)


async def send(channel: Channel, address: str) -> Outcome:
    to = channel.recipient(address)
    return await channel.send(notice(channel, to), to)


def notice(channel: Channel, to: Recipient) -> Notice:
    made = notice_of([CHANGE], Destination("someone", channel.name, to), channel, "first", NOW)
    return replace(made, payload=filled(made.payload.decode(), None).encode())  # as the courier does


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    channel = Webhook(b"secret", now=lambda: 1_700_000_000.9)
    yield channel
    await channel.close()


def mail(port: int, *, user: str = "", security: str = "none", **more: Any) -> Mail:
    relay = Relay("127.0.0.1", port, security, user, SecretStr("wrong"))  # type: ignore[arg-type]  # a test's word
    return Mail(relay, "minmai@county.example", **more)


async def test_a_webhook_that_asks_for_patience_gets_it(web: HttpReceiver, webhook: Webhook) -> None:
    web.statuses.extend([429, 503])
    web.answer_headers["Retry-After"] = "7"
    assert (await send(webhook, web.url)).wait == 7
    web.answer_headers["Retry-After"] = "Fri, 02 Jan 2026 03:04:05 GMT"
    assert (await send(webhook, web.url)).wait == 0


async def test_a_webhook_that_nobody_answers_is_tried_again() -> None:
    channel = Webhook(None)
    outcome = await send(channel, f"http://127.0.0.1:{free_port()}/hook?token=secret")
    await channel.close()
    assert outcome.kind == "retry"
    assert "ConnectError" in outcome.answer


async def test_a_webhook_is_signed_as_documented(web: HttpReceiver, webhook: Webhook) -> None:
    await send(webhook, web.url)
    [(headers, body)] = web.requests
    assert headers["minmai-signature"] == signature(b"secret", 1_700_000_000, body)
    # printf '1.{}' | openssl dgst -sha256 -hmac secret
    known = "1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908"
    assert signature(b"secret", 1, b"{}") == f"t=1,v1={known}"


def test_the_ledger_sees_no_token_of_a_webhook(webhook: Webhook) -> None:
    to, other = (webhook.recipient(f"https://hooks.example/path?token={token}") for token in "ab")
    assert to.shown != other.shown
    for said in (to.shown, repr(to)):
        assert "hooks.example" in said
        assert "token" not in said
        assert "/path" not in said


async def test_mail_that_no_server_takes_is_tried_again() -> None:
    channel = mail(free_port())
    assert (await send(channel, OFFICE)).kind == "retry"


async def test_a_server_without_the_tls_asked_for_gets_nothing(smtp: SmtpReceiver) -> None:
    channel = mail(smtp.port, security="starttls")
    assert (await send(channel, OFFICE)).kind == "retry"
    assert smtp.messages == []


@pytest.fixture
def locked() -> Iterator[SmtpReceiver]:
    """A server that takes nobody's password."""
    receiver = SmtpReceiver(
        free_port(),
        authenticator=lambda *_: AuthResult(success=False, handled=False),
        auth_require_tls=False,
    )
    yield receiver
    receiver.close()


async def test_a_wrong_password_is_ours_to_mend_so_the_notice_waits(locked: SmtpReceiver) -> None:
    channel = mail(locked.port, user="minmai")
    outcome = await send(channel, OFFICE)
    assert outcome.kind == "retry"
    assert "535" in outcome.answer
    assert "wrong" not in outcome.answer


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_encrypted_and_logged_in(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    logins: list[bytes] = []

    def let_in(
        _server: object, _session: object, _envelope: object, _how: str, login: LoginPassword
    ) -> AuthResult:
        logins.append(login.password)
        return AuthResult(success=True)

    encrypted = (
        {"tls_context": context, "require_starttls": True}
        if security == "starttls"
        else {"ssl_context": context}
    )
    receiver = SmtpReceiver(
        free_port(),
        authenticator=let_in,
        auth_required=True,
        auth_require_tls=security == "starttls",
        **encrypted,
    )
    try:
        channel = mail(receiver.port, user="minmai", security=security)
        outcome = await send(channel, OFFICE)
        assert outcome.kind == "delivered", outcome
        assert logins == [b"wrong"]
        monkeypatch.delenv("SSL_CERT_FILE")  # now nobody vouches for the server
        assert (await send(channel, OFFICE)).kind == "retry"
        assert len(receiver.messages) == 1
    finally:
        receiver.close()


async def test_a_message_is_whole(smtp: SmtpReceiver) -> None:
    channel = mail(smtp.port)
    sent = notice(channel, channel.recipient(OFFICE))
    await send(channel, OFFICE)
    [message] = smtp.messages
    assert message["Message-ID"] == f"<{sent.notice_id}@county.example>"
    assert message["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert message["To"] == "office@county.example"
    assert message["Auto-Submitted"] == "auto-generated"
    whole = filled(letter([CHANGE], "both", "first").text(), None)
    assert message.get_content().replace("\r\n", "\n") == whole
    assert "List-Unsubscribe" not in message


async def test_a_message_can_be_unsubscribed_from_by_a_button(smtp: SmtpReceiver) -> None:
    link = f"https://alerts.example/my/{'x' * 150}/unsubscribe"
    channel = mail(smtp.port, leave=lambda subscriber: link.replace("x", subscriber, 1))
    await send(channel, OFFICE)
    [message] = smtp.messages
    # As it came over the wire: mail programs do not decode it.
    assert f"List-Unsubscribe: <{link.replace('x', 'someone', 1)}>\r\n".encode() in smtp.bodies[0]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_topic_without_a_broker_is_tried_again() -> None:
    outcome = await send(Topic(f"127.0.0.1:{free_port()}"), ALERT_TOPIC)
    assert outcome == Outcome("retry", outcome.answer)


def test_notices_have_ids_of_their_own_that_stay() -> None:
    channel = Webhook(None)
    urls = ("https://a.example/?key=1", "https://a.example/?key=2")
    places = [Destination(who, "webhook", channel.recipient(url)) for who in ("one", "two") for url in urls]
    first, again = (
        [notice_id(to, why, [Covered.of(CHANGE)], when) for to in places for why, when in OCCASIONS]
        for _ in range(2)
    )
    assert first == again
    assert len(set(first)) == len(places) * len(OCCASIONS)
