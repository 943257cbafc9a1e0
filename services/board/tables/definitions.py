"""Which definition of an indicator is asked about: the one its figures are by, or one that held before."""

from collections.abc import Collection, Mapping
from datetime import datetime

from schemas.declaration import Indicator
from schemas.fields import Contract
from services.board.tables.knowledge import Knowledge
from services.platform.clickhouse import ClickHouse, moment
from services.platform.plan import Plan


class Held(Contract):
    """A definition of an indicator and the moment since when its figures are by it."""

    definition: str
    since: datetime
    declaration: Indicator


class Definitions:
    """Reads of definitions; blocks, and raises Unavailable if ClickHouse does not answer.

    The plan may say something else already, or still: what is shown is always what the figures are by. Of
    a definition that the plan has too the words are the plan's.
    """

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._plan = plan

    def of(self, ids: Collection[str], knowledge: Knowledge) -> Mapping[str, Indicator]:
        """Return the indicators as they were defined at the moment of `knowledge`: now, or when it was known.

        Before the first definition that was written down it is that one; without any the plan's.
        """
        if knowledge.known_at is None:
            chosen = "SELECT indicator, any(definition) FROM indicator_live FINAL GROUP BY indicator"
        else:
            known = f"since <= {moment(knowledge.known_at)}"
            chosen = (
                f"SELECT indicator, if(countIf({known}) > 0, argMaxIf(definition, since, {known}),"
                " argMin(definition, since)) FROM indicator_definition GROUP BY indicator"
            )
        rows = self._clickhouse.query(
            "SELECT indicator, definition, any(declaration) FROM indicator_definition"
            f" WHERE (indicator, definition) IN ({chosen}) AND indicator IN %(ids)s"
            " GROUP BY indicator, definition",
            {"ids": tuple(ids)},
        )
        found = {one: self._indicator(one, definition, text) for one, definition, text in rows}
        return {one: found.get(one, self._plan.indicators[one]) for one in ids}

    def all(self, id: str) -> list[Held]:
        """Return the definitions that an indicator's figures were by, the newest first."""
        rows = self._clickhouse.query(
            "SELECT definition, since, declaration FROM indicator_definition WHERE indicator = %(id)s"
            " ORDER BY since DESC",
            {"id": id},
        )
        return [
            Held(definition=definition, since=since, declaration=self._indicator(id, definition, text))
            for definition, since, text in rows
        ]

    def _indicator(self, id: str, definition: str, declaration: str) -> Indicator:
        planned = self._plan.indicators[id]
        if planned.definition_id == definition:
            return planned
        return Indicator.model_validate_json(declaration)
