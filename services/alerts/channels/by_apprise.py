"""Whatever apprise knows how to reach by a URL (ntfy, Telegram, Bark, ServerChan, Matrix …).

apprise says only whether a service took the message; what the service answered it logs, and that is what the
ledger gets. It is imported when such an address is first used. What has a channel of its own here goes by
that: apprise reads no robot's code and keeps no robot's limit.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import AddressError, Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.channels.cut import cut
from services.alerts.channels.web import mark, scrubbed

TIMEOUT_SECONDS: Final = 30.0
_AT_ONCE: Final = 8
_ANSWER_CHARACTERS: Final = 300
_OWN: Final = {"dingtalk", "feishu", "lark", "wecombot", "mailto", "mailtos"}
"""Schemes of apprise's for which there is a channel here."""


class Apprise:
    """Sends by apprise's plugins, in threads of its own."""

    name = "apprise"
    limits = Limits()
    alike = False

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, "apprise")

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """A URL as apprise documents it; only the service's name is shown."""
        scheme = address.partition(":")[0].lower()
        if scheme in _OWN:
            raise AddressError(f"{scheme}: 请用专门的通道 · this has a channel of its own")
        plugin = _plugin(address)
        return Recipient(address, f"{plugin.service_name} #{mark(address)}", language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """Title and text as JSON, no longer than the service takes."""
        plugin = _plugin(to.address)
        letter = templates.letter(changes, to.language, why)
        title = cut(letter.title, plugin.title_maxlen) if plugin.title_maxlen else ""
        over = all(one.state in ("resolved", "ok") for one in changes)
        kind = "success" if over else {"critical": "failure"}.get(changes[0].severity, "warning")
        said = {"title": title, "text": letter.json(plugin.body_maxlen), "kind": kind}
        return orjson.dumps(said)

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """What apprise could not send may pass; it does not say whether it ever will."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await loop.run_in_executor(self._threads, _send, notice, to)
        except TimeoutError:
            return Outcome("retry", f"no answer within {TIMEOUT_SECONDS:g} s")

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _send(notice: Notice, to: Recipient) -> Outcome:
    said = orjson.loads(notice.payload)
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        taken = _plugin(to.address).notify(
            body=said["text"], title=said["title"], notify_type=said["kind"], body_format="text"
        )
    except Exception as error:  # a plugin's own
        return Outcome("retry", scrubbed(f"{type(error).__name__}: {error}", to.address))
    finally:
        logger.removeHandler(heard)
    if taken:
        return Outcome("delivered", "accepted")
    why = scrubbed("; ".join(heard.said), to.address)[:_ANSWER_CHARACTERS]
    return Outcome("retry", why or "not accepted")


def _plugin(address: str) -> Any:
    plugin = _library().instantiate(address, suppress_exceptions=True)
    if plugin is None:
        raise AddressError("apprise 不认识这个地址 · apprise does not know such an address")
    return plugin


@cache
def _library() -> Any:
    import apprise

    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.propagate = False  # what it says may hold tokens
    logger.addHandler(logging.NullHandler())
    return apprise.Apprise


class _Heard(logging.Handler):
    """What was logged by this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())
