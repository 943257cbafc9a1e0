"""Feishu's custom robot: a card in a body of at most 20 KB, 100 messages a minute and 5 a second, better not
at :00 and :30; signed in the body where the robot has a secret.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Limits, Rate, Recipient, Why
from services.alerts.channels.cut import cut, in_json
from services.alerts.channels.robot import BUSY, DELIVERED, Robot, Verdict, number

BODY_BYTES: Final = 20_000
_SIGN_BYTES: Final = 120
_TITLE_BYTES: Final = 300
_STYLE: Final = templates.markdown("\n")
_COLOURS: Final = {"critical": "red", "warning": "orange", "info": "blue"}
_TOO_MANY: Final = Verdict("retry", "发送过于频繁 · too many", wait=60)
_GONE: Final = Verdict("refused", "机器人地址无效 · the robot is gone: give its new address")
_WRONG: Final = Verdict("refused", "消息不被接受 · the message is not taken")


class Feishu(Robot):
    """飞书自定义机器人."""

    name = "feishu"
    limits = Limits(bytes=BODY_BYTES, rates=(Rate(100, 60), Rate(5, 1)), avoids_half_hours=True)
    needs = "/hook/"
    codes = {
        0: DELIVERED,
        -1: BUSY,
        11232: _TOO_MANY,
        11233: _TOO_MANY,
        99991400: _TOO_MANY,
        9499: _WRONG,
        19001: _GONE,
        19002: _WRONG,
        19007: Verdict("retry", "机器人已停用：请启用 · the robot is switched off: switch it on"),
        19021: Verdict("retry", "签名或时间不符：请核对密钥和时钟 · look at secret and clock"),
        19022: Verdict("retry", "IP 不在白名单 · this machine's address is not on the robot's list"),
        19024: Verdict("retry", "缺少关键词 · the robot's keyword is missing"),
        19036: _GONE,
        11246: _WRONG,  # card
        230025: _WRONG,  # too long
    }

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """A card; the limit counts the body's bytes, with the sign that is yet to come."""
        letter = templates.letter(changes, to.language, why, _STYLE)
        over = all(one.state in ("resolved", "ok") for one in changes)
        card = {
            "header": {
                "title": {"tag": "plain_text", "content": cut(letter.title, _TITLE_BYTES)},
                "template": "green" if over else _COLOURS[changes[0].severity],
            },
            "elements": [{"tag": "markdown", "content": ""}],
        }
        message = {"msg_type": "interactive", "card": card}
        room = BODY_BYTES - _SIGN_BYTES - len(orjson.dumps(message))
        card["elements"] = [{"tag": "markdown", "content": letter.json(room, in_json)}]
        return orjson.dumps(message)

    def signed(self, url: str, payload: bytes, secret: str) -> tuple[str, bytes]:
        """The sign is HMAC-SHA256 of nothing under "<seconds>\\n<secret>", valid for an hour."""
        if not secret:
            return url, payload
        at = int(self._now())
        digest = hmac.new(f"{at}\n{secret}".encode(), b"", "sha256").digest()
        sign = {"timestamp": str(at), "sign": base64.b64encode(digest).decode()}
        return url, orjson.dumps({**sign, **orjson.loads(payload)})

    @staticmethod
    def code(said: Mapping[str, Any]) -> int | None:
        """An older form of the answer calls it StatusCode."""
        code = number(said.get("code"))
        return number(said.get("StatusCode")) if code is None else code
