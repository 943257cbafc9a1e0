"""Panels of alerts."""

from schemas.declaration import Text
from services.board.panels import words
from services.board.panels.model import Column, Panel, Word
from services.platform.plan import Plan


def firing(plan: Plan, division: str = "") -> Panel:
    """The alerts that fire now; in one division, an SQL string, if one is given."""
    where = f"WHERE division = {division}" if division else ""
    return Panel(
        id="firing",
        title=Text(zh="正在告警", en="alerts that fire"),
        kind="table",
        sql=f"""
SELECT toString(severity) AS severity, toString(rule) AS rule, toString(indicator) AS indicator,
    toString(division) AS division, subject,
    value, toFloat64(threshold) AS threshold, reason, changed_at
FROM (
    SELECT severity, rule, indicator, division, subject, condition, held, value, threshold, reason, changed_at
    FROM alert_log {where}
    ORDER BY changed_at DESC, figure_version DESC LIMIT 1 BY rule, indicator, division, subject
)
WHERE if(held = '', condition, held) IN ('firing', 'recovering')
ORDER BY indexOf(['critical', 'warning', 'info'], severity), changed_at DESC LIMIT 1000""",
        columns=(
            Column("severity", Text(zh="级别", en="severity"), words=words.SEVERITIES),
            Column("rule", Text(zh="规则", en="rule"), words=_rules(plan)),
            Column(
                "indicator",
                words.INDICATOR_TITLE,
                words=words.names(plan.indicators.values()),
                link="{value}/{row:division}",
            ),
            Column("division", words.DIVISION_TITLE, words=words.places(plan)),
            Column("subject", Text(zh="对象", en="subject")),
            Column("value", words.VALUE),
            Column("threshold", Text(zh="界限", en="threshold")),
            Column("reason", words.REASON),
            Column("changed_at", Text(zh="自", en="since")),
        ),
        height=8,
    )


def _rules(plan: Plan) -> dict[str, Word]:
    return {rule.id: Word(rule.name) for rule in plan.rules.values()}
