"""Which feeds are stopped: kept in ClickHouse, so that it outlives every process and a person can resume."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from clickhouse_driver.errors import ErrorCodes, ServerException

from services.ingest.feeds.breaker import Trip
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError, Unavailable

State = Literal["stopped", "running"]


class NotStopped(MinmaiError):
    """A feed is to be resumed that is not stopped."""


@dataclass(frozen=True)
class Standing:
    """Where a feed stands, and the newest stop's reason."""

    agency: str
    alert_id: UUID
    state: State
    checked: int
    refused: int
    code: str
    message: str
    at: datetime

    @property
    def halted(self) -> bool:
        return self.state == "stopped"

    def reason(self) -> str:
        return f"{self.refused}/{self.checked} {self.code}: {self.message}"


class Standings:
    """Reads and writes; every method blocks and raises Unavailable if ClickHouse cannot be asked."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def all(self) -> dict[str, Standing]:
        """The newest standing of every feed that was ever stopped, by agency."""
        with _migrated():
            rows = self._clickhouse.rows(
                "SELECT agency, alert_id, state, checked, refused, code, message, at FROM feed_standing"
                " ORDER BY at DESC LIMIT 1 BY agency"
            )
        return {row["agency"]: Standing(**row) for row in rows}

    def stop(self, agency: str, trip: Trip) -> None:
        """Stop a feed; the alerts service tells people of what stands here."""
        self._write(agency, uuid4(), "stopped", trip.checked, trip.refused, trip.code, trip.message)

    def resume(self, agency: str) -> Standing:
        """Let a stopped feed go on from where it was stopped; return how it stood. Raises NotStopped."""
        standing = self.all().get(agency)
        if standing is None or not standing.halted:
            raise NotStopped(
                f"{agency} 的通道没有停止 · the feed of {agency} is not stopped; `minmai feed list` shows all"
            )
        one = standing
        self._write(one.agency, one.alert_id, "running", one.checked, one.refused, one.code, one.message)
        return standing

    def _write(self, *row: object) -> None:
        names = ("agency", "alert_id", "state", "checked", "refused", "code", "message")
        with _migrated():
            self._clickhouse.insert(
                "feed_standing", {name: [value] for name, value in zip(names, row, strict=True)}
            )


@contextmanager
def _migrated() -> Iterator[None]:
    try:
        yield
    except ServerException as error:
        if error.code in (ErrorCodes.UNKNOWN_TABLE, ErrorCodes.UNKNOWN_DATABASE):
            raise Unavailable(
                "the database lacks the tables of feeds: `minmai migrate` makes them"
            ) from error
        raise
