"""Which figures are not for the public: those that so few stand behind that they tell of each.

Behind a figure stand the institutions, people, businesses or vouchers that its parts count or add up. Where
these are fewer than a limit the figure is withheld, and beside it another township's, so that nobody finds it
by taking the others from the county's. Places (communities, townships), numbers of the plan and what public
offices hold are nobody's own. Three more rules:

* that the county keeps its own promise is told however few institutions it counts;
* money of vouchers is told of the county alone: in a township it may be one merchant's;
* what is told of a single one by its nature (the largest loan) is never told.

What one of many has the most of is not looked at.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.declaration import Indicator
from schemas.parts import Part, RecordsPart, StatisticPart
from schemas.statistic import MEASURES, ONE
from services.board.tables.knowledge import Knowledge
from services.board.tables.records import Contributors
from services.board.tables.sql import condition
from services.board.tables.states import State, States
from services.figures.conditions import Selection, with_derived
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

INSTITUTIONS = 3
"""Fewer institutions than this, or merchants, are not told of."""
PEOPLE = 10
"""The same of people, loans and vouchers."""

Cell = tuple[str, str]
"""An indicator and a division."""


@dataclass(frozen=True)
class Behind:
    """How many stand behind a part in each division (by code), and from how many on it may be told."""

    many: Mapping[str, int]
    limit: int

    def few(self, division: str) -> bool:
        """Whether so few stand there that it tells of each."""
        return 0 < self.many.get(division, 0) < self.limit

    def covers(self, divisions: Iterable[str]) -> bool:
        """Whether what they hold together tells of none of them."""
        together = sum(self.many.get(division, 0) for division in divisions)
        return together == 0 or together >= self.limit


class Disclosure:
    """Finds what is withheld; blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, contributors: Contributors, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._contributors = contributors
        self._states = States(clickhouse)
        self._plan = plan
        self._county = plan.divisions[plan.county.county]
        self._towns = [one.code for one in plan.shown_divisions if one.level == "township"]

    def withheld(self, indicators: Collection[Indicator], knowledge: Knowledge) -> frozenset[Cell]:
        """Return the figures of some indicators that the public is not told."""
        found = self._facilities(knowledge)
        known: dict[str, Behind | None] = {}

        def behind(part: Part) -> Behind | None:
            name = part.model_dump_json()
            if name not in known:
                known[name] = self._behind(part, found, knowledge)
            return known[name]

        cells: set[Cell] = set()
        for one in indicators:
            parts = [(part, many) for part in (*one.numerator, *one.denominator) if (many := behind(part))]
            promised = one.target_at("county") is not None
            if any(many.few(self._county.code) for part, many in parts if not (promised and _counts(part))):
                cells.add((one.id, self._county.code))
            if "township" in one.levels:
                cells |= {(one.id, town) for town in hidden(self._towns, [many for _, many in parts])}
        return frozenset(cells)

    def _behind(self, part: Part, facilities: Sequence[State], knowledge: Knowledge) -> Behind | None:
        if isinstance(part, StatisticPart):
            return self._people(part, knowledge)
        if not isinstance(part, RecordsPart) or part.having or part.from_ == "fitness-event":
            return None
        if part.from_ == "consumption-voucher":
            return self._vouchers(part, knowledge)
        selection = Selection(part)
        return self._by_division(
            Counter(state["division"] for state in facilities if selection.meets(state)), INSTITUTIONS
        )

    def _people(self, part: StatisticPart, knowledge: Knowledge) -> Behind | None:
        counted_by = MEASURES[part.statistic].people
        if not counted_by or part.places:
            return None
        if counted_by == ONE:
            return Behind(dict.fromkeys((self._county.code, *self._towns), 1), PEOPLE)
        counting = StatisticPart(statistic=counted_by, dimension=part.dimension)
        many: Counter[str] = Counter()
        for item in self._contributors.items(counting, self._county, knowledge):
            many[item.record.division] += int(item.record.amount)
        return self._by_division(many, PEOPLE)

    def _vouchers(self, part: RecordsPart, knowledge: Knowledge) -> Behind:
        [(records,)] = self._clickhouse.query(
            f"SELECT sum(records) FROM voucher_hourly WHERE {condition(part)}"
        )
        # A first few are found at once, however long the log is.
        [(merchants,)] = self._clickhouse.query(
            "SELECT count() FROM (SELECT DISTINCT merchant_id FROM consumption_voucher_log"
            f" WHERE {condition(part)} AND merchant_id IS NOT NULL"
            f" AND {knowledge.kept('consumption-voucher')} LIMIT {INSTITUTIONS})"
        )
        told = 1 if 0 < merchants < INSTITUTIONS else records
        return Behind({**dict.fromkeys(self._towns, 1), self._county.code: told}, PEOPLE)

    def _by_division(self, many: Counter[str], limit: int) -> Behind:
        towns: Counter[str] = Counter()
        for code, number in many.items():
            towns[code[:9]] += number
        return Behind({**towns, self._county.code: many.total()}, limit)

    def _facilities(self, knowledge: Knowledge) -> list[State]:
        states = self._states.with_places(self._states.of("facility", knowledge), knowledge)
        return [with_derived(state) for state in states]


def hidden(towns: Sequence[str], behind: Sequence[Behind]) -> set[str]:
    """Return the townships that are withheld: those with few, and as many more as hide them."""
    found = {town for town in towns if any(one.few(town) for one in behind)}
    others = [town for town in towns if town not in found and any(one.many.get(town) for one in behind)]
    others.sort(key=lambda town: min(one.many.get(town, 0) for one in behind))
    for town in others:
        if not found or (len(found) > 1 and all(one.covers(found) for one in behind)):
            break
        found.add(town)
    return found


def _counts(part: Part) -> bool:
    """Whether a part only counts institutions."""
    return isinstance(part, RecordsPart) and part.from_ == "facility" and part.count
