"""What all channels that speak HTTP have in common.

An attempt has an end whatever the receiver does: not only each wait for bytes is limited, but all of it, and
so is what is read of the answer. Addresses hold tokens, so nothing of an address is told but its host.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import httpx

from services.alerts.channels import AddressError, Language, Outcome, Recipient

# It logs every URL it asks for, and a robot's URL is its password.
logging.getLogger("httpx").setLevel(logging.WARNING)

TIMEOUT_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 16_384
ANSWER_CHARACTERS: Final = 300
_AT_ONCE: Final = 256
_LATER: Final = frozenset({408, 425, 429})
_SHORTEST_SECRET: Final = 4
_HIDDEN: Final = "***"


@dataclass(frozen=True)
class Answer:
    """What came back: `text` is the beginning of it."""

    status: int
    headers: Mapping[str, str]
    text: str

    def outcome(self, to: Recipient) -> Outcome:
        """2xx is delivered; 4xx other than 408, 425 and 429 refuses for good; the rest may pass."""
        said = self.said(to)
        if 200 <= self.status < 300:
            return Outcome("delivered", said)
        if 400 <= self.status < 500 and self.status not in _LATER:
            return Outcome("refused", said)
        return Outcome("retry", said, wait=self.wait)

    def said(self, to: Recipient) -> str:
        """Status and text for the ledger, without the secrets that an answer may repeat."""
        return scrubbed(f"HTTP {self.status} {self.text[:ANSWER_CHARACTERS]}".rstrip(), to.address)

    @property
    def wait(self) -> float:
        """Seconds of Retry-After; its other form, a date, is left to our own backoff."""
        after = self.headers.get("retry-after", "")
        return float(after) if after.isascii() and after.isdigit() else 0.0


class Web:
    """A client for one channel, so that no channel takes another's connections."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            headers={"User-Agent": "minmai-alerts"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
        )
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def post(
        self, url: str, to: Recipient, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer | Outcome:
        """POST JSON; an Outcome if no answer came."""
        parts = urlsplit(url)
        login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
        async with self._slots:
            try:
                async with (
                    asyncio.timeout(TIMEOUT_SECONDS),
                    self._client.stream(
                        "POST",
                        bare,
                        content=body,
                        headers={"Content-Type": "application/json", **(headers or {})},
                        auth=login,
                    ) as answer,
                ):
                    return Answer(answer.status_code, answer.headers, await _beginning(answer))
            except TimeoutError:
                return Outcome("retry", f"no answer within {TIMEOUT_SECONDS:g} s")
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                return Outcome("retry", scrubbed(f"{type(error).__name__}: {error}", to.address))

    async def close(self) -> None:
        await self._client.aclose()


def web_recipient(address: str, language: Language, *, login: bool = False) -> Recipient:
    """Read an http(s) URL; with `login` it may hold a user and password.

    Its path and query may hold a token, so only its host is shown, with a mark by which two of the same host
    can be told apart. Raises AddressError for what is no such URL.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or not address.isprintable():
        raise AddressError("地址须以 http:// 或 https:// 开头 · the address must be http:// or https://")
    if "@" in parts.netloc and not login:
        raise AddressError("地址不得含用户名和密码 · the address must not hold a user or password")
    host = parts.hostname if port is None else f"{parts.hostname}:{port}"
    return Recipient(address, f"{parts.scheme}://{host} #{mark(address)}", language)


def mark(address: str) -> str:
    """A few characters by which addresses can be told apart that may not be shown."""
    return sha256(address.encode()).hexdigest()[:6]


def fragment(address: str) -> tuple[str, dict[str, str]]:
    """Return the address that is asked, and what stands behind its #, which is never sent: `secret=…`."""
    bare, _, behind = address.partition("#")
    return bare, dict(parse_qsl(behind))


def scrubbed(text: str, address: str) -> str:
    """Return the text without what may be secret in an address: login, path, query and fragment."""
    parts = urlsplit(address)
    found = {parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""}
    found |= set(parts.path.split("/"))
    for query in (parts.query, parts.fragment):
        found |= {value for _, value in parse_qsl(query)}
    found |= {unquote(one) for one in found}
    for secret in sorted(found, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return text


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for chunk in answer.aiter_bytes():
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return read[:ANSWER_BYTES].decode(errors="replace")
