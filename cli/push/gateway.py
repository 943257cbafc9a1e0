"""One request to ingest, sent until it is answered: the same sent again is harmless, a record counts once."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Self

import httpx
from pydantic import BaseModel, ValidationError

from cli.push.errors import FileError, Stopped
from cli.push.state import Counts

_TIMEOUT = httpx.Timeout(60, read=300)
"""Seconds; the answer to a sheet of 100,000 rows takes its time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_NEEDS_WAITING = frozenset({408, 425, 429})
_FOR_EVERY_FILE = frozenset({401, 404, 405})


class Fault(BaseModel):
    """One refused record of an answer."""

    index: int
    id: str = ""
    code: str
    field: str = ""
    message: str
    row: int | None = None
    column: str | None = None


class Answer(BaseModel):
    """What became of the records of one request."""

    receipt: str
    dry_run: bool = False
    received: int
    accepted: int
    duplicate: int
    rejected: int
    errors: list[Fault] = []
    marked: str | None = None

    @property
    def counts(self) -> Counts:
        return Counts(self.received, self.accepted, self.duplicate, self.rejected)


@dataclass(frozen=True)
class Content:
    """A body: its media type, encoding (empty: none), length in bytes, its bytes as often as asked for."""

    media_type: str
    encoding: str
    length: int
    chunks: Callable[[], Iterator[bytes]]


class Gateway:
    """Ingest at an address, with a key. Gives up when `patience` seconds have brought no answer."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        dry_run: bool,
        patience: float,
        tell: Callable[[str], None] = lambda _text: None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self._dry_run = dry_run
        self._patience = patience
        self._tell = tell
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=url,
            timeout=_TIMEOUT,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=not _is_here(url),  # proxies are for what is elsewhere
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def push(self, stream: str, content: Content) -> Answer:
        """Send the records of one request and return the answer.

        Raises FileError if ingest refuses the request as such, Stopped if the key or the address is wrong or
        no answer comes.
        """
        headers = {"Content-Type": content.media_type, "Content-Length": str(content.length)}
        if content.encoding:
            headers["Content-Encoding"] = content.encoding
        params = {"dry_run": "true"} if self._dry_run else {}
        response = self._answered(
            lambda: self._http.post(
                f"/v1/streams/{stream}", content=content.chunks(), headers=headers, params=params
            )
        )
        if response.status_code in (200, 207, 400):
            with suppress(ValidationError):
                answer = Answer.model_validate_json(response.content)
                if self._dry_run and not answer.dry_run:
                    raise Stopped(
                        f"{self.url} 不支持只检查：已上报 {answer.received} 条，回执 {answer.receipt} · "
                        "this ingest knows no dry run: these records have been pushed"
                    )
                return answer
        self._refused(response)
        raise Stopped(f"{self.url}: 应答不是民脉的应答 · this is no answer of minmai: {response.text[:200]}")

    def fetch(self, path: str) -> httpx.Response:
        """Return what lies at a path of ingest, e.g. a marked copy. Raises FileError or Stopped."""
        response = self._answered(lambda: self._http.get(path))
        if response.status_code != 200:
            raise FileError(f"{path}: HTTP {response.status_code} {_detail(response)}")
        return response

    def _answered(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send until ingest answers and does not ask to wait."""
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            wanted: float | None = None
            try:
                response = send()
            except httpx.TransportError as error:
                trouble = f"无法连接 · cannot be reached: {type(error).__name__}: {error}"
            else:
                if response.status_code < 500 and response.status_code not in _NEEDS_WAITING:
                    return response
                trouble = f"HTTP {response.status_code} {_detail(response)}"
                wanted = _retry_after(response.headers)
            wait = pause * random.uniform(0.8, 1.2) if wanted is None else wanted  # noqa: S311 - spreads clients
            if waited + wait > self._patience:
                raise Stopped(
                    f"{self.url}: {trouble}\n已等 {waited:.0f} 秒，先停下；再运行一次会从停下的地方继续 · "
                    "stopped; run it again and it goes on from there"
                )
            self._tell(f"{trouble}；{wait:.0f} 秒后重试 · trying again")
            self._sleep(wait)
            waited += wait
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _refused(self, response: httpx.Response) -> None:
        text = f"HTTP {response.status_code} {_detail(response)}"
        if response.status_code in _FOR_EVERY_FILE:
            raise Stopped(f"{self.url}: {text}")
        if response.is_error:
            raise FileError(text)


def _detail(response: httpx.Response) -> str:
    """What a problem answer says, or the beginning of whatever else it is."""
    try:
        said = response.json()
    except ValueError:
        return response.text[:200]
    return str(said["detail"]) if isinstance(said, dict) and "detail" in said else response.text[:200]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks to wait; it may also be a date."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)


def _is_here(url: str) -> bool:
    host = httpx.URL(url).host
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
