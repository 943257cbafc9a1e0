"""The webhook: an HTTP POST of versioned JSON, signed when a secret is set.

    Idempotency-Key: <notice_id>           the same at every attempt
    Minmai-Signature: t=<seconds>,v1=<hex> HMAC-SHA256 of "<t>.<body>" under the secret

A receiver that is sent the same key twice has been sent one notice twice. It should refuse a signature whose
`t` (Unix seconds of the attempt) is minutes old. An address may bring its own secret: `https://…#secret=…`.
"""

import hmac
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.channels.web import Web, fragment, web_recipient

TYPE = "minmai.alert.v2"


class Webhook:
    """POSTs to URLs."""

    name = "webhook"
    limits = Limits()
    alike = False

    def __init__(self, secret: bytes | None, now: Callable[[], float] = time.time) -> None:
        """`secret` signs for addresses without one of their own; `now` dates the signatures, in Unix seconds;
        receivers compare it with their own clock.
        """
        self._secret = secret
        self._now = now
        self._web = Web()

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """A URL, with `#secret=…` if it has a secret of its own."""
        return web_recipient(address, language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """The body: `type` names the version, `alerts` are the changes, `text` the same in words."""
        letter = templates.letter(changes, to.language, why, managed=False)
        body = {
            "type": TYPE,
            "notice_id": str(notice_id),
            "why": why,
            "subject": letter.title,
            "text": letter.json(),
            "alerts": [change.model_dump(mode="json") for change in changes],
        }
        return orjson.dumps(body)

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """See `Answer.outcome`."""
        url, more = fragment(to.address)
        headers = {"Idempotency-Key": str(notice.notice_id)}
        secret = more["secret"].encode() if "secret" in more else self._secret
        if secret is not None:
            headers["Minmai-Signature"] = signature(secret, int(self._now()), notice.payload)
        answer = await self._web.post(url, to, notice.payload, headers)
        return answer if isinstance(answer, Outcome) else answer.outcome(to)

    async def close(self) -> None:
        await self._web.close()


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the value of the signature header for a body sent at `at`, Unix seconds."""
    digest = hmac.new(secret, b"%d.%b" % (at, body), "sha256").hexdigest()
    return f"t={at},v1={digest}"
