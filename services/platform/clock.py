"""One clock: what "now" is, by setting.

In real use it is the wall clock. In the demo it is the newest event time among the records counted, because
the synthetic county lives in the plan's years at a day every few seconds.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common

AHEAD = timedelta(hours=1)
"""How far a sender's clock may run ahead of ours before its records are refused."""


class Clock(Protocol):
    """Tells the time that rules, statuses and pages go by."""

    def now(self) -> datetime | None:
        """The moment it is, in UTC; None while nothing has told it yet."""


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class EventClock:
    """The newest event time among the records counted so far; None before the first."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def now(self) -> datetime | None:
        [(records, newest)] = self._clickhouse.query("SELECT sum(records), max(newest_time) FROM feed_live")
        return newest if records else None


def clock_for(settings: Common, clickhouse: ClickHouse) -> Clock:
    """Return the clock that the settings ask for."""
    return WallClock() if settings.clock == "wall" else EventClock(clickhouse)
