"""An indicator's declaration, compiled to the SQL of its timeline.

A timeline is made of *deltas*: on this day, in this division, the numerator grew by so much. A record's
contribution begins on its day and ends where the entity's next record takes over, so late records and
corrections need no case of their own: the running total of the deltas is the figure at the end of each day,
and the last one up to today is the live figure.

Every delta query yields the columns (division, day, delta, known): `delta` Decimal(38, 4) to add from `day`
on, `known` how many of the reports the figure needs have begun that day.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from schemas.declaration import (
    DivisionsPart,
    Indicator,
    Level,
    Part,
    RecordsPart,
    Scalar,
    StatisticPart,
    Target,
)
from services.aggregate.timelines import EVENTS, FACILITIES, PLACES_WITH_FACILITY, STATISTICS, VOUCHERS
from services.platform.plan import Division, Plan

COMPARE = {"at_least": ">=", "at_most": "<=", "exactly": "="}


def timeline(indicator: Indicator, plan: Plan, today: date) -> str:
    """Return a SELECT of the figure at the end of each day, up to `today`, on which it may have changed.

    Columns: division, day, numerator, denominator (Nullable(Decimal(38, 4))), value (Nullable(Float64)),
    target, status; one row per division and day.
    """
    shown = [division for division in plan.shown_divisions if division.level in indicator.levels]
    numerator = _deltas(indicator.numerator, plan)
    denominator = _deltas(indicator.denominator, plan) if indicator.denominator else _NO_DELTAS
    targets = {division.code: _target_at(indicator, division.level) for division in shown}
    return f"""
WITH
    points AS (
        SELECT division, day, sum(n) AS n, sum(kn) AS kn, sum(d) AS d, sum(kd) AS kd, max(old) AS old FROM (
            SELECT division, day, delta AS n, known AS kn, {_ZERO} AS d, 0 AS kd, 0 AS old FROM ({numerator})
            UNION ALL
            SELECT division, day, {_ZERO}, 0, delta, known, 0 FROM ({denominator})
            UNION ALL
            SELECT division, day, {_ZERO}, 0, {_ZERO}, 0, 1 FROM indicator_history
            WHERE indicator = {_text(indicator.id)}
        )
        WHERE division IN ({_texts(division.code for division in shown)}) AND day <= toDate('{today}')
        GROUP BY division, day
        HAVING n != 0 OR kn != 0 OR d != 0 OR kd != 0 OR old
    ),
    totals AS (
        SELECT division, day,
            sum(n) OVER so_far AS n, sum(kn) OVER so_far AS kn,
            sum(d) OVER so_far AS d, sum(kd) OVER so_far AS kd
        FROM points
        WINDOW so_far AS (PARTITION BY division ORDER BY day ROWS UNBOUNDED PRECEDING)
    ),
    figures AS (
        SELECT division, day,
            if(kn >= {_needed(indicator.numerator, shown, plan)}, n, NULL) AS numerator,
            {_denominator(indicator.denominator, shown, plan)} AS denominator
        FROM totals
    )
SELECT division, day, numerator, denominator,
    {_value(indicator)} AS value,
    {_promised(targets)} AS target,
    {_status(indicator, targets)} AS status
FROM figures"""


def number_of(part: DivisionsPart, within: Division, plan: Plan) -> int:
    """Return how many divisions a part counts inside one."""
    return sum(
        division.level == part.divisions
        and part.setting in (None, division.setting)
        and division.code.startswith(within.code)
        for division in plan.divisions.values()
    )


_ZERO = "toDecimal128(0, 4)"
_NO_DELTAS = f"SELECT '' AS division, toDate(0) AS day, {_ZERO} AS delta, 0 AS known WHERE 0"


def _deltas(part: Part, plan: Plan) -> str:
    if isinstance(part, DivisionsPart):
        return _NO_DELTAS
    if isinstance(part, StatisticPart):
        return STATISTICS.format(
            zone=_text(plan.county.time_zone), measure=_text(part.statistic), dimension=_text(part.dimension)
        )
    template = {"facility": FACILITIES, "fitness-event": EVENTS, "consumption-voucher": VOUCHERS}[part.from_]
    if part.having:
        template = PLACES_WITH_FACILITY
    amount = "1" if part.sum is None else f"ifNull({part.sum}, 0)"
    counts = _conditions(part.where)
    places = [
        division.code
        for division in plan.divisions.values()
        if division.level == part.having and part.setting in (None, division.setting)
    ]
    return template.format(
        zone=_text(plan.county.time_zone),
        contribution=f"if({counts}, toDecimal128({amount}, 4), {_ZERO})",
        counts=counts,
        kinds=_conditions({field: value for field, value in part.where.items() if field == "kind"}),
        shown=f"[{_texts(division.code for division in plan.shown_divisions)}]",
        place_digits={"community": 12, "township": 9, None: 0}[part.having],
        places=f"[{_texts(places)}]",
        last_day="makeDate(toYear(day) + 1, 1, 1)" if part.in_year else "toDate('2149-06-06')",
    )


def _conditions(where: dict[str, Scalar | list[Scalar]]) -> str:
    """Return the SQL condition that a record's state must meet; never NULL."""
    terms = []
    for field, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        terms.append(f"{field} IN ({', '.join(_literal(value) for value in values)})")
    return f"ifNull({' AND '.join(terms)}, 0)" if terms else "1"


def _needed(part: Part, shown: list[Division], plan: Plan) -> str:
    """How many reports must have begun before the part is known, per division.

    A statistic needs the report of each of its places: a county total over some of its townships would be a
    wrong figure that looks right.
    """
    if isinstance(part, DivisionsPart):
        return "0"
    if isinstance(part, RecordsPart):
        return "1"
    townships = [code for code, division in plan.divisions.items() if division.level == "township"]
    return _by_division(
        {division.code: str(sum(code.startswith(division.code) for code in townships)) for division in shown},
        "UInt32",
    )


def _denominator(part: Part | None, shown: list[Division], plan: Plan) -> str:
    if part is None:
        return "CAST(NULL, 'Nullable(Decimal(38, 4))')"
    if isinstance(part, DivisionsPart):
        sizes = {division.code: str(number_of(part, division, plan)) for division in shown}
        return _by_division(sizes, "Nullable(Decimal(38, 4))")
    return f"if(kd >= {_needed(part, shown, plan)}, d, NULL)"


def _value(indicator: Indicator) -> str:
    if indicator.denominator is None:
        return f"toFloat64({indicator.scale}) * toFloat64(numerator)"
    return f"toFloat64({indicator.scale}) * toFloat64(numerator) / nullIf(toFloat64(denominator), 0)"


def _status(indicator: Indicator, targets: dict[str, Target | None]) -> str:
    """Compared in decimals, so that a figure exactly on its target is on it."""
    denominator = "1" if indicator.denominator is None else "denominator"
    promised = _promised(targets)
    compare = COMPARE[indicator.target.direction] if indicator.target else "="
    reached = (
        f"toDecimal256(numerator, 4) * toDecimal256({_decimal(indicator.scale)}, 4) {compare} "
        f"toDecimal256(ifNull({promised}, 0), 4) * toDecimal256({denominator}, 4)"
    )
    missing = "numerator IS NULL" + (" OR denominator IS NULL" if indicator.denominator else "")
    return f"""multiIf(
        {missing}, 'no_data',
        {"denominator = 0" if indicator.denominator else "0"}, 'not_applicable',
        {promised} IS NULL, 'watched',
        {reached}, 'met', 'below')"""


def _target_at(indicator: Indicator, level: str) -> Target | None:
    levels: dict[str, Level] = {"county": "county", "township": "township"}
    return indicator.target_at(levels[level])


def _promised(targets: dict[str, Target | None]) -> str:
    values = {code: _decimal(target.value) if target else "NULL" for code, target in targets.items()}
    return _by_division(values, "Nullable(Decimal(18, 4))")


def _by_division(values: dict[str, str], type_: str) -> str:
    """Return an expression that is one value where a division has its own, else a choice by division."""
    if len(set(values.values())) == 1:
        return f"CAST({next(iter(values.values()))}, '{type_}')"
    cases = ", ".join(f"division = {_text(code)}, CAST({value}, '{type_}')" for code, value in values.items())
    return f"multiIf({cases}, CAST({'NULL' if 'Nullable' in type_ else '0'}, '{type_}'))"


def _decimal(value: Decimal) -> str:
    return f"'{value}'"


def _literal(value: Scalar) -> str:
    return _text(value) if isinstance(value, str) else str(int(value))


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(_text(value) for value in values)
