"""DingTalk's custom robot: markdown in a body of at most 20,000 bytes, 20 messages a minute, else blocked for
ten; signed in the URL where the robot has a secret.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Limits, Rate, Recipient, Why
from services.alerts.channels.cut import cut, in_json
from services.alerts.channels.robot import BUSY, DELIVERED, Robot, Verdict

BODY_BYTES: Final = 20_000
_TITLE_BYTES: Final = 300
_STYLE: Final = templates.markdown("\n\n")
_BLOCKED: Final = Verdict("retry", "超过每分钟 20 条，限流 10 分钟 · blocked for ten minutes", wait=600)
_GONE: Final = Verdict("refused", "机器人不存在或群已解散 · the robot is gone: give its new address")
_WRONG: Final = Verdict("refused", "消息不被接受 · the message is not taken")


class DingTalk(Robot):
    """钉钉自定义机器人."""

    name = "dingtalk"
    limits = Limits(bytes=BODY_BYTES, rates=(Rate(20, 60),))
    needs = "access_token="
    codes = {
        0: DELIVERED,
        -1: BUSY,
        130101: _BLOCKED,
        410100: _BLOCKED,
        90018: _BLOCKED,
        90030: _BLOCKED,
        310000: Verdict(
            "retry",
            "关键词、加签或 IP 不符：请核对机器人的安全设置 · "
            "keyword, sign or IP does not match: look at the robot's security settings",
        ),
        400102: Verdict("retry", "机器人已停用：请启用 · the robot is switched off: switch it on"),
        300001: _GONE,
        400013: _GONE,  # the group is dissolved
        400101: _GONE,
        400106: _GONE,
        40035: _WRONG,
        43004: _WRONG,
        400105: _WRONG,
        430101: _WRONG,  # what it says is not allowed: links, words, pictures
        430102: _WRONG,
        430103: _WRONG,
        430104: _WRONG,
        460101: _WRONG,  # too long
    }

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """Markdown; the limit counts the body's bytes."""
        letter = templates.letter(changes, to.language, why, _STYLE)
        title = cut(letter.title, _TITLE_BYTES)
        room = BODY_BYTES - len(_body(title, ""))
        return _body(title, letter.json(room, in_json))

    def signed(self, url: str, payload: bytes, secret: str) -> tuple[str, bytes]:
        """The sign is HMAC-SHA256 of "<milliseconds>\\n<secret>" under the secret, valid for an hour."""
        if secret:
            at = round(self._now() * 1000)
            digest = hmac.new(secret.encode(), f"{at}\n{secret}".encode(), "sha256").digest()
            url += "&" + urlencode({"timestamp": at, "sign": base64.b64encode(digest).decode()})
        return url, payload


def _body(title: str, text: str | orjson.Fragment) -> bytes:
    return orjson.dumps({"msgtype": "markdown", "markdown": {"title": title, "text": text}})
