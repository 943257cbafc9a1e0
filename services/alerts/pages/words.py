"""The words of the pages: Chinese first, English beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.declaration import Text
from schemas.words import SEVERITY, THEMES

Pairs = dict[str, tuple[str, str]]


def _pairs(words: Mapping[Any, Text]) -> Pairs:
    return {name: (text.zh, text.en) for name, text in words.items()}


@dataclass(frozen=True)
class Words:
    """Labels by what they stand for."""

    severity: Pairs = field(default_factory=lambda: _pairs(SEVERITY))
    theme: Pairs = field(default_factory=lambda: _pairs(THEMES))
    language: Pairs = field(
        default_factory=lambda: {
            "zh": ("中文", "Chinese"),
            "en": ("英文", "English"),
            "both": ("中英文", "both"),
        }
    )
    mode: Pairs = field(
        default_factory=lambda: {
            "at_once": ("即时（同组合并）", "at once, grouped"),
            "digest": ("每日汇总", "once a day"),
        }
    )
    repeat: Pairs = field(
        default_factory=lambda: {
            "0": ("不重复", "never"),
            "86400": ("每天", "every day"),
            "259200": ("每三天", "every three days"),
            "604800": ("每周", "every week"),
        }
    )
    hours: Pairs = field(
        default_factory=lambda: {
            "1": ("1 小时", "1 hour"),
            "8": ("8 小时", "8 hours"),
            "24": ("1 天", "1 day"),
            "168": ("7 天", "7 days"),
        }
    )
    state: Pairs = field(
        default_factory=lambda: {
            "pending": ("待发送", "waiting"),
            "retrying": ("重试中", "trying again"),
            "delivered": ("已送达", "delivered"),
            "refused": ("被拒收", "refused"),
            "given_up": ("已放弃", "given up"),
            "muted": ("未发送（静默或抑制）", "not sent: muted"),
        }
    )
    why: Pairs = field(
        default_factory=lambda: {
            "first": ("首次告警", "first"),
            "new": ("同组新告警", "new in its group"),
            "resolved": ("已解除", "resolved"),
            "repeat": ("定时重复", "repeated"),
            "escalation": ("升级", "escalated"),
            "correction": ("更正", "correction"),
            "digest": ("每日汇总", "digest"),
            "test": ("测试", "test"),
            "resend": ("重发", "sent again"),
        }
    )
    done: Pairs = field(
        default_factory=lambda: {
            "saved": ("设置已保存", "your settings are kept"),
            "acknowledged": ("已确认，不再重复提醒或升级", "acknowledged: it is not repeated or escalated"),
            "silenced": ("已静默，到时自动恢复", "silenced; it ends by itself"),
        }
    )


WORDS = Words()
