"""Pushes refused as a whole, counted: who, what, how many, from where.

A push that gets as far as its records has a receipt. How many are refused before that, whoever sends them
chooses: so equal ones are counted together, and what there may be of unequal ones is bounded. They are
written out every minute and at a clean stop. While the broker is away they are kept, and go on being counted
together: that takes no more room however long it lasts.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

from starlette.requests import Request

from schemas.refused_push import OTHERS, RefusedPushes
from services.ingest.agencies import Agencies, bearer_key, without_keys
from services.ingest.faults import Problem, shown
from services.ingest.message import Message, of_refused_pushes
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

ROWS = 500
"""So many unequal refusals of one agency (all unknown keys being one) are told a minute with all they have,
as many more without stream and user agent; all others only by key, status and code."""
_EVERY_SECONDS = 60.0
_AT_ONCE = 500
_EVENTS = "/v1/events"
_RECORDS = "/v1/streams/"
_MOST_BYTES = 10**15
"""A length is declared by whoever sends; larger ones are taken for this."""

Write = Callable[[Sequence[Message]], Awaitable[None]]


class _Refusal(NamedTuple):
    """What makes refusals equal."""

    agency: str
    key: str
    method: str
    stream: str
    status: int
    code: str
    remote: str
    user_agent: str


@dataclass
class _Count:
    first_at: datetime
    last_at: datetime
    pushes: int = 0
    bytes: int = 0


class Audit:
    """Counts the refusals of one ingest process. `run` it; `close` it while messages can still be written."""

    def __init__(self, agencies: Agencies, write: Write) -> None:
        """`write` raises Unavailable if it is not known whether the broker has the messages."""
        self._agencies = agencies
        self._write = write
        self._counts: dict[_Refusal, _Count] = {}
        self._rows: Counter[str] = Counter()
        self._unwritten: list[Message] = []

    def note(self, request: Request, problem: Problem) -> None:
        """Count a request that is answered with a problem, if it is a push."""
        stream = _stream(request.scope["path"])
        if stream is None:
            return
        owner = self._agencies.owner(bearer_key(request.headers.get("authorization", "")))
        agency, key = (owner[0].name, owner[1].id) if owner else ("", "")
        refusal = self._told_as(
            _Refusal(
                *(agency, key, _cleaned(request.method), _cleaned(stream), problem.status, problem.code),
                request.client.host if request.client else "",
                _cleaned(request.headers.get("user-agent", "")),
            )
        )
        now = datetime.now(UTC)
        count = self._counts.get(refusal)
        if count is None:
            count = self._counts[refusal] = _Count(now, now)
            self._rows[agency] += 1
        count.last_at = now
        count.pushes += 1
        count.bytes += _declared(request.headers.get("content-length", ""))

    async def run(self) -> None:
        """Write out every minute, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.write_out()
            except Unavailable as error:
                log.warning("the audit of refused pushes is kept until it can be written: %s", error)
            except Exception:  # our own bug: it is kept, and tried again
                log.exception("the audit of refused pushes cannot be written")

    async def write_out(self) -> None:
        """Write all that has been counted; raises Unavailable if some of it is kept for the next time."""
        while self._unwritten or self._counts:
            if not self._unwritten:
                self._unwritten = self._taken()
            # The very same messages until they are written: what the broker had already is counted once.
            await self._write(self._unwritten[:_AT_ONCE])
            del self._unwritten[:_AT_ONCE]

    async def close(self) -> None:
        """Write what is left; what cannot be written now is lost, which is logged."""
        try:
            await self.write_out()
        except Unavailable as error:
            rows = len(self._unwritten) + len(self._counts)
            log.error("%d rows of the audit of refused pushes are lost: %s", rows, error)  # noqa: TRY400

    def _told_as(self, refusal: _Refusal) -> _Refusal:
        wider = refusal._replace(stream=OTHERS, user_agent=OTHERS)
        for one, most in ((refusal, ROWS), (wider, 2 * ROWS)):
            if one in self._counts or self._rows[refusal.agency] < most:
                return one
        return wider._replace(method=OTHERS, remote=OTHERS)

    def _taken(self) -> list[Message]:
        taken, self._counts, self._rows = self._counts, {}, Counter()
        return [
            of_refused_pushes(RefusedPushes(id=uuid4(), **refusal._asdict(), **vars(count)))
            for refusal, count in taken.items()
        ]


def _stream(path: str) -> str | None:
    """The stream a push is for, empty for events; None if it is no push."""
    if path.startswith(_RECORDS):
        return path.removeprefix(_RECORDS)
    return "" if path == _EVENTS else None


def _cleaned(text: str) -> str:
    return without_keys(shown(text))


def _declared(length: str) -> int:
    return min(int(length[:20]), _MOST_BYTES) if length.isascii() and length.isdecimal() else 0
