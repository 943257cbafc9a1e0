"""Refreshing: a Faust service that recomputes figures when records came in or the day has changed."""

from collections.abc import Callable
from datetime import date
from typing import Any

from mode import Service
from mode.utils.locks import Event

from schemas.streams import STREAMS
from services.aggregate.pipeline import FigurePath
from services.aggregate.waiting import patiently
from services.platform.clock import Clock
from services.platform.plan import Plan


class Refresher(Service):
    """Collects which streams were touched and refreshes their figures, one round at a time.

    While a round runs, further blocks only add to the next one: under load the rounds get larger, not more.
    While the reader is behind (`behind` says so) it rests after a round for as long as that took, so that
    half of the time is left to counting.
    """

    behind: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, path: FigurePath, clock: Clock, plan: Plan, **options: Any) -> None:
        super().__init__(**options)
        self._path = path
        self._clock = clock
        self._plan = plan
        self._touched: set[str] = set()
        self._something = Event()
        self._today: date | None = None
        self.ready = False

    def mark(self, stream: str) -> None:
        """Say that records of a stream have been counted."""
        self._touched.add(stream)
        self._something.set()

    @Service.timer(1.0)
    async def _look_at_the_clock(self) -> None:
        self._something.set()

    @Service.task
    async def _refresh(self) -> None:
        await self._path.begin()
        while not self.should_stop:
            rest = 0.0
            now = await patiently(self._clock.now)
            if now is not None:
                today = now.astimezone(self._plan.zone).date()
                if today != self._today:  # also at the start: earlier blocks may wait for their refresh
                    self._touched.update(STREAMS)
                if self._touched:
                    touched, self._touched = self._touched, set()
                    began = self.loop.time()
                    await self._path.refresh(touched, today)
                    self._today = today
                    if self.behind():
                        rest = self.loop.time() - began
            self.ready = True
            await self.sleep(rest)
            self._something.clear()
            if not self._touched:
                await self.wait(self._something)  # or until the service stops
