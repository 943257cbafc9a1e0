"""What the board reads from ClickHouse: one method a table, each a bounded query."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from clickhouse_driver.errors import ServerException

from schemas.fields import Contract
from schemas.indicator import Figure, FigureStatus
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

HOURS = 48
_LAST_DAY = date(2149, 6, 6)
"""The last day ClickHouse's Date knows."""


class HistoryPoint(Contract):
    """A figure from a day on, until the next point."""

    day: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    target: Decimal | None
    status: FigureStatus


class VoucherTotal(Contract):
    """Money of one step of one campaign, in yuan."""

    campaign: str
    step: str
    records: int
    face_value: Decimal
    order_amount: Decimal


class VoucherHour(VoucherTotal):
    """The same within one hour (`hour`: its start, UTC)."""

    hour: datetime


class AlertState(Contract):
    """The newest state of one rule in one division."""

    rule: str
    indicator: str
    division: str
    severity: str
    state: Literal["firing", "resolved"]
    value: float | None
    threshold: Decimal
    as_of: date
    figure_version: int
    reason: str
    changed_at: datetime


class Feed(Contract):
    """What one agency has sent of one stream."""

    source: str
    stream: str
    records: int
    newest_time: datetime
    received_at: datetime


class Tables:
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

    def figures(self, indicator: str | None = None, division: str | None = None) -> list[Figure]:
        """The current figures: all, or those of an indicator or a division."""
        rows = self._clickhouse.rows(
            "SELECT indicator, division, numerator, denominator, value, target, status, as_of, version, "
            "updated_at FROM indicator_live FINAL "
            "WHERE (%(indicator)s = '' OR indicator = %(indicator)s) "
            "AND (%(division)s = '' OR division = %(division)s) ORDER BY indicator, division",
            {"indicator": indicator or "", "division": division or ""},
        )
        return [Figure.model_validate(row) for row in rows]

    def history(
        self, indicator: str, division: str, first: date | None, last: date | None
    ) -> list[HistoryPoint]:
        """The step series of a figure: a point for `first` (what held then, if anything) and one for every
        day on which it changed, up to `last`."""
        rows = self._clickhouse.rows(
            "SELECT day, numerator, denominator, value, target, status FROM indicator_history FINAL "
            "WHERE indicator = %(indicator)s AND division = %(division)s "
            "AND day <= %(last)s ORDER BY day",
            {"indicator": indicator, "division": division, "last": last or _LAST_DAY},
        )
        points = [HistoryPoint.model_validate(row) for row in rows]
        if first is None:
            return points
        held = [point for point in points if point.day <= first][-1:]
        carried = [point.model_copy(update={"day": first}) for point in held]
        return carried + [point for point in points if point.day > first]

    def voucher_totals(self) -> list[VoucherTotal]:
        """Voucher money since the beginning."""
        rows = self._clickhouse.rows(
            "SELECT campaign, step, sum(records) AS records, sum(face_value) AS face_value, "
            "sum(order_amount) AS order_amount FROM voucher_hourly "
            "GROUP BY campaign, step ORDER BY campaign, step"
        )
        return [VoucherTotal.model_validate(row) for row in rows]

    def voucher_hours(self) -> list[VoucherHour]:
        """Voucher money in the newest 48 hours that have any, oldest first."""
        rows = self._clickhouse.rows(
            "SELECT hour, campaign, step, sum(records) AS records, sum(face_value) AS face_value, "
            "sum(order_amount) AS order_amount FROM voucher_hourly "
            "WHERE hour IN (SELECT DISTINCT hour FROM voucher_hourly ORDER BY hour DESC LIMIT %(hours)s) "
            "GROUP BY hour, campaign, step ORDER BY hour, campaign, step",
            {"hours": HOURS},
        )
        return [VoucherHour.model_validate(row) for row in rows]

    def alerts(self) -> list[AlertState] | None:
        """The newest state of each rule in each division, newest first; None if alerts keep no log here."""
        [(there,)] = self._clickhouse.query(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'alert_log'"
        )
        if not there:
            return None
        rows = self._clickhouse.rows(
            "SELECT * FROM (SELECT rule, indicator, division, severity, state, value, threshold, as_of, "
            "figure_version, reason, changed_at FROM alert_log "
            "ORDER BY changed_at DESC, figure_version DESC LIMIT 1 BY rule, division) "
            "ORDER BY changed_at DESC, rule, division"
        )
        return [AlertState.model_validate(row) for row in rows]

    def feeds(self) -> list[Feed]:
        """What each agency has sent."""
        rows = self._clickhouse.rows(
            "SELECT source, stream, sum(records) AS records, max(newest_time) AS newest_time, "
            "max(received_at) AS received_at FROM feed_live GROUP BY source, stream ORDER BY source, stream"
        )
        return [Feed.model_validate(row) for row in rows]
