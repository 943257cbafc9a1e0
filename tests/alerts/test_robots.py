"""Robots: what they are sent is signed as they check it, within their bytes, and says what it must."""

import base64
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import orjson
import pytest

from schemas.alert import AlertChange
from services.alerts.channels import AddressError, Language
from services.alerts.channels.dingtalk import DingTalk
from services.alerts.channels.feishu import Feishu
from services.alerts.channels.robot import Robot
from services.alerts.channels.wecom import WeCom
from tests.alerts.changes import CHANGE, FORECAST, changed, notice
from tests.alerts.receivers import HttpReceiver

SECRET = "SEC0123456789abcdef"
AT = 1_700_000_000.25
PLACES: dict[type[Robot], str] = {
    WeCom: "/cgi-bin/webhook/send?key=hush-hush",
    DingTalk: "/robot/send?access_token=hush-hush",
    Feishu: "/open-apis/bot/v2/hook/hush-hush",
}


@pytest.fixture(params=PLACES, ids=lambda kind: kind.name)
async def robot(request: pytest.FixtureRequest) -> AsyncIterator[Robot]:
    made = request.param(now=lambda: AT)
    yield made
    await made.close()


def words(robot: Robot, payload: bytes) -> str:
    """The text that people read."""
    said: dict[str, Any] = orjson.loads(payload)
    if isinstance(robot, Feishu):
        [element] = said["card"]["elements"]
        text = element["content"]
    else:
        text = said["markdown"]["content" if isinstance(robot, WeCom) else "text"]
    assert isinstance(text, str)
    return text


def rendered(robot: Robot, changes: list[AlertChange], language: Language = "zh") -> bytes:
    to = robot.recipient(f"https://robot.example{PLACES[type(robot)]}", language)
    return robot.payload(UUID(int=1), changes, to, "first")


async def test_what_is_sent_is_what_the_ledger_keeps_with_a_sign_that_holds(
    robot: Robot, web: HttpReceiver
) -> None:
    to = robot.recipient(f"{web.base}{PLACES[type(robot)]}#secret={SECRET}")
    sent = notice(robot, to)
    assert SECRET not in sent.payload.decode() + to.shown + repr(to)
    await robot.send(sent, to)
    [(headers, body)], [path] = web.requests, web.paths
    assert headers["content-type"] == "application/json"
    assert "hush-hush" in path
    assert SECRET.encode() not in body
    assert SECRET not in path
    said, asked = orjson.loads(body), parse_qs(urlsplit(path).query)
    if isinstance(robot, DingTalk):
        [at], [sign] = asked["timestamp"], asked["sign"]
        assert at == "1700000000250"
        key, message = SECRET, f"{at}\n{SECRET}"
    elif isinstance(robot, Feishu):
        at, sign = said.pop("timestamp"), said.pop("sign")
        assert at == "1700000000"
        key, message = f"{at}\n{SECRET}", ""
    else:  # WeCom has no signature
        assert body == sent.payload
        return
    assert sign == base64.b64encode(hmac.new(key.encode(), message.encode(), "sha256").digest()).decode()
    assert said == orjson.loads(sent.payload)


def test_signs_are_those_of_openssl() -> None:
    # printf '1700000000250\nSEC0123456789abcdef' | openssl dgst -sha256 -hmac SEC0123456789abcdef -binary |
    # base64
    url, _ = DingTalk(lambda: AT).signed("https://x/?access_token=t", b"{}", SECRET)
    assert parse_qs(urlsplit(url).query)["sign"] == ["Hvsw0kMXBqXg7BXk9OFlsZbk+HN2BDnr95k5nf+O1js="]
    # printf '' | openssl dgst -sha256 -mac HMAC -macopt key:"$(printf '1700000000\nSEC0123456789abcdef')" …
    _, body = Feishu(lambda: AT).signed("https://x/hook/t", b"{}", SECRET)
    assert orjson.loads(body)["sign"] == "PiO7POLlSx/DM2qf8Dy/XCWeJK3exVnevp5G99LEN2M="


@pytest.mark.parametrize("number", [1, 2, 7, 300])
@pytest.mark.parametrize("language", ["zh", "en", "both"])
def test_a_message_has_no_more_bytes_than_the_robot_takes(
    robot: Robot, number: int, language: Language
) -> None:
    long = {"zh": "托位" * 3_000, "en": '"places"\n' * 3_000}
    for changes in (
        [changed(**FORECAST)] * number,
        [changed(reason=long)] * number,
        [changed(subject="m1", subject_name=long, owner="局" * 9_000)] * number,
    ):
        payload = rendered(robot, changes, language)
        text = words(robot, payload)
        size = len(text.encode()) if isinstance(robot, WeCom) else len(payload)
        most = robot.limits.bytes
        assert most is not None
        assert size <= most
        if isinstance(robot, Feishu):
            _, body = robot.signed("https://x/hook/t", payload, SECRET)
            assert len(body) <= most
        if number == 300:
            assert "https://board.example/" in text[-300:]
            assert ("另有" in text) or ("more" in text)
            assert size > most * 0.6  # it is used


def test_a_message_says_what_it_must(robot: Robot) -> None:
    text = words(robot, rendered(robot, [changed(**FORECAST)]))
    for expected in (
        *(
            "【告警】民脉 砚山县 每千人口托位数低于目标",
            "首次告警",
            "4.25 个/千人",
            "不低于 4.5",
            "2025-12-31",
        ),
        *("+0.035", "+0.011", "4.31", "4.2 – 4.4", "县卫生健康局", "警告"),
        f"({CHANGE.link})",
        f"({FORECAST['link_records']})",
    ):
        assert expected in text


def test_a_name_from_outside_calls_nobody_and_makes_no_link(robot: Robot) -> None:
    bad = "<@all> <at id=all></at> [x](https://evil.example) **b** `c`\n# 标题"
    text = words(robot, rendered(robot, [changed(subject="m", subject_name={"zh": bad, "en": bad})]))
    for markup in ("<", "[x]", "**b**", "`", "\n# "):
        assert markup not in text


def test_colours_say_how_bad_it_is() -> None:
    robot = Feishu()
    shown = [
        orjson.loads(rendered(robot, [changed(**fields)]))["card"]["header"]["template"]
        for fields in (
            {"severity": "critical"},
            {"severity": "warning"},
            {"severity": "info"},
            {"state": "resolved", "condition": "resolved"},
        )
    ]
    assert shown == ["red", "orange", "blue", "green"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://robot.example/",
        "ftp://robot.example{}",
        "https://u:p@robot.example{}",
        "https://[x{}",
        "https://robot.example{}#key=1",
        "robot{}",
    ],
)
def test_wrong_addresses_are_named_and_not_repeated(robot: Robot, address: str) -> None:
    with pytest.raises(AddressError) as caught:
        robot.recipient(address.format(PLACES[type(robot)]))
    assert "hush-hush" not in str(caught.value)
