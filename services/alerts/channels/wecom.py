"""WeCom's group robot: markdown of at most 4096 bytes, 20 messages a minute, no signature."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Limits, Rate, Recipient, Why
from services.alerts.channels.robot import BUSY, DELIVERED, Robot, Verdict

CONTENT_BYTES: Final = 4096
_STYLE: Final = templates.markdown("\n")
_TOO_MANY: Final = Verdict("retry", "超过每分钟 20 条 · more than 20 a minute", wait=60)
_GONE: Final = Verdict("refused", "机器人地址无效或已删除 · the robot is gone: give its new address")
_WRONG: Final = Verdict("refused", "消息不被接受 · the message is not taken")


class WeCom(Robot):
    """企业微信群机器人."""

    name = "wecom"
    limits = Limits(bytes=CONTENT_BYTES, rates=(Rate(20, 60),))
    needs = "key="
    codes = {
        0: DELIVERED,
        -1: BUSY,
        6000: BUSY,  # two at once
        45009: _TOO_MANY,
        45033: _TOO_MANY,  # too many at once
        93000: _GONE,
        93004: _GONE,  # removed from the group
        93008: _GONE,  # not in the group
        40001: _GONE,
        40008: _WRONG,
        40058: _WRONG,
        44004: _WRONG,  # empty
        45002: _WRONG,  # too long
        45008: _WRONG,
    }

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """Markdown; its limit counts the text's bytes."""
        letter = templates.letter(changes, to.language, why, _STYLE)
        content = letter.pieces(CONTENT_BYTES)
        return b"".join([b'{"msgtype":"markdown","markdown":{"content":', *content, b"}}"])
