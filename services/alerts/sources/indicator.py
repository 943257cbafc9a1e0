"""What rules on indicators see of a figure: its value, its status, or what it is forecast to be."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Indicator, Text
from schemas.indicator import Figure
from schemas.rules import Direction, ForecastRule, IndicatorRule, StatusRule, ValueRule
from schemas.words import STATUS
from services.alerts.reading import Reading
from services.alerts.rules.limits import Limit, exact, limit_for
from services.platform.plan import Division, Plan


def watched(plan: Plan) -> Iterator[tuple[IndicatorRule, Division]]:
    """Yield each rule on an indicator with each division it looks at."""
    for rule in plan.rules.values():
        if isinstance(rule, ValueRule | StatusRule | ForecastRule):
            for division in plan.shown_divisions:
                if _looks(rule, plan.indicators[rule.indicator], division):
                    yield rule, division


def reading(
    rule: IndicatorRule, indicator: Indicator, division: Division, figure: Figure, at: datetime
) -> Reading:
    """Return what a rule sees of a figure, at a moment of the county's clock."""
    limit = _limit(rule, indicator, division)
    value: Fraction | None = exact(indicator, figure)
    fires: bool | None = None
    why: Text | None = None
    if value is None:
        why = _without(figure)
    elif isinstance(rule, StatusRule):
        fires, why = figure.status in rule.statuses, _by_pace(figure)
        if figure.status == "cannot_say":
            value = None
    elif isinstance(rule, ForecastRule):
        # Without the status: by that a pace is still on track which misses the target by little.
        why = _reason(figure) or STATUS[figure.status]
        if figure.due is not None and figure.as_of > figure.due:
            fires = False
            why = Text(
                zh=f"期限 {figure.due} 已过，不再预测",
                en=f"the due day {figure.due} has passed, nothing is forecast",
            )
        else:
            # The float itself: there is nothing more exact in a forecast.
            value = None if figure.forecast is None else Fraction(figure.forecast)
    return Reading(
        rule=rule.id,
        division=division.code,
        subject="",
        subject_name=None,
        value=value,
        status="value" if value is not None else "no_data",
        direction=limit.direction,
        threshold=limit.threshold,
        clear_level=limit.clear_level,
        numerator=figure.numerator,
        denominator=figure.denominator,
        unit=indicator.unit,
        decimals=indicator.decimals,
        as_of=figure.as_of,
        version=figure.version,
        at=at,
        why=why,
        measured=indicator.id,
        measured_name=indicator.name,
        fires=fires,
        due=figure.due,
        forecast=figure.forecast,
        forecast_low=figure.forecast_low,
        forecast_high=figure.forecast_high,
        pace_needed=figure.pace_needed,
        pace_observed=figure.pace_observed,
        owner=indicator.owner,
        link=f"#{indicator.id}/{division.code}",
        link_records=f"#{indicator.id}/{division.code}/records",
    )


def _looks(rule: IndicatorRule, indicator: Indicator, division: Division) -> bool:
    level = division.level
    if level == "community":  # figures are kept for the two levels above only
        return False
    if level not in rule.levels or level not in indicator.levels:
        return False
    if rule.divisions is not None and division.code not in rule.divisions:
        return False
    if isinstance(rule, StatusRule):
        return indicator.target_at(level) is not None or "watched" in rule.statuses
    return limit_for(rule, indicator, level) is not None


def _limit(rule: IndicatorRule, indicator: Indicator, division: Division) -> Limit:
    level = division.level
    found: Limit | None = None
    if level != "community":
        if not isinstance(rule, StatusRule):
            found = limit_for(rule, indicator, level)
        elif target := indicator.target_at(level):
            found = Limit(target.direction, target.value, target.value)
    direction: Direction = "at_least"
    return found or Limit(direction, Decimal(0), Decimal(0))


def _by_pace(figure: Figure) -> Text:
    status, reason = STATUS[figure.status], _reason(figure)
    return Text(zh=f"{status.zh}：{reason.zh}", en=f"{status.en}: {reason.en}") if reason else status


def _reason(figure: Figure) -> Text | None:
    if not (figure.reason_zh and figure.reason_en):
        return None
    return Text(zh=figure.reason_zh, en=figure.reason_en)


def _without(figure: Figure) -> Text:
    if figure.status == "not_applicable":
        return Text(zh="分母为零，指标不适用", en="not applicable, its denominator is 0")
    return Text(zh="数据不全", en="no data")
