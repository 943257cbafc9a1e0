"""When a record was received, by the county's clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.platform.clickhouse import ClickHouse
from services.platform.clock import EventClock
from services.platform.settings import Common


class Received(Protocol):
    """Tells the `receivedtime` of accepted records."""

    def begin(self) -> None:
        """Learn where the clock stands.

        Raises Unavailable or clickhouse_driver's ServerException if ClickHouse cannot tell.
        """

    def stamps(self, times: Sequence[datetime], now: datetime) -> list[datetime]:
        """Return when each was received, of records accepted one after another with these event times."""


class ByWallClock:
    """The moment of the push."""

    def begin(self) -> None:
        """It always stands."""

    def stamps(self, times: Sequence[datetime], now: datetime) -> list[datetime]:
        return [now] * len(times)


class ByEventClock:
    """The newest event time accepted so far, the record's own included; it never goes back.

    So it depends on the order of the records alone, and not on how they are parted into pushes. A new process
    begins at the newest time that has been counted.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._counted = EventClock(clickhouse)
        self._newest: datetime | None = None
        self._begun = False

    def begin(self) -> None:
        if not self._begun:
            counted = self._counted.now()
            self._newest = max(filter(None, (self._newest, counted)), default=None)
            self._begun = True

    def stamps(self, times: Sequence[datetime], now: datetime) -> list[datetime]:
        stamps = []
        for time in times:
            self._newest = time if self._newest is None else max(self._newest, time)
            stamps.append(self._newest)
        return stamps


def received_for(settings: Common, clickhouse: ClickHouse) -> Received:
    """Return the clock that the settings ask for."""
    return ByWallClock() if settings.clock == "wall" else ByEventClock(clickhouse)
