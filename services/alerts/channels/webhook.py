"""The webhook: an HTTP POST of versioned JSON, signed when a secret is set.

    Idempotency-Key: <notice_id>           the same at every attempt
    Minmai-Signature: t=<seconds>,v1=<hex> HMAC-SHA256 of "<t>.<body>" under the secret

A receiver that is sent the same key twice has been sent one notice twice. It should refuse a signature whose
`t` (Unix seconds of the attempt) is minutes old.
"""

import hmac
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import httpx
import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.channels.web import web_recipient

# It logs every URL it asks for, and a webhook's URL often is its password.
logging.getLogger("httpx").setLevel(logging.WARNING)

TIMEOUT_SECONDS: Final = 10.0
_LATER: Final = frozenset({408, 425, 429})
_ANSWER_CHARACTERS: Final = 200


class Webhook:
    """POSTs to URLs."""

    name = "webhook"
    limits = Limits()

    def __init__(self, secret: bytes | None, now: Callable[[], float] = time.time) -> None:
        """`now` dates the signatures, in Unix seconds; receivers compare it with their own clock."""
        self._secret = secret
        self._now = now
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers={"User-Agent": "minmai-alerts"})

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """A URL."""
        return web_recipient(address, language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> str:
        """The body: `type` names the version, `alert` is the change, `text` the same in words."""
        [change] = changes
        body = {
            "type": "minmai.alert.v2",
            "notice_id": str(notice_id),
            "subject": templates.subject(change),
            "text": templates.text(change),
            "alert": change.model_dump(mode="json"),
        }
        return orjson.dumps(body).decode()

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """2xx is delivered; 4xx other than 408, 425 and 429 refuses for good; the rest may pass."""
        body = notice.payload.encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(notice.notice_id)}
        if self._secret is not None:
            headers["Minmai-Signature"] = signature(self._secret, int(self._now()), body)
        try:
            answer = await self._client.post(to.address, content=body, headers=headers)
        except httpx.HTTPError as error:
            return Outcome("retry", f"{type(error).__name__}: {error}")
        said = f"HTTP {answer.status_code} {answer.text[:_ANSWER_CHARACTERS]}".rstrip()
        if answer.is_success:
            return Outcome("delivered", said)
        if answer.is_client_error and answer.status_code not in _LATER:
            return Outcome("refused", said)
        return Outcome("retry", said, wait=_seconds(answer.headers.get("Retry-After", "")))

    async def close(self) -> None:
        await self._client.aclose()


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the value of the signature header for a body sent at `at`, Unix seconds."""
    digest = hmac.new(secret, b"%d.%b" % (at, body), "sha256").hexdigest()
    return f"t={at},v1={digest}"


def _seconds(retry_after: str) -> float:
    """The other form of the header, a date, is left to our own backoff."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
