"""Figures of each day of the past, as a rule on an indicator sees them: as now known, or as known then."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from schemas.declaration import Indicator
from schemas.indicator import Figure, FigureStatus, Standing
from schemas.rules import IndicatorRule, ValueRule
from services.alerts.backtest import BacktestError
from services.figures.known import days_of_knowledge
from services.figures.prospect import Prospect, ReadingAt, prospect
from services.figures.standing import Reading
from services.figures.tally import Tally
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan

Past = Mapping[str, Sequence[Figure]]
"""The figures of each division, by its code: one a day, in order."""

_DAY = timedelta(days=1)
_AS_IT_IS: dict[Standing, FigureStatus] = {
    "met": "met",
    "below": "watched",
    "watched": "watched",
    "no_data": "no_data",
    "not_applicable": "not_applicable",
}
"""Of a figure that nobody asks how it will be; a rule on the value asks only whether there is one."""
_UNKNOWN = Reading(None, None, None, None, "no_data")


def newest_day(clickhouse: ClickHouse, indicator: str) -> date | None:
    """Return the day that the live figures hold for; None where there are none. Raises Unavailable."""
    [(rows, day)] = clickhouse.query(
        "SELECT count(), max(as_of) FROM indicator_live WHERE indicator = %(indicator)s",
        {"indicator": indicator},
    )
    return day if rows else None


def as_now_known(
    clickhouse: ClickHouse, plan: Plan, rule: IndicatorRule, divisions: Sequence[Division], last: date
) -> Past:
    """Return figures by the history, from its first row on.

    By the definition that the live figures are by: under another one there is another history. Raises
    Unavailable, and BacktestError where the history has nothing.
    """
    indicator = plan.indicators[rule.indicator]
    rows = clickhouse.query(
        "SELECT division, day, numerator, denominator, value, target, status FROM indicator_history FINAL"
        " WHERE indicator = %(indicator)s AND division IN %(divisions)s AND day <= %(last)s"
        " AND (indicator, division, definition) IN"
        " (SELECT indicator, division, definition FROM indicator_live FINAL)"
        " ORDER BY division, day",
        {"indicator": indicator.id, "divisions": [one.code for one in divisions], "last": last},
    )
    if not rows:
        raise BacktestError(
            f"{indicator.id} 到 {last} 没有历史 · has no history up to {last}: is an aggregator running?"
        )
    steps: dict[str, tuple[list[date], list[Reading]]] = {one.code: ([], []) for one in divisions}
    for code, day, *told in rows:
        steps[code][0].append(day)
        steps[code][1].append(Reading(*told))
    first = min(row[1] for row in rows)

    def at(code: str, day: date) -> Reading:
        days, readings = steps[code]
        place = bisect_right(days, day)
        return readings[place - 1] if place else _UNKNOWN

    return {
        one.code: [_figure(rule, indicator, one, partial(at, one.code), day) for day in _days(first, last)]
        for one in divisions
    }


def as_then_known(
    clickhouse: ClickHouse, plan: Plan, rule: IndicatorRule, divisions: Sequence[Division], last: date
) -> Past:
    """Return the figure of each day by what had been received by its end, and not been withdrawn.

    By today's definition. Raises Unavailable, TooMany, and BacktestError where no record had been received.
    """
    indicator = plan.indicators[rule.indicator]
    past: dict[str, list[Figure]] = {one.code: [] for one in divisions}
    for day, tally in days_of_knowledge(clickhouse, plan, indicator, last):
        for one in divisions:
            past[one.code].append(_figure(rule, indicator, one, _reader(tally, indicator, one), day))
    if not any(past.values()):
        raise BacktestError(f"{indicator.id} 没有记录 · no record of its streams had been received by {last}")
    return past


def _reader(tally: Tally, indicator: Indicator, division: Division) -> ReadingAt:
    return partial(tally.reading, indicator.id, division.code)


def _figure(
    rule: IndicatorRule, indicator: Indicator, division: Division, at: ReadingAt, day: date
) -> Figure:
    now = at(day)
    if isinstance(rule, ValueRule):  # it does not look ahead, and that is most of the work
        ahead = Prospect(_AS_IT_IS[now.status])
    else:
        target = None if division.level == "community" else indicator.target_at(division.level)
        ahead = prospect(indicator, target, at, day)
    return Figure(
        indicator=indicator.id,
        division=division.code,
        as_of=day,
        definition=indicator.definition_id,
        version=day.toordinal(),
        updated_at=datetime.combine(day + _DAY, time(), UTC),
        **{**asdict(now), **asdict(ahead)},
    )


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + number * _DAY
