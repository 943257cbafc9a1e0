"""Parts, compiled to SQL: what numerators and denominators grew by, on which day, in which division.

A record's contribution begins on its day and ends where the entity's next record takes over. So late records
and corrections need no case of their own, and the running total of a part's deltas is its total at the end of
each day. All parts over one stream are computed by one statement, because planning such a statement costs
more than running it.
"""

from collections.abc import Iterable, Mapping

from schemas.declaration import DivisionsPart, Indicator, Part, RecordsPart, Scalar, StatisticPart
from services.aggregate import timelines
from services.platform.plan import Division, Plan

EVER = "toDate('2149-06-06')"


def part_id(part: Part | None) -> str:
    """Return a part's name: its declaration as JSON. Two indicators with the same part share it."""
    return part.model_dump_json(exclude_defaults=True, by_alias=True) if part else ""


def parts_of(indicators: Iterable[Indicator]) -> dict[str, Part]:
    """Return the parts of some indicators, by name."""
    parts = [part for one in indicators for part in (one.numerator, one.denominator) if part]
    return {part_id(part): part for part in parts}


def needed(part: Part | None, division: Division, plan: Plan) -> int:
    """Return how many reports must have begun before a part is known in a division.

    A statistic needs the report of each township: a county total over some of them would be a wrong figure
    that looks right. Records need one of their kind, anywhere in the county.
    """
    if part is None:
        return 0
    if isinstance(part, StatisticPart):
        return number_of(DivisionsPart(divisions="township"), division, plan)
    return 1


def number_of(part: DivisionsPart, within: Division, plan: Plan) -> int:
    """Return how many divisions a part counts inside one."""
    return sum(
        division.level == part.divisions
        and part.setting in (None, division.setting)
        and division.code.startswith(within.code)
        for division in plan.divisions.values()
    )


def delta_queries(parts: Mapping[str, Part], plan: Plan) -> list[str]:
    """Return SELECTs that together give the deltas of all these parts.

    Columns: part, division (county or township), day, delta Decimal(38, 4), known. Rows of one part, division
    and day are to be added up.
    """
    records: dict[str, dict[str, RecordsPart]] = {
        "facility": {},
        "fitness-event": {},
        "consumption-voucher": {},
    }
    statistics: dict[str, StatisticPart] = {}
    places: dict[str, DivisionsPart] = {}
    for name, part in parts.items():
        if isinstance(part, StatisticPart):
            statistics[name] = part
        elif isinstance(part, DivisionsPart):
            places[name] = part
        else:
            records[part.from_][name] = part
    zone = text(plan.county.time_zone)
    shown = texts(division.code for division in plan.shown_divisions)
    queries = []
    for template, group in (
        (timelines.FACILITIES, records["facility"]),
        (timelines.EVENTS, records["fitness-event"]),
        (timelines.VOUCHERS, records["consumption-voucher"]),
    ):
        if group:
            contributions = ", ".join(_contribution(name, part, plan) for name, part in group.items())
            queries.append(
                template.format(zone=zone, shown=shown, contributions=contributions, begun=_begun(group))
            )
    if statistics:
        asked = ", ".join(
            f"if(measure = {text(part.statistic)} AND dimension = {text(part.dimension)}, [{text(name)}], [])"
            for name, part in statistics.items()
        )
        queries.append(timelines.STATISTICS.format(zone=zone, asked=f"arrayConcat({asked}, [])"))
    if places:
        rows = ", ".join(
            f"({text(name)}, {text(division.code)}, {number_of(part, division, plan)})"
            for name, part in places.items()
            for division in plan.shown_divisions
        )
        queries.append(timelines.CONSTANTS.format(rows=rows))
    return queries


def _contribution(name: str, part: RecordsPart, plan: Plan) -> str:
    """Return the array of what one state or hourly sum gives to a part: one tuple, or none.

    The tuple is (part, division, presence, amount, end of its days), as timelines.py reads it.
    """
    counts, place, amount = _condition(part.where), "division", "1"
    if part.having:
        digits = {"community": 12, "township": 9}[part.having]
        counted = texts(
            division.code
            for division in plan.divisions.values()
            if division.level == part.having and part.setting in (None, division.setting)
        )
        place = f"substring(division, 1, {digits})"
        counts = f"{counts} AND {place} IN ({counted})"
    elif part.sum:
        amount = f"ifNull({part.sum}, 0)"
    end = "makeDate(toYear(day) + 1, 1, 1)" if part.in_year else EVER
    given = f"({text(name)}, {place}, {int(part.having is not None)}, toDecimal128({amount}, 4), {end})"
    return f"if({counts}, [{given}], [])"


def _begun(parts: Mapping[str, RecordsPart]) -> str:
    """Return an expression: the parts that a record makes known."""
    terms = (
        f"if({_condition({key: value for key, value in part.where.items() if key == 'kind'})},"
        f" [{text(name)}], [])"
        for name, part in parts.items()
    )
    return f"arrayConcat({', '.join(terms)}, [])"


def _condition(where: Mapping[str, Scalar | list[Scalar]]) -> str:
    """Return the condition that a state must meet; never NULL."""
    terms = []
    for field, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        terms.append(f"{field} IN ({', '.join(_literal(value) for value in values)})")
    return f"ifNull({' AND '.join(terms)}, 0)" if terms else "1"


def _literal(value: Scalar) -> str:
    return text(value) if isinstance(value, str) else str(int(value))


def text(value: str) -> str:
    """Return an SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def texts(values: Iterable[str]) -> str:
    """Return SQL string literals, separated by commas."""
    return ", ".join(text(value) for value in values)
