"""The log of sign-ins and changes: a line in the service's log at once, a row of `access_log` soon after.

Nothing waits for the row, so that staff can sign in while ClickHouse is away.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Literal

from clickhouse_driver.errors import ServerException

from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

TABLE = "access_log"
_WAITING = 10_000
_PAUSE_SECONDS = 1.0
_RETRY_SECONDS = 10.0

Outcome = Literal["done", "refused", "limited", "failed"]


@dataclass(frozen=True)
class Entry:
    """What somebody did, or tried to."""

    action: str
    outcome: Outcome
    name: str = ""
    role: str = ""
    by: str = ""
    remote: str = ""
    target: str = ""


class Audit:
    """The log of one service."""

    def __init__(
        self, clickhouse: ClickHouse, service: str, *, retry_seconds: float = _RETRY_SECONDS
    ) -> None:
        self._clickhouse = clickhouse
        self._retry_seconds = retry_seconds
        self._service = service
        self._waiting: deque[tuple[datetime, Entry]] = deque()
        self._writing: asyncio.Task[int] | None = None
        self._woken = asyncio.Event()
        self._trouble = ""

    def tell(self, entry: Entry) -> None:
        """Keep an entry; to be called on the event loop. What no longer fits stands in the service's log."""
        log.info(
            "access: %s %s: %s (%s %s by %s, from %s)",
            *(entry.action, entry.target, entry.outcome, entry.role, entry.name or "?", entry.by or "?"),
            entry.remote,
        )
        if len(self._waiting) < _WAITING:
            self._waiting.append((datetime.now(UTC), entry))
        self._woken.set()

    async def run(self) -> None:
        """Write what is told, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                self._writing = asyncio.create_task(self._keep())
                kept = await asyncio.shield(self._writing)  # a thread that writes does not end by a cancel
                await asyncio.sleep(_PAUSE_SECONDS if kept else self._retry_seconds)

    async def finish(self) -> None:
        """Write what is left, if ClickHouse answers."""
        if self._writing is not None:
            await self._writing
        if self._waiting:
            await self._keep()

    async def _keep(self) -> int:
        """Write what waits; returns how many entries."""
        kept = await asyncio.to_thread(self._write, list(self._waiting))
        for _ in range(kept):
            self._waiting.popleft()
        return kept

    def _write(self, entries: Sequence[tuple[datetime, Entry]]) -> int:
        """Return how many were written."""
        rows = [{"at": at, "service": self._service, **asdict(entry)} for at, entry in entries]
        columns = ("at", "service", *(field.name for field in fields(Entry)))
        try:
            self._clickhouse.insert(TABLE, {name: [row[name] for row in rows] for name in columns})
        except (Unavailable, ServerException) as error:
            reason = str(error).splitlines()[0]
            if reason != self._trouble:
                log.warning("%s cannot be written, it will be tried again: %s", TABLE, reason)
            self._trouble = reason
            return 0
        self._trouble = ""
        return len(rows)
