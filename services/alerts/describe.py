"""Makes the change that is logged and sent of what is known of a standing."""

from datetime import datetime, timedelta
from typing import Any

from schemas.alert import AlertChange, AlertState
from schemas.declaration import Text
from services.alerts.entry import Entry, Logged
from services.alerts.reading import Reading
from services.alerts.rules.limits import Limit, gap, shown
from services.alerts.rules.machine import later

_NEWS = timedelta(days=1)


def describe(
    entry: Entry, state: AlertState, reason: Text, board_url: str, *, correction: bool, by: str
) -> AlertChange:
    """Return the change to `state`; `entry` stands as it does after it."""
    standing = entry.standing
    how: dict[str, Any] = {
        "alert_id": standing.alert_id,
        "state": state,
        "before": entry.shown,
        "condition": standing.condition,
        "held": standing.held,
        "began_at": standing.began_at,
        "correction": correction,
        "severity": entry.rule.severity,
        "rule_version": entry.rule.version,
        "name": entry.rule.name,
        "reason": reason,
        "changed_at": standing.changed_at,
        "by": by,
    }
    if entry.reading is not None:
        return AlertChange(**how, **_measured(entry, entry.reading, board_url))
    if entry.newest is None:
        raise AssertionError(f"{entry.key} changes without ever having been measured")
    return entry.newest.model_copy(update=how)


def as_it_stands(change: AlertChange, entry: Entry, board_url: str) -> AlertChange:
    """Return the change by which an alert fires, with the figure it fires on now and why.

    Who is told months later, in a list of what fires or by a repeat, is not told the figure it began with.
    What was corrected is told as that for a day: whoever is told once a day hears of it too.
    """
    standing, reading = entry.standing, entry.reading
    on = change.condition == "firing" and standing.condition in ("firing", "recovering")
    if not on or change.alert_id != standing.alert_id:
        return change
    if reading is None or reading.status != "value" or reading.version <= change.figure_version:
        return change
    if change.correction and reading.at - change.changed_at < _NEWS:
        return change
    how: dict[str, Any] = {"reason": entry.reason or change.reason, "correction": False}
    if standing.condition == "recovering" and change.state == "firing":
        how |= {"state": "recovering", "condition": "recovering", "began_at": standing.began_at}
    return change.model_copy(update=how | _measured(entry, reading, board_url))


def close(logged: Logged, now: datetime) -> AlertChange | None:
    """Return the end of an alert whose rule is gone; None where the log has too little of it to tell."""
    if logged.newest is None:
        return None
    over = "ok" if logged.standing.stands == "pending" else "resolved"
    reason = Text(
        zh="规则已停用或不再声明，告警结束", en="over: the rule is no longer declared, or switched off"
    )
    return logged.newest.model_copy(
        update={
            "state": over,
            "before": logged.shown,
            "condition": over,
            "held": None,
            "began_at": None,
            "correction": False,
            "by": "",
            "reason": reason,
            "changed_at": later(logged.standing, now),
        }
    )


def _measured(entry: Entry, reading: Reading, board_url: str) -> dict[str, Any]:
    limit = Limit(reading.direction, reading.threshold, reading.clear_level)
    value = reading.value
    return {
        "rule": entry.rule.id,
        "kind": entry.rule.kind,
        "indicator": reading.measured or entry.rule.id,
        "indicator_name": reading.measured_name or entry.rule.name,
        "division": entry.division.code,
        "division_name": entry.division.name,
        "subject": entry.subject,
        "subject_name": reading.subject_name,
        "numerator": reading.numerator,
        "denominator": reading.denominator,
        "value": None if value is None else float(value),
        "shown": "" if value is None else shown(value, limit, reading.decimals),
        "unit": reading.unit,
        "direction": reading.direction,
        "threshold": reading.threshold,
        "clear_level": reading.clear_level,
        "gap": "" if value is None else gap(value, limit, reading.decimals),
        "due": reading.due,
        "forecast": reading.forecast,
        "forecast_low": reading.forecast_low,
        "forecast_high": reading.forecast_high,
        "pace_needed": reading.pace_needed,
        "pace_observed": reading.pace_observed,
        "as_of": reading.as_of,
        "figure_version": reading.version,
        "owner": reading.owner,
        "link": f"{board_url}/{reading.link}",
        "link_records": f"{board_url}/{reading.link_records}" if reading.link_records else "",
    }
