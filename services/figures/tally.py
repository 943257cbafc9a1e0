"""The tally: what the current records add up to, in every division, at the end of every day.

A record's contribution to a part begins on its day and ends where the entity's next record takes over (for
what counts in one year only: with the year). So a late record, a correction or a withdrawal is no special
case: the contributions of one stretch of one entity are taken back and others are put in their place.

Whoever feeds it says what stands on a day (`set_state`, `set_vouchers`), never what is to be added: saying it
twice, or in another order, comes to the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.declaration import Indicator, Target
from schemas.parts import ConstantPart, DivisionsPart, Part, RecordsPart, StatisticPart
from schemas.statistic import MEASURES
from services.figures.conditions import ONE, Selection
from services.figures.places import Places
from services.figures.series import EVER, NOTHING, Series
from services.figures.standing import Reading, read
from services.figures.timeline import Entity, State, Stretch
from services.platform.plan import Division, Plan

Key = tuple[str, str]
"""(part, division) of a total; ("", what) of what has begun to be known."""

ENTITY_STREAMS = ("facility", "childcare-place", "fitness-event", "statistic")
_KIND_OF = {"facility": "facility", "childcare-place": "facility"}


def part_id(part: Part) -> str:
    """Return a part's name: its declaration as JSON. Two indicators with the same part share it."""
    return part.model_dump_json(exclude_defaults=True, by_alias=True)


class Tally:
    """Running totals of the parts of some indicators."""

    def __init__(self, plan: Plan, indicators: Iterable[Indicator]) -> None:
        self.indicators = {indicator.id: indicator for indicator in indicators}
        self._places = Places(plan)
        self._entities: defaultdict[tuple[str, str], Entity] = defaultdict(Entity)
        self._totals: defaultdict[Key, Series] = defaultdict(Series)
        self._present: defaultdict[tuple[str, str], Series] = defaultdict(Series)
        self._shaken: set[tuple[str, str]] = set()
        self._counted: dict[tuple[str, str], dict[date, int]] = {}
        self._cells: dict[tuple[str, date], dict[str, Decimal]] = {}
        self._begun: defaultdict[Key, set[date]] = defaultdict(set)
        """Days on which something began to be known, those included that were taken back."""
        self._touched: dict[Key, date] = {}
        self._formulas: dict[tuple[str, str], _Formula] = {}
        self._users: defaultdict[Key, set[tuple[str, str]]] = defaultdict(set)
        self._selections: dict[str, Selection] = {}
        self._of_kind: defaultdict[str, dict[str, Selection]] = defaultdict(dict)
        self._statistics: defaultdict[str, dict[str, StatisticPart]] = defaultdict(dict)
        for indicator in self.indicators.values():
            for part in (*indicator.numerator, *indicator.denominator):
                self._declare(part)
                for division in self.divisions(indicator):
                    for key in self._keys(part, division.code):
                        self._users[key].add((indicator.id, division.code))

    def divisions(self, indicator: Indicator) -> list[Division]:
        """Return the divisions in which an indicator has a figure."""
        return [division for division in self._places.shown if division.level in indicator.levels]

    # What stands

    def set_state(self, stream: str, subject: str, day: date, state: State | None) -> None:
        """Say what the newest record of an entity on a day says; None: there is no record of that day (left).

        `stream` is one of ENTITY_STREAMS; a state is the record's fields, with derived ones.
        """
        second = stream == "childcare-place"
        family = _KIND_OF.get(stream, stream)
        entity = self._entities[family, subject]
        timeline = entity.timeline(second)
        if _says_nothing_new(family, timeline.at(day), day, state):
            before = timeline.set(day, state)
        else:
            begin, end = entity.begin(day), timeline.after(day)
            self._count(family, entity.stretches(begin, end), -1)
            before = timeline.set(day, state)
            self._count(family, entity.stretches(begin, end), 1)
        if not second:
            self._begin(family, before, day, -1)
            self._begin(family, state, day, 1)

    def set_vouchers(self, division: str, day: date, sums: Sequence[Mapping[str, Any]]) -> None:
        """Say what the vouchers of a township on a day add up to.

        `sums`: one row for each campaign, sector and step, with `records` and the sums of the amounts.
        """
        real = [row for row in sums if row["records"]]
        before = self._cells.pop((division, day), None)
        now: dict[str, Decimal] = {}
        for name, selection in self._of_kind["consumption-voucher"].items():
            met = (row for row in real if selection.meets(row))
            now[name] = sum(
                (selection.amount(row) if selection.part.sum else Decimal(row["records"]) for row in met),
                NOTHING,
            )
        for name, amount in now.items():
            grown = amount - (before or {}).get(name, NOTHING)
            if grown:
                for code in self._places.chain(division):
                    self._grow((name, code), day, grown)
        if real:
            self._cells[division, day] = now
        known = (bool(real) - (before is not None)) * ONE
        if known:
            self._know(("", "consumption-voucher"), day, known)

    # What it comes to

    def reading(self, indicator: str, division: str, day: date) -> Reading:
        """Return a figure at the end of a day."""
        if self._shaken:
            self._settle()
        formula = self._formulas.get((indicator, division))
        if formula is None:
            formula = self._formulas[indicator, division] = self._formula(indicator, division)
        numerator = _total(formula.numerator, day)
        denominator = _total(formula.denominator, day) if formula.denominator else None
        return read(formula.indicator, formula.target, numerator, denominator)

    def days(self, indicator: str, division: str, first: date, last: date) -> list[date]:
        """Return the days from `first` to `last` on which a figure may have changed, in order."""
        self._settle()
        declared = self.indicators[indicator]
        found: set[date] = set()
        for part in (*declared.numerator, *declared.denominator):
            for key in self._keys(part, division):
                found.update(self._days(key, first, last))
        return sorted(found)

    def take_touched(self) -> dict[tuple[str, str], date]:
        """Return the figures (indicator, division) that may have changed since the last call, with the
        earliest day on which each may have."""
        self._settle()
        found: dict[tuple[str, str], date] = {}
        for key, day in self._touched.items():
            for user in self._users[key]:
                found[user] = min(day, found.get(user, day))
        self._touched = {}
        return found

    def passing(self, first: date, last: date) -> dict[tuple[str, str], date]:
        """Return the figures that change of themselves in some days: what counts in one year ends with
        it, and what was told of a day to come is so when it has come."""
        self._settle()
        found: dict[tuple[str, str], date] = {}
        for key in list(self._totals):
            if days := self._days(key, first, last):
                for user in self._users.get(key, ()):
                    found[user] = min(days[0], found.get(user, days[0]))
        return found

    def revisit(self, indicator: str, division: str, days: Iterable[date]) -> None:
        """Count days among those on which a figure may have changed."""
        declared = self.indicators[indicator]
        known = set(self.days(indicator, division, date.min, date.max))
        for day in sorted(set(days) - known):
            parts = (*declared.numerator, *declared.denominator)
            own = next(key for part in parts for key in self._keys(part, division))
            self._totals[own].add(day, NOTHING)

    def _days(self, key: Key, first: date, last: date) -> list[date]:
        """Return the days on which a total grew, or (of what has begun to be known) on which it began."""
        if key[0]:
            return self._totals[key].days(first, last)
        return sorted(day for day in self._begun[key] if first <= day <= last)

    # Contributions

    def _declare(self, part: Part) -> None:
        name = part_id(part)
        if isinstance(part, RecordsPart):
            selection = self._selections.setdefault(name, Selection(part))
            for kind in part.kinds or (part.from_,):
                self._of_kind[kind][name] = selection
        elif isinstance(part, StatisticPart):
            self._statistics[part.statistic][name] = part

    def _keys(self, part: Part, division: str) -> list[Key]:
        """Return the series that a part's total in a division rests on."""
        own = part_id(part), division
        if isinstance(part, RecordsPart):
            return [own, *(("", kind) for kind in part.kinds or (part.from_,))]
        if isinstance(part, StatisticPart):
            told = part.statistic if part.dimension is None else f"{part.statistic}/{part.dimension}"
            known = (part.statistic, division) if MEASURES[part.statistic].every else ("", told)
            return [own, known]
        return []

    def _count(self, family: str, stretches: Iterator[Stretch], sign: int) -> None:
        for stretch in stretches:
            if family == "statistic":
                self._count_statistic(stretch, sign)
                continue
            kind = str(stretch.state["kind"]) if family == "facility" else family
            for name, selection in self._of_kind[kind].items():
                if selection.meets(stretch.state):
                    self._count_record(name, selection, stretch, sign)

    def _count_record(self, name: str, selection: Selection, stretch: Stretch, sign: int) -> None:
        part, state = selection.part, stretch.state
        begin, end = stretch.begin, stretch.end
        if part.from_ == "fitness-event":
            begin = max(begin, state["day"])  # it counts from its day, or from when it was reported if later
            if part.in_year:
                end = min(end, date(state["day"].year + 1, 1, 1))
        if begin >= end:
            return
        if part.having:
            place = self._places.at(state["division"], part.having)
            if place and part.setting in (None, self._places.setting(place)):
                self._be_present(name, place, begin, end, sign)
            return
        amount = selection.amount(state) * sign
        self._between(name, state["division"], begin, end, amount)

    def _count_statistic(self, stretch: Stretch, sign: int) -> None:
        state, end = stretch.state, stretch.end
        measure = MEASURES[state["measure"]]
        if measure.yearly:
            end = min(end, date(stretch.told.year + 1, 1, 1))
        if stretch.begin >= end:
            return
        for name, part in self._statistics[state["measure"]].items():
            if part.dimension in (None, state["dimension"]):
                if part.places:
                    settings = (None, self._places.setting(state["division"]))
                    if state["value"] > 0 and part.setting in settings:
                        self._be_present(name, state["division"], stretch.begin, end, sign)
                else:
                    self._between(name, state["division"], stretch.begin, end, Decimal(state["value"]) * sign)
        if measure.every and state["measure"] in self._statistics:
            self._between(state["measure"], state["division"], stretch.begin, end, ONE * sign)

    def _between(self, name: str, division: str, begin: date, end: date, amount: Decimal) -> None:
        """Let a total grow from `begin` on and shrink as much at `end`, in all divisions around a place."""
        for code in self._places.chain(division):
            self._grow((name, code), begin, amount)
            if end < EVER:
                self._grow((name, code), end, -amount)

    def _be_present(self, name: str, place: str, begin: date, end: date, sign: int) -> None:
        series = self._present[name, place]
        series.add(begin, ONE * sign)
        if end < EVER:
            series.add(end, -ONE * sign)
        self._shaken.add((name, place))

    def _begin(self, family: str, state: State | None, day: date, sign: int) -> None:
        """Note that something of its kind was told on a day: from the first such day on parts are known."""
        if state is None:
            return
        told = [family]
        if family == "facility":
            told = [state["kind"]]
        elif family == "statistic":
            told = [state["measure"], f"{state['measure']}/{state['dimension']}"]
        for what in told:
            self._know(("", what), day, ONE * sign)

    def _know(self, key: Key, day: date, amount: Decimal) -> None:
        if key not in self._users:
            return
        series = self._totals[key]
        since = series.positive_since()
        if since is not None and day > since:
            series.add(day, amount)
            return
        series.add(day, amount)
        self._begun[key] |= {one for one in (since, series.positive_since()) if one is not None}
        self._touch(key, day)

    def _grow(self, key: Key, day: date, amount: Decimal) -> None:
        self._totals[key].add(day, amount)
        self._touch(key, day)

    def _touch(self, key: Key, day: date) -> None:
        before = self._touched.get(key)
        if before is None or day < before:
            self._touched[key] = day

    def _settle(self) -> None:
        """Turn the presence of facilities into the number of places that have one."""
        shaken, self._shaken = self._shaken, set()
        for name, place in shaken:
            now = _toggles(self._present[name, place])
            before = self._counted.get((name, place), {})
            self._counted[name, place] = now
            for day in now.keys() | before.keys():
                changed = now.get(day, 0) - before.get(day, 0)
                if changed:
                    for code in self._places.chain(place):
                        self._grow((name, code), day, ONE * changed)

    # Formulas

    def _formula(self, indicator: str, division: str) -> "_Formula":
        declared = self.indicators[indicator]
        target = declared.target_at("county" if len(division) == 6 else "township")
        above = [self._term(part, division) for part in declared.numerator]
        below = [self._term(part, division) for part in declared.denominator]
        return _Formula(declared, target, above, below)

    def _term(self, part: Part, division: str) -> "_Term":
        """Return what tells a part's total in a division at the end of a day; None while it is not known.

        A total over some of the reports it needs would look right and be wrong.
        """
        if isinstance(part, DivisionsPart):
            number = Decimal(self._places.number(part.divisions, part.setting, division))
            return lambda _day: number
        if isinstance(part, ConstantPart):
            return lambda _day: part.constant
        own, *knowledge = (self._totals[key] for key in self._keys(part, division))
        first, others = knowledge[0], knowledge[1:]
        needed = 1
        if isinstance(part, StatisticPart) and MEASURES[part.statistic].every:
            needed = self._places.number(MEASURES[part.statistic].level, None, division) or 1

        def total(day: date) -> Decimal | None:
            known = first.at(day) >= needed or any(series.at(day) >= needed for series in others)
            return own.at(day) if known else None

        return total


_Term = Callable[[date], Decimal | None]


@dataclass(frozen=True)
class _Formula:
    """An indicator in one division, ready to be asked of many days."""

    indicator: Indicator
    target: Target | None
    numerator: Sequence[_Term]
    denominator: Sequence[_Term]


def _total(terms: Sequence[_Term], day: date) -> Decimal | None:
    """Return what terms add up to; None if one of them is not known."""
    total = NOTHING
    for term in terms:
        amount = term(day)
        if amount is None:
            return None
        total += amount
    return total


def _says_nothing_new(family: str, held: tuple[date, State] | None, day: date, state: State | None) -> bool:
    """Whether a report only repeats what held on its day; a yearly statistic begins anew each year."""
    if held is None or state != held[1]:
        return False
    return family != "statistic" or held[0].year == day.year


def _toggles(series: Series) -> dict[date, int]:
    """Return the days on which something begins (1) or ceases (−1) to be there at all."""
    found, there = {}, False
    for day in series.days(date.min, date.max):
        now = series.at(day) > 0
        if now != there:
            found[day], there = (1 if now else -1), now
    return found
