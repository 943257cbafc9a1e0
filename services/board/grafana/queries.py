"""What a Grafana rule looks at: a query of one number, and from which number on it fires and recovers.

A query gives exactly one row with exactly one numeric column, whatever the tables hold; Grafana takes
nothing else for a number. It has no window of time: figures stand until they change, and a window would
miss a row that is written late. Where there is no data the number is NULL. To Grafana that is NaN, which is
on no side of any threshold; every rule has a threshold to recover by, so it neither fires nor recovers by
it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from schemas.declaration import Indicator
from schemas.rules import Direction, ForecastRule, IndicatorRule, Rule, StatusRule
from services.alerts.rules.limits import Limit, limit_for
from services.alerts.sources.indicator import watched
from services.platform.plan import Division, Plan

NOUGHT = timedelta(0)


@dataclass(frozen=True)
class Evaluator:
    """A comparison as Grafana's threshold expression names it."""

    type: str
    params: list[float]


@dataclass(frozen=True)
class Series:
    """One number of one rule. `limit` is None where the number only says whether, or how many, fire."""

    division: Division
    sql: str
    fires: Evaluator
    recovers: Evaluator
    for_: timedelta
    keep_firing: timedelta
    indicator: Indicator | None = None
    limit: Limit | None = None


def of(plan: Plan) -> Iterator[tuple[Rule, Series]]:
    """Yield the numbers of a plan's rules: of one on an indicator, one for each division it looks at."""
    for rule, division in watched(plan):
        yield rule, _of_indicator(rule, plan.indicators[rule.indicator], division)
    county = plan.divisions[plan.county.county]
    for other in plan.rules.values():
        if not isinstance(other, IndicatorRule):
            yield other, Series(county, _standing(other.id), *_ANY, for_=NOUGHT, keep_firing=NOUGHT)


def _of_indicator(rule: IndicatorRule, indicator: Indicator, division: Division) -> Series:
    lengths = (rule.for_, rule.keep_firing)
    if isinstance(rule, StatusRule):
        return Series(division, _figure(_status(rule), rule.indicator, division), *_ANY, *lengths, indicator)
    limit = None if division.level == "community" else limit_for(rule, indicator, division.level)
    if limit is None:
        raise AssertionError(f"{rule.id} looks at {division.code} without a limit")
    number = _forecast(limit) if isinstance(rule, ForecastRule) else "value"
    sql = _figure(number, rule.indicator, division)
    return Series(division, sql, *evaluators(limit), *lengths, indicator, limit)


def _figure(number: str, indicator: str, division: Division) -> str:
    return (
        f"SELECT max({number}) AS value FROM indicator_live FINAL"
        f" WHERE indicator = '{indicator}' AND division = '{division.code}'"
    )


def _status(rule: StatusRule) -> str:
    fires = ", ".join(f"'{one}'" for one in rule.statuses)
    return f"multiIf(isNull(value) OR status = 'cannot_say', NULL, status IN ({fires}), 1, 0)"


def _forecast(limit: Limit) -> str:
    """After the due day nothing is forecast any more: the alert ends."""
    return f"multiIf(isNull(value), NULL, as_of > due, {limit.clear_level:f}, forecast)"


def _standing(rule: str) -> str:
    """How many fire, by the log of the alerts service: it knows working days, windows and least numbers."""
    return (
        "SELECT countIf(if(condition IN ('no_data', 'error'), held, condition) IN ('firing', 'recovering'))"
        " AS value FROM (SELECT argMax(condition, changed_at) AS condition, argMax(held, changed_at) AS held"
        f" FROM alert_log WHERE rule = '{rule}' GROUP BY division, subject)"
    )


_ANY = (Evaluator("gt", [0.0]), Evaluator("lte", [0.0]))


def evaluators(limit: Limit) -> tuple[Evaluator, Evaluator]:
    """Return from where on a rule fires, and from where on it recovers."""
    # "outside" and "within" rather than ne and eq: NaN is unequal to everything, and would fire.
    types: dict[Direction, tuple[str, str]] = {
        "at_least": ("lt", "gte"),
        "at_most": ("gt", "lte"),
        "exactly": ("outside_range", "within_range_included"),
    }
    fires, recovers = types[limit.direction]
    return Evaluator(fires, _params(limit, limit.threshold)), Evaluator(
        recovers, _params(limit, limit.clear_level)
    )


def _params(limit: Limit, mark: Decimal) -> list[float]:
    return [float(mark)] * (2 if limit.direction == "exactly" else 1)
