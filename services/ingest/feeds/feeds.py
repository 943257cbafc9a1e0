"""All feeds of this process: one reader for each that shall be read, none for those that are stopped."""

import asyncio
import logging
from collections.abc import Sequence

from clickhouse_driver.errors import Error as ClickHouseError

from services.ingest.agencies import Agencies
from services.ingest.check import Check
from services.ingest.feeds.breaker import Trip
from services.ingest.feeds.reader import Pipeline, Reader
from services.ingest.feeds.standing import Standings
from services.ingest.metrics import Metrics
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 2.0


class Feeds:
    """Looks every few seconds at who may feed and which feeds are stopped, and acts on it."""

    def __init__(
        self,
        bootstrap: str,
        agencies: Agencies,
        pipeline: Pipeline,
        *,
        check: Check,
        standings: Standings,
        pace: float,
        metrics: Metrics,
    ) -> None:
        """`check`: that of an event; `pace`: records a second that are read of one feed at the most."""
        self._bootstrap = bootstrap
        self._agencies = agencies
        self._pipeline = pipeline
        self._check = check
        self._standings = standings
        self._pace = pace
        self._readers: dict[str, Reader] = {}
        self._tasks: dict[str, asyncio.Task[Trip]] = {}
        self._tripped: dict[str, Trip] = {}
        self._halted: dict[str, str] = {}
        self._trouble = ""
        self._reading = metrics.feed_reading
        self._stopped = metrics.feed_stopped

    def detail(self) -> dict[str, str]:
        """What is to be said of each feed that is not read, by agency: why."""
        waiting = {name: one.trouble for name, one in self._readers.items() if one.trouble}
        return {**waiting, **self._halted}

    async def run(self) -> None:
        """Look until cancelled; then end every reader."""
        try:
            while True:
                try:
                    await self._look()
                    self._trouble = ""
                except (Unavailable, ClickHouseError) as error:
                    reason = (str(error) or repr(error)).splitlines()[0]
                    if (
                        reason != self._trouble
                    ):  # the feeds that are read go on; what waits is on their topics
                        log.warning("cannot look after the feeds: %s", reason)
                    self._trouble = reason
                except Exception:  # our own bug: the feeds that are read go on, and it is tried again
                    log.exception("cannot look after the feeds")
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await self._end(list(self._tasks))

    async def _look(self) -> None:
        feeding = self._agencies.feeding()
        await self._end([name for name in self._tasks if name not in feeding])
        for name in [name for name, task in self._tasks.items() if task.done()]:
            self._ended(name)
        for name, trip in list(self._tripped.items()):
            await asyncio.to_thread(self._standings.stop, name, trip)
            del self._tripped[name]
        if not feeding:
            self._halted = {}
            return
        standings = await asyncio.to_thread(self._standings.all)
        self._halted = {
            name: f"stopped: {one.reason()}"
            for name, one in standings.items()
            if one.halted and name in feeding
        }
        await self._end([name for name in self._tasks if name in self._halted])
        for name in feeding.keys() - self._halted.keys() - self._tasks.keys():
            self._begin(name)
        for name in feeding:
            self._reading.labels(name).set(name in self._readers and not self._readers[name].trouble)
            self._stopped.labels(name).set(name in self._halted)

    def _begin(self, name: str) -> None:
        reader = Reader(
            *(self._bootstrap, lambda: self._agencies.feeding().get(name), name),
            *(self._pipeline, self._check),
            pace=self._pace,
        )
        self._readers[name] = reader
        self._tasks[name] = asyncio.create_task(reader.run(), name=f"feed of {name}")

    def _ended(self, name: str) -> None:
        """A reader ends by its breaker, or by a bug of ours: then it begins anew at the next look."""
        task = self._tasks.pop(name)
        del self._readers[name]
        if (bug := task.exception()) is not None:
            log.error("the reader of the feed of %s has ended", name, exc_info=bug)
            return
        trip = self._tripped[name] = task.result()
        log.error(
            "the feed of %s is stopped: of its newest %d records %d were refused, mostly %s (%s). "
            "When its sender is mended: minmai feed resume %s",
            *(name, trip.checked, trip.refused, trip.code, trip.message, name),
        )

    async def _end(self, names: Sequence[str]) -> None:
        ending = [self._tasks.pop(name) for name in names]
        for name, task in zip(names, ending, strict=True):
            del self._readers[name]
            self._reading.labels(name).set(0)
            task.cancel()
        if ending:
            await asyncio.wait(ending)
