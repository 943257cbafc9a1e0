"""Signed links: whoever has one manages the subscription it names, without a password.

    <alerts_url>/my/<subscriber>.<time>.<signature>

A link holds for `LINK_DAYS`; to unsubscribe it holds for ever. It holds no longer once its subscriber has
been made anew, or the secret has been changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from itsdangerous import BadSignature, TimestampSigner

from services.alerts.routing.subscriber import BUILT_IN
from services.platform.errors import MinmaiError

LINK_DAYS = 90
_SALT = "minmai.alerts.link.v1"


class BadLink(MinmaiError):
    """A link that is not ours, or has been changed on the way."""


@dataclass(frozen=True)
class Link:
    """What a link says: whose it is, and when it was signed."""

    subscriber: str
    signed_at: datetime

    def expired(self, now: datetime) -> bool:
        """Whether it is too old for anything but to unsubscribe."""
        return now - self.signed_at > timedelta(days=LINK_DAYS)


class Links:
    """Signs links, and reads them."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        """`url` is the pages' address. The first of `secrets` signs and all are known, so that one can follow
        another; without any there are no links.
        """
        self._url = url.rstrip("/")
        self.enabled = bool(secrets)
        self._signer = TimestampSigner(list(reversed(secrets)), salt=_SALT, digest_method=sha256)

    def token(self, subscriber: str) -> str:
        """What opens a subscriber's page, and its part of the API."""
        return self._signer.sign(subscriber).decode()

    def link(self, subscriber: str) -> str | None:
        """The address of a subscriber's page; one that the settings make has none."""
        if not self.enabled or subscriber in BUILT_IN:
            return None
        return f"{self._url}/my/{self.token(subscriber)}"

    def unsubscribing(self, subscriber: str) -> str | None:
        """The address that ends a subscription by one POST (RFC 8058)."""
        link = self.link(subscriber)
        return f"{link}/unsubscribe" if link else None

    def read(self, token: str) -> Link:
        """Raises BadLink."""
        try:
            subscriber, signed_at = self._signer.unsign(token, return_timestamp=True)
        except BadSignature as error:
            raise BadLink(
                "链接不完整或已失效，请用最近一封通知中的链接 · the link is incomplete or no longer holds: "
                "take that of the newest notice"
            ) from error
        return Link(subscriber.decode(), signed_at.astimezone(UTC))
