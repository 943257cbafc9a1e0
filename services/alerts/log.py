"""The log of changes: what alerts have gone through, and from which the service rebuilds itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from clickhouse_driver.errors import ErrorCodes, ServerException

from schemas.alert import FEED_STOPPED, TOLD, AlertChange
from schemas.indicator import Figure
from services.alerts.entry import Logged
from services.alerts.rules.machine import Standing
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

_COLUMNS = (
    *("alert_id", "rule", "kind", "rule_version", "indicator", "division", "subject", "severity", "state"),
    *("before", "condition", "began_at", "correction", "by", "value", "threshold", "as_of", "figure_version"),
    "changed_at",
)
"""The fields of a change that have a column of their own; all of them are in `change`."""


class Log:
    """Reads and writes; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def check(self) -> None:
        """Return if the log can be read."""
        with migrated():
            self._clickhouse.query("SELECT 1 FROM alert_log LIMIT 1")

    def standings(self) -> list[Logged]:
        """The newest row of each rule, division and subject, and what people were told last of it."""
        by = "rule, division, subject"
        with migrated():
            rows = self._clickhouse.query(
                "SELECT rule, division, subject, alert_id, state, condition, held, began_at, changed_at,"
                " figure_version, change FROM alert_log WHERE NOT (rule = %(feeds)s AND subject = '')"
                f" ORDER BY changed_at DESC LIMIT 1 BY {by}",
                {"feeds": FEED_STOPPED},
            )
            told = self._clickhouse.query(
                f"SELECT {by}, change FROM alert_log WHERE state IN %(told)s AND change != ''"
                f" ORDER BY changed_at DESC LIMIT 1 BY {by}",
                {"told": sorted(TOLD)},
            )
        sent = {(rule, division, subject): change for rule, division, subject, change in told}
        return [_logged(row, sent.get(row[:3], "")) for row in rows]

    def figures(self, indicators: Sequence[str]) -> list[Figure]:
        """The current figures of these indicators."""
        with migrated():
            rows = self._clickhouse.rows(
                f"SELECT {', '.join(Figure.model_fields)} FROM indicator_live FINAL"
                " WHERE indicator IN %(indicators)s",
                {"indicators": list(indicators) or [""]},
            )
        return [Figure.model_validate(row) for row in rows]

    def write(self, changes: Sequence[AlertChange], now: datetime | None = None) -> None:
        """Keep changes of state, in one insert; each is logged as of now, by the wall clock."""
        if not changes:
            return
        logged_at = now or datetime.now(UTC)
        rows = [_row(change, logged_at) for change in changes]
        with migrated():
            self._clickhouse.insert("alert_log", {name: [row[name] for row in rows] for name in rows[0]})


def _logged(row: Sequence[Any], sent: str) -> Logged:
    rule, division, subject, alert_id, state, condition, held, began_at, changed_at, version, change = row
    return Logged(
        key=(rule, division, subject),
        standing=Standing(condition, held or None, began_at, alert_id, changed_at),
        shown=state,
        version=version,
        newest=AlertChange.model_validate_json(change) if change else None,
        sent=AlertChange.model_validate_json(sent) if sent else None,
    )


def _row(change: AlertChange, now: datetime) -> dict[str, Any]:
    said = change.model_dump()
    return {
        **{name: said[name] for name in _COLUMNS},
        "held": change.held or "",
        "reason": f"{change.reason.zh} · {change.reason.en}",
        "change": change.model_dump_json(),
        "logged_at": now,
    }


@contextmanager
def migrated() -> Iterator[None]:
    """Raise Unavailable where the tables are not there yet."""
    try:
        yield
    except ServerException as error:
        if error.code in (ErrorCodes.UNKNOWN_TABLE, ErrorCodes.UNKNOWN_DATABASE):
            raise Unavailable(
                f"the database is not there yet ({str(error).splitlines()[0]}): `minmai migrate` makes it"
            ) from error
        raise
