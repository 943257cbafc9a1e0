"""What log and ledger know, for a router that begins. Every method blocks; see the store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.alert import AlertChange
from schemas.declaration import Text
from services.alerts.log import migrated
from services.alerts.routing.memory import Told
from services.alerts.routing.router import Logged
from services.platform.clickhouse import ClickHouse

_LATELY = "now() - INTERVAL 32 DAY"
# Alerts that fire, or ended of late, or that somebody was told of who has not heard the end.
_ALERTS = f"""
    SELECT alert_id FROM alert_log GROUP BY alert_id
    HAVING argMax(condition, changed_at) NOT IN ('resolved', 'ok', 'pending')
        OR max(logged_at) > now() - INTERVAL 4 DAY
    UNION DISTINCT
    SELECT alert_id FROM
    (
        SELECT subscriber, one.alert_id AS alert_id
        FROM alert_notice ARRAY JOIN covers AS one
        WHERE attempt = 0 AND state != 'muted' AND why NOT IN ('test', 'resend') AND at > {_LATELY}
        GROUP BY subscriber, alert_id
        HAVING argMax(one.state, one.changed_at) NOT IN ('resolved', 'ok')
    )"""


class Past:
    """Reads what was logged and who was told."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def logged(self) -> list[Logged]:
        """Every change of the alerts that may still be told of, oldest first."""
        with migrated():
            rows = self._clickhouse.rows(
                "SELECT change, logged_at, alert_id, state, condition, severity, rule, kind, indicator,"
                " division, subject, reason, value, threshold, as_of, figure_version, changed_at"
                f" FROM alert_log WHERE alert_id IN ({_ALERTS}) ORDER BY changed_at, logged_at"
            )
        return [(_change(row), row["logged_at"]) for row in rows]

    def told(self) -> list[Told]:
        """What each subscriber was told of them."""
        with migrated():
            rows = self._clickhouse.query(
                "SELECT DISTINCT subscriber, one.alert_id, one.state, one.changed_at, why, state = 'muted',"
                " at FROM alert_notice ARRAY JOIN covers AS one"
                " WHERE attempt = 0 AND why NOT IN ('test', 'resend')"
                f" AND one.alert_id IN ({_ALERTS})"
            )
        return [
            Told(who, id, state, changed, why, bool(muted), at)
            for who, id, state, changed, why, muted, at in rows
        ]

    def unrouted(self, routed_by: str) -> list[AlertChange]:
        """The changes that no notice covers to this subscriber, who hears of every one; oldest first.

        The notices of all who hear every change are one insert, so what is routed is routed for each of them.
        """
        with migrated():
            rows = self._clickhouse.rows(
                f"SELECT change FROM alert_log WHERE logged_at > {_LATELY} AND change != ''"
                " AND (alert_id, state, changed_at) NOT IN"
                " (SELECT one.alert_id, one.state, one.changed_at FROM alert_notice ARRAY JOIN covers AS one"
                " WHERE attempt = 0 AND subscriber = %(who)s)"
                " ORDER BY changed_at, logged_at",
                {"who": routed_by},
            )
        return [AlertChange.model_validate_json(row["change"]) for row in rows]


def _change(row: Mapping[str, Any]) -> AlertChange:
    if row["change"]:
        return AlertChange.model_validate_json(row["change"])
    return _from_before(row, row["changed_at"])


def _from_before(row: Mapping[str, Any], changed_at: datetime) -> AlertChange:
    """A change of when the log had no whole ones: what can be said of it."""
    zh, _dot, en = str(row["reason"]).partition(" · ")
    value, named = row["value"], Text(zh=row["rule"], en=row["rule"])
    kept = ("alert_id", "severity", "rule", "kind", "indicator", "division", "subject", "threshold")
    return AlertChange(
        **{name: row[name] for name in (*kept, "state", "condition", "value", "as_of", "figure_version")},
        name=named,
        reason=Text(zh=zh or "-", en=en or zh or "-"),
        indicator_name=Text(zh=row["indicator"], en=row["indicator"]),
        division_name=row["division"],
        numerator=None,
        denominator=None,
        shown="-" if value is None else f"{value:g}",
        unit=Text(zh="-", en="-"),
        direction="at_least",
        clear_level=row["threshold"],
        gap="",
        owner="",
        changed_at=changed_at,
        link="",
    )
