"""The history held against the records: which figures have a row that is not what the records come to."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.indicator import Figure
from services.figures.standing import Reading
from services.figures.tally import Tally
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

READING = ("numerator", "denominator", "value", "target", "status")

Key = tuple[str, str]
"""(indicator, division)."""

Rows = dict[date, Reading]

_FIRST_DAY = date(1971, 1, 1)


def keys_of(plan: Plan) -> list[Key]:
    """Return the figures that a plan's indicators have."""
    return [
        (indicator.id, division.code)
        for indicator in plan.indicators.values()
        for division in plan.shown_divisions
        if division.level in indicator.levels
    ]


@dataclass
class History:
    """Table `indicator_history`, of each indicator what is held under its definition in the plan.

    `newest`: the highest version that has been read.
    """

    clickhouse: ClickHouse
    plan: Plan
    newest: int = -1

    def read(self) -> dict[Key, Rows]:
        """Return all rows of the figures that have a row which was written since the last call."""
        definitions = {one.id: one.definition_id for one in self.plan.indicators.values()}
        rows = self.clickhouse.query(
            f"SELECT indicator, division, day, definition, version, {', '.join(READING)}"
            " FROM indicator_history FINAL WHERE definition IN %(definitions)s AND (indicator, division) IN"
            " (SELECT indicator, division FROM indicator_history WHERE version > %(newest)s)",
            {"definitions": tuple(definitions.values()), "newest": self.newest},
        )
        found: dict[Key, Rows] = {}
        for indicator, division, day, definition, version, *fields in rows:
            self.newest = max(self.newest, version)
            if definitions.get(indicator) == definition:
                found.setdefault((indicator, division), {})[day] = Reading(*fields)
        return found


def first_difference(tally: Tally, key: Key, known: Rows) -> date | None:
    """Return the first day on which a figure's rows do not say what the tally does; None if all do.

    Also a day that is none any more, because what was told of it has been withdrawn, must hold what is so
    on it.
    """
    return next((day for day, _held, _right in differences(tally, key, known)), None)


def differences(tally: Tally, key: Key, known: Rows) -> Iterator[tuple[date, Reading, Reading]]:
    """Yield the days on which a figure's rows do not say what the tally does, and what each of them says."""
    held = tally.reading(*key, date.min)  # what no row says
    for day in sorted({*known, *tally.days(*key, _FIRST_DAY, date.max)}):
        held, right = known.get(day, held), tally.reading(*key, day)
        if right != held:
            yield day, held, right


def live_figures(clickhouse: ClickHouse, keys: Collection[Key]) -> list[Figure]:
    """Return those of some figures that stand in `indicator_live`."""
    rows: list[dict[str, Any]] = clickhouse.rows(
        f"SELECT {', '.join(Figure.model_fields)} FROM indicator_live FINAL ORDER BY indicator, division"
    )
    wanted = set(keys)
    return [Figure.model_validate(row) for row in rows if (row["indicator"], row["division"]) in wanted]
