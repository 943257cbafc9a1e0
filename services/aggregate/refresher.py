"""Refreshing: a Faust service that keeps the figures while this worker is their keeper."""

import logging
from collections.abc import Callable
from typing import Any

from mode import Service
from mode.utils.locks import Event

from services.aggregate import metrics
from services.aggregate.pipeline import FigurePath
from services.aggregate.progress import Standing
from services.aggregate.touches import Told
from services.platform.clock import Clock

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""How often the keeper looks for what other workers have told; it hears of its own blocks at once."""

ALONE_SECONDS = 1.0
"""How often it looks while no other worker owns a partition."""


class Refresher(Service):
    """Refreshes what was touched, one round at a time.

    While a round runs, further blocks only add to the next one: under load the rounds get larger, not more.
    While the reader is behind (`behind` says so) it rests after a round for as long as that took, so that
    half of the time is left to counting. `alone` says whether no other worker owns a partition.
    """

    behind: Callable[[], bool] = staticmethod(lambda: False)
    alone: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, path: FigurePath, clock: Clock, **options: Any) -> None:
        super().__init__(**options)
        self._path = path
        self._clock = clock
        self._something = Event()
        self._heard = False
        self._look = True
        self._put_off = False
        self._look_again_at = 0.0
        self._keeping = False
        self._begun = False
        self._shown = False
        self._rounds_begun = self._rounds_ended = 0

    @property
    def keeping(self) -> bool:
        """Whether this worker keeps the figures."""
        return self._keeping

    @property
    def ready(self) -> bool:
        """Whether the figures this worker keeps, if it keeps them, have been brought up to the records."""
        return self._shown or not self._keeping

    def keep(self, keeping: bool) -> None:
        """Become the keeper of the figures, anew, or cease to be it."""
        self._keeping, self._begun, self._shown = keeping, False, False
        metrics.KEEPER.set(keeping)
        self._something.set()

    def told(self, told: Told) -> None:
        """Say what a counted block of this worker has touched."""
        if self._keeping:
            self._path.hear(told)
            self._heard = True
            self._something.set()

    def standing(self) -> Standing:
        """Return how many rounds are done, of those begun; from any thread."""
        return Standing(self._rounds_ended, self._rounds_begun)

    @Service.timer(POLL_SECONDS)
    async def _look_around(self) -> None:
        if not self.alone() or self.loop.time() >= self._look_again_at:
            self._look = True
            self._something.set()

    @Service.task
    async def _refresh(self) -> None:
        while not self.should_stop:
            await self.wait(self._something)  # or until the service stops
            self._something.clear()
            if self._keeping and not self.should_stop:
                self._rounds_begun += 1
                try:
                    await self._round()
                finally:  # one that is cancelled is over too
                    self._rounds_ended = self._rounds_begun

    async def _round(self) -> None:
        look = self._time_to_look()
        if self._begun and look and await self._path.superseded():
            # By one that did not know yet that the group no longer wants it to keep them.
            log.warning("another worker has taken over the figures that this one is to keep: beginning anew")
            self._begun = False
        if not self._begun:
            self._begun = look = True
            await self._path.begin(lambda: self._begun)
            if not self._begun:  # a rebalance meanwhile
                self._something.set()
                return
        began = self.loop.time()
        self._heard, self._look = False, self._look and not look
        await self._path.refresh(self._clock.now, look=look)
        if look:
            self._look_again_at = self.loop.time() + ALONE_SECONDS
        if self.behind():
            await self.sleep(self.loop.time() - began)
        # A rebalance meanwhile has begun another term: that one has yet to be refreshed.
        self._shown = self._begun

    def _time_to_look(self) -> bool:
        """Whether this round looks: what has been heard goes first, once."""
        self._put_off = self._look and self._heard and not self._put_off
        if self._put_off:
            self._something.set()
        return self._look and not self._put_off
