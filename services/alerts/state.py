"""What the alerts service keeps in ClickHouse: the log of changes, and the ledger of notices.

A change is made by two inserts: its notices first (attempt 0), its row of `alert_log` second. The row is what
counts: a notice whose change is not in the log is not sent.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from clickhouse_driver.errors import ErrorCodes, ServerException

from schemas.alert import FEED_STOPPED, AlertChange, AlertState
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from schemas.indicator import Figure
from services.alerts.channels import Notice
from services.alerts.feeds import Stop, Told
from services.alerts.watch import LoggedChange
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

NoticeState = Literal["pending", "retrying", "delivered", "refused", "given_up"]

_CURRENT = """
    SELECT notice_id, alert_id, change, rule, division, channel, recipient,
        max(attempt) AS attempts, argMax(state, attempt) AS newest_state,
        argMax(answer, attempt) AS newest_answer, anyIf(payload, attempt = 0) AS body,
        minIf(at, attempt = 0) AS created_at, max(at) AS newest_at
    FROM alert_notice
    GROUP BY notice_id, alert_id, change, rule, division, channel, recipient"""


class Attempt(Contract):
    """One attempt to send a notice, and the notice's state after it."""

    number: int
    state: NoticeState
    answer: str
    duration_ms: int
    at: datetime


class NoticeView(Contract):
    """A notice as the API shows it."""

    notice_id: UUID
    alert_id: UUID
    change: Literal["firing", "resolved"]
    channel: str
    recipient: str
    state: NoticeState
    attempts: int
    answer: str
    created_at: UtcDatetime
    at: UtcDatetime


class FeedAlert(Contract):
    """The newest change of a feed's alert, as the log has it."""

    alert_id: UUID
    indicator: str
    division: str
    severity: str
    state: AlertState
    value: float | None
    threshold: Decimal
    as_of: date
    figure_version: int
    reason: str
    changed_at: UtcDatetime


class Ledger:
    """Reads and writes; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def check(self) -> None:
        """Return if the log can be read."""
        with _migrated():
            self._clickhouse.query("SELECT 1 FROM alert_log LIMIT 1")

    def standings(self) -> list[LoggedChange]:
        """The newest change of each rule in each division."""
        with _migrated():
            rows = self._clickhouse.rows(
                "SELECT rule, division, alert_id, state, changed_at FROM alert_log"
                " ORDER BY changed_at DESC LIMIT 1 BY rule, division"
            )
        return [LoggedChange(**row) for row in rows]

    def waiting(self) -> list[Notice]:
        """The notices of logged changes that are neither delivered, refused nor given up, oldest first."""
        with _migrated():
            rows = self._clickhouse.rows(
                "SELECT notice_id, alert_id, change, rule, division, channel, recipient, body AS payload,"
                f" created_at, attempts FROM ({_CURRENT}) AS notice"
                " WHERE newest_state IN ('pending', 'retrying')"
                " AND (alert_id, change) IN (SELECT alert_id, state FROM alert_log)"
                " ORDER BY created_at, change, notice_id"  # 'firing' comes before 'resolved'
            )
        return [Notice(**row) for row in rows]

    def figures(self, indicators: Sequence[str]) -> list[Figure]:
        """The current figures of these indicators."""
        with _migrated():
            rows = self._clickhouse.rows(
                f"SELECT {', '.join(Figure.model_fields)} FROM indicator_live FINAL"
                " WHERE indicator IN %(indicators)s",
                {"indicators": list(indicators) or [""]},
            )
        return [Figure.model_validate(row) for row in rows]

    def feed_stops(self) -> list[Stop]:
        """Every stop of a feed that ingest has made, oldest first."""
        with _migrated():
            rows = self._clickhouse.query(
                "SELECT agency, alert_id, argMax(state, at) = 'running', any(checked), any(refused),"
                " any(code), min(at) AS since FROM feed_standing GROUP BY agency, alert_id ORDER BY since"
            )
        return [Stop(agency, id, bool(over), *rest) for agency, id, over, *rest in rows]

    def feeds_told(self) -> list[Told]:
        """Every change of a feed's that the log has."""
        with _migrated():
            rows = self._clickhouse.query(
                "SELECT alert_id, state, changed_at FROM alert_log WHERE rule = %(rule)s",
                {"rule": FEED_STOPPED},
            )
        return [Told(*row) for row in rows]

    def feed_alerts(self) -> list[FeedAlert]:
        """The newest change of each feed that was ever stopped, by its topic."""
        with _migrated():
            rows = self._clickhouse.rows(
                f"SELECT {', '.join(FeedAlert.model_fields)} FROM alert_log WHERE rule = %(rule)s"
                " ORDER BY indicator, changed_at DESC LIMIT 1 BY indicator",
                {"rule": FEED_STOPPED},
            )
        return [FeedAlert.model_validate(row) for row in rows]

    def write(self, changes: Sequence[AlertChange], notices: Sequence[Notice]) -> None:
        """Keep changes of state with their notices."""
        self._insert("alert_notice", [_entry(one, _waiting(one), one.payload) for one in notices])
        self._insert(
            "alert_log",
            [
                {
                    **change.model_dump(
                        include={
                            *("alert_id", "rule", "indicator", "division", "severity", "state", "value"),
                            *("threshold", "as_of", "figure_version", "changed_at"),
                        }
                    ),
                    "reason": f"{change.reason.zh} · {change.reason.en}",
                }
                for change in changes
            ],
        )

    def record(self, notice: Notice, attempt: Attempt) -> None:
        """Keep an attempt."""
        self._insert("alert_notice", [_entry(notice, attempt)])

    def notices(self, alert_ids: Sequence[UUID]) -> list[NoticeView]:
        """The notices of these alerts, newest first."""
        if not alert_ids:
            return []
        with _migrated():
            rows = self._clickhouse.rows(
                "SELECT notice_id, alert_id, change, channel, recipient, newest_state AS state, attempts,"
                f" newest_answer AS answer, created_at, newest_at AS at FROM ({_CURRENT}) AS notice"
                " WHERE alert_id IN %(alerts)s ORDER BY created_at DESC, channel, recipient",
                {"alerts": [str(one) for one in alert_ids]},
            )
        return [NoticeView.model_validate(row) for row in rows]

    def _insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            with _migrated():
                self._clickhouse.insert(table, {name: [row[name] for row in rows] for name in rows[0]})


def _entry(notice: Notice, attempt: Attempt, payload: str = "") -> dict[str, Any]:
    kept = asdict(notice)
    del kept["created_at"], kept["attempts"]
    made = attempt.model_dump()
    return {**kept, "attempt": made.pop("number"), **made, "payload": payload}


def _waiting(notice: Notice) -> Attempt:
    return Attempt(number=0, state="pending", answer="", duration_ms=0, at=notice.created_at)


@contextmanager
def _migrated() -> Iterator[None]:
    try:
        yield
    except ServerException as error:
        if error.code in (ErrorCodes.UNKNOWN_TABLE, ErrorCodes.UNKNOWN_DATABASE):
            raise Unavailable(
                f"the database is not there yet ({str(error).splitlines()[0]}): `minmai migrate` makes it"
            ) from error
        raise
