"""What each channel makes of each answer, from real receivers."""

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from services.alerts.channels import Channel, Notice, Outcome, notices_of
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.topic import Topic
from services.alerts.channels.webhook import Webhook, signature
from services.alerts.templates import text
from services.alerts.watch import Watch
from tests.alerts.figures import PLAN, childcare, nursing
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.support.ports import free_port

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
[CHANGE] = Watch(PLAN, "https://board.example").take(childcare(1_700, 1), lambda: NOW)


def notice(channel: Channel) -> Notice:
    return notices_of(CHANGE, [channel], NOW)[0]


@pytest.fixture
async def webhook(web: HttpReceiver) -> AsyncIterator[Webhook]:
    channel = Webhook(web.url, b"secret", now=lambda: 1_700_000_000.9)
    yield channel
    await channel.close()


def mail(port: int, *, user: str = "", security: str = "none") -> Mail:
    relay = Relay("127.0.0.1", port, security, user, SecretStr("wrong"))  # type: ignore[arg-type]  # a test's word
    return Mail(relay, "minmai@county.example", ["office@county.example"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "delivered") for status in (200, 201, 202, 204)),
        *((status, "refused") for status in (400, 401, 403, 404, 405, 410, 413, 422)),
        *((status, "retry") for status in (301, 302, 307, 408, 425, 429, 500, 502, 503, 504)),
    ],
)
async def test_webhook_answers(web: HttpReceiver, webhook: Webhook, status: int, kind: str) -> None:
    web.statuses.append(status)
    web.answer_headers["Location"] = web.url
    outcome = await webhook.send(notice(webhook))
    assert outcome.kind == kind
    assert outcome.answer.startswith(f"HTTP {status}")
    assert len(web.requests) == 1


async def test_a_webhook_that_asks_for_patience_gets_it(web: HttpReceiver, webhook: Webhook) -> None:
    web.statuses.extend([429, 503])
    web.answer_headers["Retry-After"] = "7"
    assert (await webhook.send(notice(webhook))).wait == 7
    web.answer_headers["Retry-After"] = "Fri, 02 Jan 2026 03:04:05 GMT"
    assert (await webhook.send(notice(webhook))).wait == 0


async def test_a_webhook_that_nobody_answers_is_tried_again() -> None:
    channel = Webhook(f"http://127.0.0.1:{free_port()}/hook?token=secret", None)
    outcome = await channel.send(notice(channel))
    await channel.close()
    assert outcome.kind == "retry"
    assert "ConnectError" in outcome.answer


async def test_a_webhook_is_signed_as_documented(web: HttpReceiver, webhook: Webhook) -> None:
    await webhook.send(notice(webhook))
    [(headers, body)] = web.requests
    assert headers["minmai-signature"] == signature(b"secret", 1_700_000_000, body)
    # printf '1.{}' | openssl dgst -sha256 -hmac secret
    known = "1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908"
    assert signature(b"secret", 1, b"{}") == f"t=1,v1={known}"


def test_the_ledger_sees_no_token_of_a_webhook(webhook: Webhook) -> None:
    [recipient] = webhook.recipients
    assert "token" not in recipient
    assert "/hook" not in recipient


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("250 taken", "delivered"),
        ("421 closing", "retry"),
        ("450 busy", "retry"),
        ("452 full", "retry"),
        ("550 no such user", "refused"),
        ("552 too big", "refused"),
        ("554 spam", "refused"),
    ],
)
@pytest.mark.parametrize("command", ["rcpt", "data"])
async def test_mail_answers(smtp: SmtpReceiver, command: str, answer: str, kind: str) -> None:
    if answer != "250 taken":
        (smtp.rcpt_answers if command == "rcpt" else smtp.data_answers).append(answer)
    channel = mail(smtp.port)
    outcome = await channel.send(notice(channel))
    assert outcome.kind == kind
    assert outcome.answer.startswith(answer[:3])


async def test_mail_that_no_server_takes_is_tried_again() -> None:
    channel = mail(free_port())
    assert (await channel.send(notice(channel))).kind == "retry"


async def test_a_server_without_the_tls_asked_for_gets_nothing(smtp: SmtpReceiver) -> None:
    channel = mail(smtp.port, security="starttls")
    assert (await channel.send(notice(channel))).kind == "retry"
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
    outcome = await channel.send(notice(channel))
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
        outcome = await channel.send(notice(channel))
        assert outcome.kind == "delivered", outcome
        assert logins == [b"wrong"]
        monkeypatch.delenv("SSL_CERT_FILE")  # now nobody vouches for the server
        assert (await channel.send(notice(channel))).kind == "retry"
        assert len(receiver.messages) == 1
    finally:
        receiver.close()


async def test_a_message_is_whole(smtp: SmtpReceiver) -> None:
    channel = mail(smtp.port)
    sent = notice(channel)
    await channel.send(sent)
    [message] = smtp.messages
    assert message["Message-ID"] == f"<{sent.notice_id}@county.example>"
    assert message["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert message["To"] == "office@county.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == text(CHANGE)


async def test_a_topic_without_a_broker_is_tried_again() -> None:
    channel = Topic(f"127.0.0.1:{free_port()}")
    outcome = await channel.send(notice(channel))
    assert outcome == Outcome("retry", outcome.answer)


def test_notices_have_ids_of_their_own_that_stay() -> None:
    channels: list[Channel] = [
        Topic("127.0.0.1:9"),
        Mail(Relay("h", 25, "none", "", SecretStr("")), "a@b.example", ["one@b.example", "two@b.example"]),
    ]
    first, again = (notices_of(CHANGE, channels, NOW) for _ in range(2))
    assert [one.notice_id for one in first] == [one.notice_id for one in again]
    assert len({one.notice_id for one in first}) == 3
    assert all(isinstance(one.notice_id, UUID) for one in first)


def test_the_words() -> None:
    assert text(CHANGE) == (
        "【告警】砚山县 每千人口托位数低于目标 · Alert: Childcare places per 1,000 below target\n"
        "\n"
        "地区 Place: 砚山县（532622）\n"
        "指标 Indicator: 每千人口3岁以下婴幼儿托位数 Childcare places per 1,000 inhabitants\n"
        "数值 Figure: 4.25 个/千人 (places per 1,000)，分子 numerator 1700，分母 denominator 400000\n"
        "目标 Target: 不低于 at least 4.5 个/千人 (places per 1,000)\n"
        "差距 Gap: -0.25 个/千人 (places per 1,000)\n"
        "截至 As of: 2024-05-06\n"
        "责任部门 Responsible: 县卫生健康局\n"
        "级别 Severity: 警告 warning\n"
        "原因 Reason: 4.25 个/千人，低于 4.5，相差 0.25 · 4.25 places per 1,000 is below 4.5, by 0.25\n"
        "\n"
        "看板 Board: https://board.example/#childcare_places_per_1000/532622\n"
        f"告警编号 Alert id: {CHANGE.alert_id}\n"
    )
    [percent] = Watch(PLAN, "").take(nursing(10, 100, 1), lambda: NOW)
    assert "数值 Figure: 10.0%，" in text(percent)
