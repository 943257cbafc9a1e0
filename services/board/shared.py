"""Answers that many ask for at once, each made once: a thousand open pages cost what one does.

All but the making runs on one event loop.
"""

import asyncio
import math
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

Value = TypeVar("Value")


@dataclass
class _Flight:
    """One making of an answer. `began` is without end until it has begun."""

    task: "asyncio.Task[Any]"
    began: float = math.inf


class Shared:
    """Makes answers in threads of its own: of one question one at a time, and not sooner again than `seconds`
    after the last time.

    An answer is good for whoever asks within `seconds`, and as long as it is being made. After `outdate` it
    is good for nobody who asks later; they wait for the next. So nobody who has heard of a change sees what
    was before it, and a flood of changes makes no flood of statements.
    """

    def __init__(self, *, seconds: float, threads: int) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="shared")
        self._flights: dict[Hashable, _Flight] = {}
        self._outdated = -math.inf

    async def get(self, key: Hashable, make: Callable[[], Value]) -> tuple[Value, bool]:
        """Return the answer to a question, and whether somebody else had asked for it before.

        `make` blocks, and gives an answer to this question whoever asks; what it raises everybody gets who
        waits for it.
        """
        last = self._flights.get(key)
        shared = last is not None and self._good(last)
        flight = last if last is not None and shared else self._begin(key, make, last)
        # Who goes away does not take the answer from the others.
        found: Value = await asyncio.shield(flight.task)
        return found, shared

    def outdate(self) -> None:
        """From now on only what begins to be made now is good."""
        self._outdated = monotonic()

    def close(self) -> None:
        """Make nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _good(self, flight: _Flight) -> bool:
        if flight.began < self._outdated:
            return False
        return not flight.task.done() or monotonic() - flight.began < self._seconds

    def _begin(self, key: Hashable, make: Callable[[], Any], last: _Flight | None) -> _Flight:
        oldest = monotonic() - self._seconds
        self._flights = {
            one: flight
            for one, flight in self._flights.items()
            if not flight.task.done() or flight.began > oldest
        }

        async def fly() -> Any:
            if last is not None:
                if not last.task.done():
                    await asyncio.wait([last.task])
                await asyncio.sleep(last.began + self._seconds - monotonic())
            flight.began = monotonic()
            return await asyncio.get_running_loop().run_in_executor(self._threads, make)

        flight = _Flight(asyncio.create_task(fly()))
        # What went wrong has been heard, also when all who asked have gone.
        flight.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._flights[key] = flight
        return flight
