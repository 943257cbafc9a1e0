"""Robots of group chats: WeCom, DingTalk and Feishu. An HTTP status of 200 says nothing; a code in the answer
says whether the group has the message, and its table here says what becomes of the notice.

What is about our settings (a keyword, a signature, an address that is not allowed), somebody can mend while
the notice waits. What is about the message, or about a robot that is gone, never passes.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts.channels import AddressError, Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.channels.web import Answer, Web, fragment, web_recipient


@dataclass(frozen=True)
class Verdict:
    """What a code means: what becomes of the notice, how long the robot wants no message at all (seconds),
    and what to do about it.
    """

    kind: Literal["delivered", "retry", "refused"]
    advice: str = ""
    wait: float = 0.0


DELIVERED: Final = Verdict("delivered")
BUSY: Final = Verdict("retry", "系统繁忙 · busy")
UNKNOWN: Final = Verdict("retry", "未知错误码 · unknown code")


class Robot(ABC):
    """A robot's way: how a message is written, signed, and its answer read."""

    name: ClassVar[str]
    limits: ClassVar[Limits]
    alike: ClassVar[bool] = True
    codes: ClassVar[Mapping[int, Verdict]]
    needs: ClassVar[str]
    """What an address of this robot must have in it, by which a wrong one is known at once."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` dates the signatures, in Unix seconds; robots compare it with their own clock."""
        self._now = now
        self._web = Web()

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """The robot's URL as the chat shows it, and behind it its secret, if it has one: `#secret=SEC…`."""
        bare, more = fragment(address)
        if self.needs not in bare or not set(more) <= {"secret"}:
            raise AddressError(
                f"{self.name}: 机器人地址应含 {self.needs}，加签密钥写在 #secret= 之后 · "
                f"a robot's address has {self.needs} in it, and its secret behind #secret="
            )
        return web_recipient(address, language)

    @abstractmethod
    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """The message, unsigned."""

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """Judge by the code in the answer; by its HTTP status only if that has none."""
        bare, more = fragment(to.address)
        url, body = self.signed(bare, notice.payload, more.get("secret", ""))
        answer = await self._web.post(url, to, body)
        return answer if isinstance(answer, Outcome) else self.judged(answer, to)

    def signed(self, url: str, payload: bytes, secret: str) -> tuple[str, bytes]:
        """Return the URL and the body that are sent now; a robot that signs overrides it."""
        return url, payload

    def judged(self, answer: Answer, to: Recipient) -> Outcome:
        """Return what an answer means."""
        said = answer.said(to)
        code = self.code(_object(answer.text))
        verdict = None if code is None else self.codes.get(code)
        if verdict is None:
            by_status = answer.outcome(to)
            if by_status.kind != "delivered":
                return by_status
            verdict = Verdict("retry", "这不是机器人的回答 · no robot's answer") if code is None else UNKNOWN
        return Outcome(verdict.kind, f"{said} {verdict.advice}".rstrip(), max(verdict.wait, answer.wait))

    @staticmethod
    def code(said: Mapping[str, Any]) -> int | None:
        """Return the robot's code of an answer; None if it has none."""
        return number(said.get("errcode"))

    async def close(self) -> None:
        await self._web.close()


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def number(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None
