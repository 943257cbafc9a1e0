"""Attempts into the ledger: what comes while one insert is under way goes into the next, as one block.

Alone, an attempt waits for nobody; thousands at once are a few inserts, where one each would be more parts
than ClickHouse can merge.
"""

import asyncio
import logging

from services.alerts.channels import Notice
from services.alerts.ledger import Attempt, Ledger
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_BLOCK = 5_000

Made = tuple[Notice, Attempt]


class Recorder:
    """Keeps attempts until they are kept: one that is forgotten would be made again after a restart."""

    def __init__(self, ledger: Ledger, stopping: asyncio.Event) -> None:
        """Once `stopping` is set, what ClickHouse does not take is let go: the next start makes it again."""
        self._ledger = ledger
        self._stopping = stopping
        self._waiting: list[tuple[Made, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def record(self, notice: Notice, attempt: Attempt) -> None:
        """Return when the attempt is kept; raises what nobody foresaw."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append(((notice, attempt), kept))
        if self._task is None:
            self._task = asyncio.create_task(self._work_off(), name="record attempts")
        await kept

    async def _work_off(self) -> None:
        while self._waiting:
            block = self._waiting[:_BLOCK]
            try:
                await asyncio.to_thread(self._ledger.record, [made for made, _ in block])
            except Unavailable as error:
                if not self._stopping.is_set():
                    log.warning("%d attempts are not recorded yet: %s", len(self._waiting), error)
                    await self._pause()
                    continue
            except Exception as error:
                self._settle(block, error)
                continue
            self._settle(block)
        self._task = None

    def _settle(self, block: list[tuple[Made, asyncio.Future[None]]], error: Exception | None = None) -> None:
        del self._waiting[: len(block)]
        for _, kept in block:
            if kept.done():  # who waited was cut off
                continue
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_AGAIN_SECONDS):
                await self._stopping.wait()
        except TimeoutError:
            return
