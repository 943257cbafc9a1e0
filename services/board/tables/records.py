"""Contributors: the records behind a numerator or a denominator, each with what it adds.

The amounts of a part's contributors add up to the part. Where one thing is told by several records, one of
them carries the amount and the others 0:

* a number that a childcare-place record says (places, inclusive places, children) stands on that record; the
  facility's own record decides whether it counts, and carries 0;
* where places (communities, townships) are counted, the first record of each place carries 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from schemas.fields import Contract
from schemas.parts import PLACE_FIELDS, ConstantPart, DivisionsPart, Part, RecordsPart, StatisticPart
from schemas.statistic import MEASURES
from schemas.streams import STREAMS
from services.board.tables.knowledge import Knowledge
from services.board.tables.sql import condition, text
from services.board.tables.states import Key, State, States, selected
from services.figures.conditions import Selection, with_derived
from services.platform.clickhouse import ClickHouse, moment
from services.platform.plan import Division, Plan

DIGITS = {"county": 6, "township": 9, "community": 12}
_NONE = Decimal(0)


class Contributor(Contract):
    """One record and what it adds to a part.

    `stream` is `division` where places are counted and `constant` for a number of the plan's own; these two
    are no records, and have neither times nor a receipt.
    """

    stream: str
    source: str
    id: str
    subject: str
    name: str
    division: str
    division_name: Annotated[str, Field(description="from the township down; empty for a constant")] = ""
    time: datetime | None
    received_at: datetime | None
    receipt: str
    amount: Decimal
    fields: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a listing stands: in which part, behind which key, and which place was counted last."""

    part: int = 0
    key: Key | None = None
    counted: str = ""


@dataclass(frozen=True)
class Item:
    """A contributor, where the listing stands behind it, and the state it says (a record's fields, and for a
    childcare facility those of its places)."""

    key: Key
    counted: str
    record: Contributor
    state: State


class Contributors:
    """Lists contributors; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._states = States(clickhouse)
        self._clickhouse = clickhouse
        self._plan = plan

    def page(
        self, parts: Sequence[Part], division: Division, knowledge: Knowledge, begin: Place, limit: int
    ) -> tuple[list[Contributor], Place | None]:
        """Return at most `limit` contributors behind a place, and where to go on (None: that was all)."""
        found: list[tuple[int, Item]] = []
        for number, part in islice(enumerate(parts), begin.part, None):
            start = begin if number == begin.part else Place(number)
            items = self.items(part, division, knowledge, start, limit + 1 - len(found))
            found += ((number, item) for item in islice(items, limit + 1 - len(found)))
            if len(found) > limit:
                last, item = found[limit - 1]
                return [self._named(one.record) for _, one in found[:limit]], Place(
                    last, item.key, item.counted
                )
        return [self._named(item.record) for _, item in found], None

    def _named(self, record: Contributor) -> Contributor:
        return record.model_copy(update={"division_name": self._plan.name_of(record.division)})

    def items(
        self,
        part: Part,
        division: Division,
        knowledge: Knowledge,
        begin: Place = Place(),
        wanted: int | None = None,
    ) -> Iterator[Item]:
        """Yield the contributors of one part behind a place, by key; `wanted` says how many will be read."""
        if isinstance(part, StatisticPart):
            return self._statistics(part, division, knowledge, begin)
        if isinstance(part, DivisionsPart):
            return self._divisions(part, division, begin)
        if isinstance(part, ConstantPart):
            return _constant(part, begin)
        if part.from_ == "facility":
            return self._facilities(part, division, knowledge, begin)
        if part.from_ == "fitness-event":
            return self._events(part, division, knowledge, begin)
        return self._vouchers(part, division, knowledge, begin, wanted)

    def _facilities(
        self, part: RecordsPart, division: Division, knowledge: Knowledge, begin: Place
    ) -> Iterator[Item]:
        kinds = ", ".join(text(kind) for kind in sorted(part.kinds))
        states = self._states.of(
            "facility",
            knowledge,
            states=f"startsWith(division, {text(division.code)}) AND kind IN ({kinds})",
            place=f"substring(division, 1, {DIGITS[part.having]})" if part.having else "''",
            after=begin.key[:2] if begin.key else ("", ""),
        )
        if asks_for_places(part):
            states = self._states.with_places(states, knowledge)
        selection, counted = Selection(part), begin.counted
        for state in states:
            place = state["place"]
            if not selection.meets(with_derived(state)) or (part.having and not self._counts(part, place)):
                continue
            first = place != counted
            counted = place
            facility, offered = state, state.get("childcare-place")
            told = part.sum in PLACE_FIELDS
            adds = Decimal(first) if part.having else selection.amount(state)
            item = partial(Item, counted=counted, state=state)
            rows = [("facility", facility, _NONE if told else adds)]
            if offered is not None:
                rows.append(("childcare-place", offered, adds if told else _NONE))
            for rank, (stream, record, added) in enumerate(rows):
                key = (place, state["subject"], str(rank))
                if begin.key is None or key > begin.key:
                    yield item(
                        key=key,
                        record=_contributor(
                            stream, record, added, name=facility["name"], division=facility["division"]
                        ),
                    )

    def _counts(self, part: RecordsPart, place: str) -> bool:
        division = self._plan.divisions.get(place)
        return division is not None and part.setting in (None, division.setting)

    def _events(
        self, part: RecordsPart, division: Division, knowledge: Knowledge, begin: Place
    ) -> Iterator[Item]:
        day = knowledge.day
        held = [f"startsWith(division, {text(division.code)})", f"day <= toDate('{day}')"]
        if part.in_year:
            held.append(f"day >= toDate('{day.year}-01-01')")
        selection, after = Selection(part), begin.key or ("", "")
        for state in self._states.of("fitness-event", knowledge, states=" AND ".join(held), after=after):
            key = ("", state["subject"])
            if key > after and selection.meets(state):
                adds = selection.amount(state)
                yield Item(key, "", _contributor("fitness-event", state, adds), state)

    def _statistics(
        self, part: StatisticPart, division: Division, knowledge: Knowledge, begin: Place
    ) -> Iterator[Item]:
        measure = MEASURES[part.statistic]
        asked = [f"measure = {text(part.statistic)}"]
        if part.dimension is not None:
            asked.append(f"dimension = {text(part.dimension)}")
        if measure.yearly:
            new_year = datetime(knowledge.day.year, 1, 1, tzinfo=knowledge.zone)
            asked.append(f"time >= {moment(new_year)}")
        inside = f"startsWith(division, {text(division.code)}) AND length(division) = {DIGITS[measure.level]}"
        after, counted = begin.key or ("", ""), begin.counted
        for state in self._states.of(
            "statistic", knowledge, records=" AND ".join(asked), states=inside, after=after
        ):
            adds = state["value"]
            if part.places:
                setting = self._plan.divisions[state["division"]].setting
                there = adds > 0 and part.setting in (None, setting)
                adds = Decimal(there and state["division"] != counted)
                counted = state["division"] if adds else counted
            key = ("", state["subject"])
            if key > after:
                yield Item(key, counted, _contributor("statistic", state, adds), state)

    def _vouchers(
        self, part: RecordsPart, division: Division, knowledge: Knowledge, begin: Place, wanted: int | None
    ) -> Iterator[Item]:
        asked = [
            f"startsWith(division, {text(division.code)})",
            condition(part),
            knowledge.kept("consumption-voucher"),
        ]
        if begin.key:
            subject, time, identity = begin.key
            asked.append(f"subject >= {text(subject)}")  # the tuple alone would not use the key
            then = moment(datetime.fromisoformat(time))
            asked.append(f"(subject, time, identity) > ({text(subject)}, {then}, toUUID({text(identity)}))")
        limit = f"LIMIT {wanted}" if wanted is not None else ""
        for row in self._clickhouse.rows(
            f"SELECT identity, {selected('consumption-voucher')} FROM consumption_voucher_log "
            f"WHERE {' AND '.join(asked)} ORDER BY subject, time, identity {limit}"
        ):
            adds = Decimal(1) if part.count else row[str(part.sum)] or _NONE
            key = (row["subject"], row["time"].isoformat(), str(row["identity"]))
            yield Item(key, "", _contributor("consumption-voucher", row, adds), row)

    def _divisions(self, part: DivisionsPart, within: Division, begin: Place) -> Iterator[Item]:
        for code in sorted(self._plan.divisions):
            one = self._plan.divisions[code]
            counts = one.level == part.divisions and part.setting in (None, one.setting)
            if counts and code.startswith(within.code) and (begin.key is None or (code,) > begin.key):
                fields = {"level": one.level, "setting": one.setting}
                record = _unsent("division", Decimal(1), code=code, name=one.name, fields=fields)
                yield Item((code,), "", record, {"division": code, **fields})


def _constant(part: ConstantPart, begin: Place) -> Iterator[Item]:
    if begin.key is None:
        yield Item(("",), "", _unsent("constant", part.constant), {})


def asks_for_places(part: RecordsPart) -> bool:
    """Return whether a part needs what childcare-place records say of the facilities it counts."""
    asked = {name for where in part.alternatives for name in where} | {part.sum}
    return not asked.isdisjoint(PLACE_FIELDS)


def _contributor(
    stream: str, row: State, adds: Decimal, *, name: str | None = None, division: str | None = None
) -> Contributor:
    fields = {column: row[column] for column in STREAMS[stream].columns}
    said = (fields.pop("name", ""), fields.pop("division", ""))
    return Contributor(
        stream=stream,
        source=row["source"],
        id=row["id"],
        subject=row["subject"],
        name=said[0] if name is None else name,
        division=said[1] if division is None else division,
        time=row["time"],
        received_at=row["received_at"],
        receipt=row["receipt"],
        amount=adds,
        fields={field: value for field, value in fields.items() if value is not None},
    )


def _unsent(
    stream: str, adds: Decimal, *, code: str = "", name: str = "", fields: dict[str, Any] | None = None
) -> Contributor:
    return Contributor(
        stream=stream,
        source="plan",
        id=code,
        subject=code,
        name=name,
        division=code,
        time=None,
        received_at=None,
        receipt="",
        amount=adds,
        fields=fields or {},
    )
