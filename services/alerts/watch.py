"""Where every rule stands in every division: figures go in, changes of state come out. No I/O.

It can be rebuilt at any moment from `alert_log` and `indicator_live`; nothing that matters lives only here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert import AlertChange, AlertState, Condition
from schemas.declaration import Indicator, Text
from schemas.indicator import Figure
from schemas.rules import ValueRule
from services.alerts.rules.limits import Limit, State, decide, exact, gap, limit_for, shown
from services.platform.plan import Division, Plan

_CHANGES = uuid5(NAMESPACE_URL, "minmai.alert.v1")
_TICK = timedelta(milliseconds=1)  # the log's resolution

Key = tuple[str, str]


@dataclass(frozen=True)
class LoggedChange:
    """The newest row of `alert_log` of one rule in one division."""

    rule: str
    division: str
    alert_id: UUID
    state: AlertState
    condition: Condition
    changed_at: datetime
    subject: str = ""


@dataclass(frozen=True)
class Standing:
    """One rule in one division: its newest change, and figure and reason of its newest evaluation."""

    rule: ValueRule
    indicator: Indicator
    division: Division
    limit: Limit
    last: LoggedChange | None = None
    figure: Figure | None = None
    reason: Text | None = None


class Watch:
    """Every standing of a plan."""

    def __init__(self, plan: Plan, board_url: str, logged: Iterable[LoggedChange] = ()) -> None:
        """`logged`: how things stood when the last process ended; `board_url` without a slash at its end."""
        self._board_url = board_url
        self._standings: dict[Key, Standing] = {}
        self._watching: dict[Key, list[Key]] = defaultdict(list)  # (indicator, division): standings
        self._versions: dict[Key, int] = {}
        known = {(change.rule, change.division): change for change in logged}
        for rule, division, limit in _watched(plan):
            key = (rule.id, division.code)
            indicator = plan.indicators[rule.indicator]
            self._standings[key] = Standing(rule, indicator, division, limit, known.get(key))
            self._watching[rule.indicator, division.code].append(key)

    @property
    def standings(self) -> list[Standing]:
        """Every standing, in the order of rules and divisions."""
        return list(self._standings.values())

    @property
    def indicators(self) -> set[str]:
        """The indicators that rules look at."""
        return {standing.rule.indicator for standing in self._standings.values()}

    def take(self, figure: Figure, now: Callable[[], datetime | None]) -> list[AlertChange]:
        """Evaluate a figure and return the changes of state it makes.

        A version that has been seen, or an older one, is a repeat and changes nothing. `now` is asked only
        for a change; while it does not know the time, the change is dated by the figure.
        """
        about = (figure.indicator, figure.division)
        if figure.version <= self._versions.get(about, -1):
            return []
        self._versions[about] = figure.version
        changes = (self._evaluate(key, figure, now) for key in self._watching.get(about, ()))
        return [change for change in changes if change is not None]

    def _evaluate(self, key: Key, figure: Figure, now: Callable[[], datetime | None]) -> AlertChange | None:
        standing = self._standings[key]
        before: State = cast(State, standing.last.condition) if standing.last else "ok"
        decision = decide(standing.limit, standing.indicator, figure, before)
        standing = replace(standing, figure=figure, reason=decision.reason)
        change = None
        if decision.state != "ok" and decision.state != before:  # noqa: PLR1714 - mypy narrows only so
            last = _next(standing, figure, decision.state, now() or figure.updated_at)
            standing = replace(standing, last=last)
            change = self._describe(standing, figure, last, before)
        self._standings[key] = standing
        return change

    def _describe(self, standing: Standing, figure: Figure, last: LoggedChange, before: State) -> AlertChange:
        rule, indicator, limit = standing.rule, standing.indicator, standing.limit
        value = exact(indicator, figure)
        if value is None or standing.reason is None:
            raise AssertionError(f"{rule.id}: a figure without a value changed a state: {figure!r}")
        return AlertChange(
            alert_id=last.alert_id,
            state=last.state,
            before=before,
            condition=last.condition,
            severity=rule.severity,
            rule=rule.id,
            rule_version=rule.version,
            name=rule.name,
            reason=standing.reason,
            indicator=indicator.id,
            indicator_name=indicator.name,
            division=standing.division.code,
            division_name=standing.division.name,
            numerator=figure.numerator,
            denominator=figure.denominator,
            value=float(value),
            shown=shown(value, limit, indicator.decimals),
            unit=indicator.unit,
            direction=limit.direction,
            threshold=limit.threshold,
            clear_level=limit.clear_level,
            gap=gap(value, limit, indicator.decimals),
            due=figure.due,
            forecast=figure.forecast,
            forecast_low=figure.forecast_low,
            forecast_high=figure.forecast_high,
            pace_needed=figure.pace_needed,
            pace_observed=figure.pace_observed,
            as_of=figure.as_of,
            figure_version=figure.version,
            owner=indicator.owner,
            changed_at=last.changed_at,
            link=f"{self._board_url}/#{indicator.id}/{standing.division.code}",
        )


def _watched(plan: Plan) -> Iterator[tuple[ValueRule, Division, Limit]]:
    for rule in plan.rules.values():
        if not isinstance(rule, ValueRule):
            continue
        for division in plan.shown_divisions:
            # Figures are kept for these two levels only.
            if division.level != "community":
                limit = limit_for(rule, plan.indicators[rule.indicator], division.level)
                if limit is not None:
                    yield rule, division, limit


def _next(standing: Standing, figure: Figure, state: State, now: datetime) -> LoggedChange:
    """The change that follows the last one.

    Its id follows from what came before: deciding it again after a crash names it the same. Its time is later
    than that of the change before, whatever the clock does: the newest row is the last one written.
    """
    last = standing.last
    rule, division = standing.rule.id, standing.division.code
    if state == "resolved" and last is not None:
        alert_id = last.alert_id
    else:
        alert_id = uuid5(_CHANGES, f"{rule}/{division}/{figure.version}/{last.alert_id if last else ''}")
    changed_at = max(now, last.changed_at + _TICK) if last else now
    return LoggedChange(rule, division, alert_id, state, state, changed_at)
