"""Keeps the watch: one evaluation at a time, each logged before the next.

What is in memory and what is logged part ways only when a write fails, or a crash comes between. Then there
is doubt, and everything is read from the tables again before anything else is evaluated: the same readings
make the same changes, under the same ids.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from schemas.alert import AlertChange
from schemas.indicator import Figure
from services.alerts.entry import Laid, Logged, Over
from services.alerts.log import Log
from services.alerts.revisions import Revisions
from services.alerts.sources import Measured, Sources
from services.alerts.watch import Watch
from services.platform.clock import Clock
from services.platform.plan import Plan

Work = Callable[[], list[AlertChange]]


class Evaluator:
    """Every method raises Unavailable while a table cannot be read or written; it may be called again."""

    def __init__(
        self,
        plan: Plan,
        board_url: str,
        *,
        log: Log,
        revisions: Revisions,
        clock: Clock,
        begin: Callable[[], Awaitable[None]],
        keep: Callable[[Sequence[AlertChange]], Awaitable[None]],
        unreliable: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`begin` is called before everything is read anew, `keep` logs changes and lets their notices go;
        `unreliable` as of `Watch`.
        """
        self._plan = plan
        self._board_url = board_url
        self._log = log
        self._revisions = revisions
        self._clock = clock
        self._recover = begin
        self._keep = keep
        self._unreliable = unreliable
        self._lock = asyncio.Lock()
        self._doubt = True
        self.watch = self._watch([])

    async def begin(self) -> None:
        """Take in what ClickHouse knows: how alerts stand, and what the figures are."""
        async with self._lock:
            await self._begin()

    async def figures(self, figures: Sequence[Figure]) -> None:
        """Evaluate changed figures."""
        await self._do(lambda: self._take(figures))

    async def measure(self, sources: Sources) -> None:
        """Ask the sources whose time has come, and weigh what they have measured.

        Figures need not wait while a source is asked.
        """
        if self._doubt:  # without tables there is no clock either
            return
        now = await asyncio.to_thread(self._clock.now)
        if now is None:
            return
        standing = self.watch.restless(sources.rules)
        measured = await asyncio.to_thread(sources.measure, now, standing)
        if measured.readings or measured.failed or measured.rules & self.watch.unmeasured:
            await self._do(lambda: self._weigh(measured, now))

    async def tick(self) -> None:
        """Let durations end, by the county's clock."""
        if self.watch.timed:
            await self._do(self._tick)

    async def lay(self, state: Over, over: Mapping[UUID, Laid]) -> None:
        """Lay a state over alerts, and take it from all others; see `Watch.lay`."""
        await self._do(lambda: self.watch.lay(state, over, self._now()))

    def as_it_stands(self, change: AlertChange) -> AlertChange:
        """See `Watch.as_it_stands`."""
        return self.watch.as_it_stands(change)

    async def _do(self, work: Work) -> None:
        async with self._lock:
            if self._doubt:
                await self._begin()
            await self._change(work)

    async def _begin(self) -> None:
        self._doubt = True
        await self._recover()
        self.watch = self._watch(await asyncio.to_thread(self._log.standings))
        figures = await asyncio.to_thread(self._log.figures, sorted(self.watch.indicators))
        await self._change(lambda: self._take(figures))
        await self._change(lambda: self.watch.settle(self._now()))

    async def _change(self, work: Work) -> None:
        self._doubt = True
        changes = await asyncio.to_thread(work)
        if changes:
            await self._keep(changes)
        self._doubt = False

    def _watch(self, logged: Iterable[Logged]) -> Watch:
        return Watch(self._plan, self._board_url, logged, self._unreliable)

    def _take(self, figures: Sequence[Figure]) -> list[AlertChange]:
        self._revisions.saw(figures)
        days = {(one.indicator, one.division, day) for one in figures for day in self.watch.sent(one)}
        return self.watch.take_figures(figures, self._clock.now, self._revisions.of(days))

    def _weigh(self, measured: Measured, now: datetime) -> list[AlertChange]:
        changes = self.watch.weigh(measured.readings)
        self.watch.measured(measured.rules, {one.key for one in measured.readings})
        for rule, why in measured.failed.items():
            changes += self.watch.fail([rule], why, now)
        return changes

    def _tick(self) -> list[AlertChange]:
        now = self._clock.now()
        return self.watch.tick(now) if now else []

    def _now(self) -> datetime:
        return self._clock.now() or datetime.now(UTC)
