"""Writing so that it stays: what waits at the same time goes out together, then to the journal together."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from services.ingest.journal import Journal
from services.ingest.message import Message
from services.ingest.metrics import Metrics
from services.ingest.outlet import Outlet
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_GROUP_BYTES = 8_000_000
_WAITING_BYTES = 64_000_000


@dataclass(frozen=True)
class _Waiting:
    messages: Sequence[Message]
    size: int
    done: asyncio.Future[None]


class Writer:
    """Writes the messages of all pushes, a group at a time. `open` it first, `close` it last."""

    def __init__(self, outlet: Outlet, journal: Journal | None, timeout: float, metrics: Metrics) -> None:
        self._outlet = outlet
        self._journal = journal
        self._timeout = timeout
        self._broker_seconds = metrics.write_seconds.labels("broker")
        self._journal_seconds = metrics.write_seconds.labels("journal")
        self._disk = ThreadPoolExecutor(1, "journal")  # the common threads may all wait for ClickHouse
        self._queue: list[_Waiting] = []
        self.waiting_bytes = 0
        """Of the messages that wait for their turn."""
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.between_groups = asyncio.Lock()
        """Held while a group is on its way to the broker and the journal."""
        self.troubled = asyncio.Event()
        """Set when something could not be written; whoever watches the broker clears it."""

    def open(self) -> None:
        """Start taking messages; the broker need not be there yet."""
        self._task = asyncio.create_task(self._run(), name="ingest writer")

    async def close(self) -> None:
        """Stop. What still waits raises Unavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._disk.shutdown(wait=False)
        _fail(self._queue, "ingest is stopping")

    async def write(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged every message and the journal, if any, has it.

        Raises Unavailable if that is not known after the timeout. Then some may be written and some not;
        writing them all again is harmless.
        """
        if not messages:
            return
        size = sum(len(message.value) for message in messages)
        if self.waiting_bytes + size > _WAITING_BYTES:
            raise Unavailable("too many records wait for the broker")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(messages, size, done))
        self.waiting_bytes += size
        self._some.set()
        try:
            async with asyncio.timeout(self._timeout):
                await done
        except TimeoutError:
            raise Unavailable("the broker did not acknowledge in time") from None

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            group = self._take_group()
            try:
                async with self.between_groups:
                    await self._write_group(group)
            except asyncio.CancelledError:
                _fail(group, "ingest is stopping")
                raise
            except Exception:  # our own bug: those who wait get no false answer, those who come next a try
                log.exception("a group of %d pushes could not be written", len(group))
                _fail(group, "ingest has an internal error")

    def _take_group(self) -> list[_Waiting]:
        taken = size = 0
        for waiting in self._queue:
            if taken and size + waiting.size > _GROUP_BYTES:
                break
            taken += 1
            size += waiting.size
        group, self._queue = self._queue[:taken], self._queue[taken:]
        self.waiting_bytes -= size
        if not self._queue:
            self._some.clear()
        return [waiting for waiting in group if not waiting.done.done()]  # the others' time is up

    async def _write_group(self, group: list[_Waiting]) -> None:
        began = perf_counter()
        outcome = iter(
            await self._outlet.send([message for waiting in group for message in waiting.messages])
        )
        took = perf_counter() - began
        written = []
        for waiting in group:
            errors = [error for _message, error in zip(waiting.messages, outcome, strict=False) if error]
            if errors:
                self.troubled.set()
                log.warning("%d messages not acknowledged: %r", len(errors), errors[0])
                _fail([waiting], f"the broker does not acknowledge: {errors[0]!r}")
            else:
                written.append(waiting)
        kept = [message for waiting in written for message in waiting.messages]
        if kept:
            self._broker_seconds.observe(took)
        if self._journal is not None and kept:
            began = perf_counter()
            try:
                await asyncio.get_running_loop().run_in_executor(self._disk, self._journal.append, kept)
                self._journal_seconds.observe(perf_counter() - began)
            except OSError as error:
                self.troubled.set()
                log.error("the journal cannot be written: %s", error)  # noqa: TRY400
                _fail(written, f"the journal cannot be written: {error}")
        for waiting in written:
            if not waiting.done.done():
                waiting.done.set_result(None)


def _fail(group: Sequence[_Waiting], why: str) -> None:
    for waiting in group:
        if not waiting.done.done():
            waiting.done.set_exception(Unavailable(why))
