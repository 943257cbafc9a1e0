"""Which records are looked at: up to the end of a day, as known at a moment."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.platform.clickhouse import moment


@dataclass(frozen=True)
class Knowledge:
    """What was so at the end of `day`, as known at `known_at` (None: as now known).

    `asked` is false where nobody named a day or a moment: then the live figures answer.
    """

    day: date
    zone: ZoneInfo
    known_at: datetime | None = None
    asked: bool = True

    @property
    def end(self) -> datetime:
        """The first moment after the day."""
        return end_of(self.day, self.zone)

    @property
    def received(self) -> str:
        """The SQL condition that leaves what had been received by then."""
        return f"received_at <= {moment(self.known_at)}" if self.known_at else "1"

    @property
    def told(self) -> str:
        """The SQL condition that leaves the records that then were known, those withdrawn too."""
        return f"time < {moment(self.end)} AND {self.received}"

    def kept(self, stream: str) -> str:
        """Return the SQL condition that leaves the records of a stream's log that then were known, and had
        not been withdrawn."""
        return (
            f"{self.told} AND identity NOT IN "
            f"(SELECT retracted FROM retraction_log WHERE stream = '{stream}' AND {self.received})"
        )


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment after a day in a zone."""
    return datetime.combine(day + timedelta(days=1), time(), zone)
