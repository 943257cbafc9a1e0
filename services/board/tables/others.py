"""The smaller tables: the state of each alert, and what each agency has sent."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from clickhouse_driver.errors import ServerException

from schemas.alert import AlertState as Shown
from schemas.alert import Condition
from schemas.fields import Contract
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

ALERTS = 1000
"""So many alerts are shown at most."""


class AlertState(Contract):
    """The newest state of one rule in one division or of a subject there; of a stopped feed its topic is the
    indicator. `by` has silenced or acknowledged it."""

    alert_id: UUID
    rule: str
    indicator: str
    division: str
    severity: str
    subject: str
    state: Shown
    condition: Condition
    held: str
    value: float | None
    threshold: Decimal
    as_of: date
    figure_version: int
    reason: str
    by: str
    changed_at: datetime


class Feed(Contract):
    """What one agency has sent of one stream."""

    source: str
    stream: str
    records: int
    newest_time: datetime
    received_at: datetime


class Others:
    """Reads; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def check(self) -> None:
        """Return if the figures can be read; raises Unavailable too if their table is missing."""
        try:
            self._clickhouse.query("SELECT 1 FROM indicator_live LIMIT 1")
        except ServerException as error:
            raise Unavailable(
                f"indicator_live cannot be read: {error.message.splitlines()[0]}; a new database needs "
                "`minmai migrate`"
            ) from error

    def alerts(self) -> list[AlertState] | None:
        """The newest state of each rule and indicator in each division, None without a log.

        First those that are on, the most severe first, then the others, each the newest first; so many at
        most.
        """
        [(there,)] = self._clickhouse.query(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'alert_log'"
        )
        if not there:
            return None
        rows = self._clickhouse.rows(
            "SELECT * FROM (SELECT alert_id, rule, indicator, division, subject, severity, state, condition, "
            "held, value, threshold, as_of, figure_version, reason, by, changed_at FROM alert_log "
            "ORDER BY changed_at DESC, figure_version DESC LIMIT 1 BY rule, indicator, division, subject) "
            "ORDER BY if(held = '', condition, held) IN ('firing', 'recovering') AS is_on DESC, "
            "is_on * indexOf(['info', 'warning', 'critical'], severity) DESC, changed_at DESC, "
            f"rule, indicator, division, subject LIMIT {ALERTS}"
        )
        return [AlertState.model_validate(row) for row in rows]

    def feeds(self) -> list[Feed]:
        """What each agency has sent."""
        rows = self._clickhouse.rows(
            "SELECT source, stream, sum(records) AS records, max(newest_time) AS newest_time, "
            "max(received_at) AS received_at FROM feed_live GROUP BY source, stream ORDER BY source, stream"
        )
        return [Feed.model_validate(row) for row in rows]
