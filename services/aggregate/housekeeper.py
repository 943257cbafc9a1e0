"""Housekeeping: a Faust service that drops once a day what is older than its setting.

Only the worker that keeps the figures does it. Nothing else in the aggregator reads what it drops, so it
needs no place in the pipeline, and no lock.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from clickhouse_driver.errors import ServerException
from mode import Service

from services.aggregate import metrics
from services.aggregate.waiting import patiently
from services.platform.retention import Due, NotDropped, Retention

log = logging.getLogger(__name__)

_LOOK_SECONDS = 600.0
_REST = timedelta(days=1)


class Housekeeper(Service):
    """Drops what is due; `keeping` tells whether this worker keeps the figures, `now` the wall clock."""

    def __init__(
        self,
        retention: Retention,
        keeping: Callable[[], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._retention = retention
        self._keeping = keeping
        self._now = now
        self._last: datetime | None = None

    @Service.timer(_LOOK_SECONDS)
    async def _look(self) -> None:
        await self.look()

    async def look(self) -> None:
        """Drop what is due, unless that was done within a day or is another worker's."""
        now = self._now()
        if not self._keeping() or (self._last is not None and now - self._last < _REST):
            return
        self._last = now
        try:
            gone: list[Due] = await patiently(lambda: list(self._retention.drop(now)))
        except (ServerException, NotDropped) as error:  # counting goes on; what is due stays due
            log.error("what is old is not dropped: %s", str(error).splitlines()[0])  # noqa: TRY400
            return
        for one in gone:
            metrics.DROPPED.labels(one.rule.table).inc(one.rows)
            log.info("dropped %d rows of %s from before %s", one.rows, one.rule.table, one.before.date())
