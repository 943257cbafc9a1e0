"""Rebuilding the figures: what would change, and asking the worker that keeps them to begin anew beside.

What differs is found out here, from tables and records that go on changing: it is for people to look at.
What is written then is the keeper's own comparison, after it has taken over.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from schemas.indicator import Figure
from services.aggregate.comparison import History, Rows, differences, keys_of, live_figures
from services.figures.source import load
from services.figures.standing import Reading
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan


@dataclass(frozen=True)
class Difference:
    """A figure that a rebuild would change: what stands there now, if anything does, and what would.

    `days`: on how many days of its history (under the definition it gets) something else would stand.
    """

    indicator: str
    division: str
    definition: str
    held: Figure | None
    right: Reading
    days: int


def would_change(clickhouse: ClickHouse, plan: Plan, indicators: Collection[str]) -> Iterator[Difference]:
    """Yield those figures of some indicators that a rebuild by a plan would change. Writes nothing."""
    keys = [key for key in keys_of(plan) if key[0] in indicators]
    known = History(clickhouse, plan).read()
    live = {(one.indicator, one.division): one for one in live_figures(clickhouse, keys)}
    tally = load(clickhouse, plan, [plan.indicators[name] for name in indicators])
    today = max((one.as_of for one in live.values()), default=None)
    if today is None:
        return  # nobody keeps figures yet: whoever begins to computes all of them
    for key in keys:
        held, definition = live.get(key), plan.indicators[key[0]].definition_id
        right = tally.reading(*key, today)
        rows: Rows = known.get(key, {})
        days = sum(1 for day, *_ in differences(tally, key, rows) if day <= today)  # what comes is no history
        if days or held is None or held.definition != definition or not _says(held, right):
            yield Difference(*key, definition, held, right, days)


def ask(clickhouse: ClickHouse, by: str) -> UUID:
    """Ask the keeper of the figures to rebuild them; return the rebuild's id."""
    id = uuid4()
    clickhouse.insert("rebuild", {"id": [id], "said": ["asked"], "by": [by]})
    return id


def shown(clickhouse: ClickHouse, id: UUID) -> bool:
    """Whether the tables show all of a rebuild."""
    [(found,)] = clickhouse.query(
        "SELECT count() FROM rebuild WHERE id = %(id)s AND said = 'shown'", {"id": id}
    )
    return bool(found)


def other_definitions(clickhouse: ClickHouse, plan: Plan) -> dict[str, str]:
    """Return the indicators whose figures are by another definition than the plan's, and by which."""
    rows = clickhouse.query("SELECT DISTINCT indicator, definition FROM indicator_live FINAL")
    return {
        indicator: definition
        for indicator, definition in rows
        if indicator in plan.indicators and plan.indicators[indicator].definition_id != definition
    }


def _says(held: Figure, right: Reading) -> bool:
    return (held.numerator, held.denominator, held.value, held.target) == (
        right.numerator,
        right.denominator,
        right.value,
        right.target,
    )
