"""The ledger of notices.

A change is made by two inserts: its notices first (attempt 0), its row of `alert_log` second. The row is what
counts: a notice whose change is not in the log is not sent.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from schemas.alert import AlertState
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.channels import Notice
from services.alerts.log import migrated
from services.platform.clickhouse import ClickHouse

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
    change: AlertState
    channel: str
    recipient: str
    state: NoticeState
    attempts: int
    answer: str
    created_at: UtcDatetime
    at: UtcDatetime


class Ledger:
    """Reads and writes; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def waiting(self) -> list[Notice]:
        """The notices of logged changes that are neither delivered, refused nor given up, oldest first."""
        with migrated():
            rows = self._clickhouse.rows(
                "SELECT notice_id, alert_id, change, rule, division, channel, recipient, body AS payload,"
                f" created_at, attempts FROM ({_CURRENT}) AS notice"
                " WHERE newest_state IN ('pending', 'retrying')"
                " AND (alert_id, change) IN (SELECT alert_id, state FROM alert_log)"
                " ORDER BY created_at, change, notice_id"  # 'firing' comes before 'resolved'
            )
        return [Notice(**row) for row in rows]

    def write(self, notices: Sequence[Notice]) -> None:
        """Keep notices, each as it waits, before their changes are logged."""
        self._insert("alert_notice", [_entry(one, _waiting(one), one.payload) for one in notices])

    def record(self, notice: Notice, attempt: Attempt) -> None:
        """Keep an attempt."""
        self._insert("alert_notice", [_entry(notice, attempt)])

    def notices(self, alert_ids: Sequence[UUID]) -> list[NoticeView]:
        """The notices of these alerts, newest first."""
        if not alert_ids:
            return []
        with migrated():
            rows = self._clickhouse.rows(
                "SELECT notice_id, alert_id, change, channel, recipient, newest_state AS state, attempts,"
                f" newest_answer AS answer, created_at, newest_at AS at FROM ({_CURRENT}) AS notice"
                " WHERE alert_id IN %(alerts)s ORDER BY created_at DESC, channel, recipient",
                {"alerts": [str(one) for one in alert_ids]},
            )
        return [NoticeView.model_validate(row) for row in rows]

    def _insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            with migrated():
                self._clickhouse.insert(table, {name: [row[name] for row in rows] for name in rows[0]})


def _entry(notice: Notice, attempt: Attempt, payload: str = "") -> dict[str, Any]:
    kept = asdict(notice)
    del kept["created_at"], kept["attempts"]
    made = attempt.model_dump()
    return {**kept, "attempt": made.pop("number"), **made, "payload": payload}


def _waiting(notice: Notice) -> Attempt:
    return Attempt(number=0, state="pending", answer="", duration_ms=0, at=notice.created_at)
