"""The one table of what every channel makes of every answer, from real receivers on real sockets."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import orjson
import pytest
from pydantic import SecretStr

from services.alerts.channels import Channel
from services.alerts.channels.alertmanager import Alertmanager
from services.alerts.channels.by_apprise import Apprise
from services.alerts.channels.dingtalk import DingTalk
from services.alerts.channels.feishu import Feishu
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.robot import Robot
from services.alerts.channels.webhook import Webhook
from services.alerts.channels.wecom import WeCom
from tests.alerts.changes import notice
from tests.alerts.receivers import HttpReceiver, SmtpReceiver

ADDRESSES: dict[str, Callable[[HttpReceiver], str]] = {
    "webhook": lambda web: f"{web.base}/hook?token=hush-hush",
    "wecom": lambda web: f"{web.base}/cgi-bin/webhook/send?key=hush-hush",
    "dingtalk": lambda web: f"{web.base}/robot/send?access_token=hush-hush",
    "feishu": lambda web: f"{web.base}/open-apis/bot/v2/hook/hush-hush",
    "alertmanager": lambda web: f"{web.base}/hush-hush",
    "apprise": lambda web: web.base.replace("http:", "json:") + "/hush-hush",
}


class Case(NamedTuple):
    """An answer: its status, body and Retry-After, and what must become of the notice."""

    channel: str
    status: int
    body: str
    kind: str
    wait: float = 0
    retry_after: str = ""


def web_cases(channel: str) -> list[Case]:
    """What an HTTP status says where nothing but it is read."""
    return [
        *(Case(channel, status, "ok", "delivered") for status in (200, 201, 202, 204)),
        *(Case(channel, status, "no", "refused") for status in (400, 401, 403, 404, 405, 410, 413, 422)),
        *(Case(channel, status, "", "retry") for status in (301, 302, 307, 408, 425, 429)),
        *(Case(channel, status, "", "retry") for status in (500, 502, 503, 504)),
        Case(channel, 429, "", "retry", wait=7, retry_after="7"),
        Case(channel, 503, "", "retry", wait=120, retry_after="120"),
        Case(channel, 503, "", "retry", wait=0, retry_after="Fri, 02 Jan 2026 03:04:05 GMT"),
    ]


def code_cases(channel: str, field: str, codes: dict[tuple[int, ...], tuple[str, float]]) -> list[Case]:
    """What a robot's code says, whatever the status; and what its answer says without one."""
    coded = [
        Case(channel, status, orjson.dumps({field: code, "errmsg": "said"}).decode(), kind, wait)
        for many, (kind, wait) in codes.items()
        for code in many
        for status in (200, 400)
    ]
    return [
        *coded,
        *(Case(channel, 200, body, "retry") for body in ("", "ok", "<html>proxy</html>", "[0]", '{"x": 0}')),
        *(Case(channel, 200, f'{{"{field}": {odd}}}', "retry") for odd in ('"0"', "null", "true", "0.5")),
        Case(channel, 404, "", "refused"),
        Case(channel, 429, "", "retry", wait=9, retry_after="9"),
        Case(channel, 502, "<html>bad gateway</html>", "retry"),
        Case(channel, 302, "", "retry"),
    ]


TABLE = [
    *web_cases("webhook"),
    *web_cases("alertmanager"),
    *code_cases(
        "wecom",
        "errcode",
        {
            (0,): ("delivered", 0),
            (-1, 6000): ("retry", 0),
            (45009, 45033): ("retry", 60),
            (40001, 93000, 93004, 93008, 40008, 40058, 44004, 45002, 45008): ("refused", 0),
        },
    ),
    Case("wecom", 200, '{"errcode": 123456}', "retry"),  # a code nobody knows is no end
    *code_cases(
        "dingtalk",
        "errcode",
        {
            (0,): ("delivered", 0),
            (-1, 310000, 400102): ("retry", 0),
            (130101, 410100, 90018, 90030): ("retry", 600),
            (300001, 400013, 400101, 400106): ("refused", 0),
            (40035, 43004, 400105, 430101, 430102, 430103, 430104, 460101): ("refused", 0),
        },
    ),
    Case("dingtalk", 200, '{"errcode": 88, "sub_code": "60011"}', "retry"),
    *code_cases(
        "feishu",
        "code",
        {
            (0,): ("delivered", 0),
            (-1, 19007, 19021, 19022, 19024): ("retry", 0),
            (11232, 11233, 99991400): ("retry", 60),
            (9499, 11246, 19001, 19002, 19036, 230025): ("refused", 0),
        },
    ),
    Case("feishu", 200, '{"StatusCode": 0, "StatusMessage": "success"}', "delivered"),
    Case("feishu", 200, '{"StatusCode": 0, "code": 19001}', "refused"),
    Case("feishu", 200, '{"code": 123456}', "retry"),
    *(Case("apprise", status, "ok", "delivered") for status in (200, 201)),
    *(Case("apprise", status, "no", "retry") for status in (400, 403, 404, 429, 500, 503)),
]


@pytest.fixture
async def channels() -> AsyncIterator[dict[str, Channel]]:
    made: list[Channel] = [Webhook(None), WeCom(), DingTalk(), Feishu(), Alertmanager(), Apprise()]
    yield {channel.name: channel for channel in made}
    for channel in made:
        await channel.close()


@pytest.mark.parametrize("channel", sorted(ADDRESSES))
async def test_answers(channel: str, web: HttpReceiver, channels: dict[str, Channel]) -> None:
    used = channels[channel]
    to = used.recipient(ADDRESSES[channel](web))
    sent = notice(used, to)
    wrong = []
    for case in [one for one in TABLE if one.channel == channel]:
        web.requests.clear()
        web.statuses.append(case.status)
        web.body = case.body
        web.answer_headers = {"Location": web.url}
        if case.retry_after:
            web.answer_headers["Retry-After"] = case.retry_after
        outcome = await used.send(sent, to)
        if (outcome.kind, outcome.wait) != (case.kind, case.wait) or len(web.requests) != 1:
            wrong.append((case, outcome, len(web.requests)))
        assert str(case.status) in outcome.answer or channel == "apprise"
    assert wrong == []


def test_every_code_a_robot_knows_is_in_the_table() -> None:
    robots: list[type[Robot]] = [WeCom, DingTalk, Feishu]
    for robot in robots:
        field = "code" if robot is Feishu else "errcode"
        seen = {
            orjson.loads(case.body).get(field)
            for case in TABLE
            if case.channel == robot.name and case.body.startswith('{"') and case.status == 400
        }
        assert seen == set(robot.codes)


@pytest.mark.parametrize("channel", sorted(ADDRESSES))
async def test_no_answer_tells_a_secret(
    channel: str, web: HttpReceiver, channels: dict[str, Channel]
) -> None:
    used = channels[channel]
    to = used.recipient(ADDRESSES[channel](web))
    web.body = f"asked for {ADDRESSES[channel](web)}, which has hush-hush in it"
    web.statuses.append(503)
    outcome = await used.send(notice(used, to), to)
    for said in (outcome.answer, to.shown, repr(to), repr(notice(used, to))):
        assert "hush-hush" not in said


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("250 taken", "delivered"),
        *((f"{code} later", "retry") for code in (421, 450, 451, 452)),
        *((f"{code} never", "refused") for code in (550, 551, 552, 553, 554)),
    ],
)
@pytest.mark.parametrize("command", ["rcpt", "data"])
async def test_mail_answers(smtp: SmtpReceiver, command: str, answer: str, kind: str) -> None:
    if answer != "250 taken":
        (smtp.rcpt_answers if command == "rcpt" else smtp.data_answers).append(answer)
    channel = Mail(Relay("127.0.0.1", smtp.port, "none", "", SecretStr("")), "minmai@county.example")
    to = channel.recipient("office@county.example")
    outcome = await channel.send(notice(channel, to), to)
    await channel.close()
    assert outcome.kind == kind
    assert outcome.answer.startswith(answer[:3])
