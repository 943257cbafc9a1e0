"""Facilities: as they stand or stood at any moment, and every record of one with what became of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any, Literal
from uuid import UUID

from schemas.declaration import Indicator
from schemas.fields import Contract
from schemas.parts import PLACE_FIELDS, RecordsPart
from schemas.streams import STREAMS
from services.board.tables.knowledge import Knowledge
from services.board.tables.sql import text
from services.board.tables.states import Key, State, States, selected
from services.figures.conditions import Selection, with_derived
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan

_STREAMS = ("facility", "childcare-place")
_CAPACITY = ("beds", "nursing_beds", "children")
_COMMON = ("kind", "name", "division", "status", "ownership")


class Offer(Contract):
    """What the newest childcare-place record of a facility says."""

    total: int
    inclusive: int
    enrolled: int
    source: str
    time: datetime


class Facility(Contract):
    """A facility by its newest record, and by its newest childcare-place record.

    `fields` are those of its kind. `time` and `received_at` are of whichever record is the newer.
    """

    id: str
    kind: str
    name: str
    division: str
    division_name: str
    status: str
    ownership: str
    source: str
    time: datetime
    received_at: datetime
    fields: dict[str, Any]
    places: Offer | None


class Kind(Contract):
    """How many facilities of one kind there are in a state, and what they offer together."""

    kind: str
    status: str
    facilities: int
    beds: int
    nursing_beds: int
    children: int
    places: int
    inclusive_places: int
    enrolled: int


class RecordName(Contract):
    """Which record, and since when it has been so."""

    source: str
    id: str
    time: datetime


class Withdrawal(Contract):
    """A record that withdraws another of its source."""

    id: str
    reason: str
    time: datetime
    received_at: datetime
    receipt: str


class Told(Contract):
    """A record of a facility, and what became of it.

    `holds`: it is the newest; `followed`: it held until the time of `next`; `corrected`: `next` tells of the
    very same moment, so it has never held; `withdrawn`: it does not count, at any time.
    """

    stream: str
    source: str
    id: str
    time: datetime
    received_at: datetime
    receipt: str
    division_name: str
    fields: dict[str, Any]
    standing: Literal["holds", "followed", "corrected", "withdrawn"]
    next: RecordName | None
    withdrawals: list[Withdrawal]


class Counted(Contract):
    """A figure that a facility counts in; `amount` is None where its community or township is counted."""

    indicator: str
    part: Literal["numerator", "denominator"]
    amount: Decimal | None


class Facilities:
    """Reads of facilities; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._states = States(clickhouse)
        self._plan = plan

    def of(
        self,
        division: Division,
        knowledge: Knowledge,
        *,
        kind: str | None = None,
        status: str | None = None,
        find: str | None = None,
        after: Key | None = None,
        limit: int | None = None,
    ) -> Iterator[Facility]:
        """Yield a division's facilities by id, read as they are taken: `limit` of those behind `after`."""
        asked = [f"startsWith(division, {text(division.code)})"]
        if kind is not None:
            asked.append(f"kind = {text(kind)}")
        if status is not None:
            asked.append(f"status = {text(status)}")
        if find:
            asked.append(
                f"(positionCaseInsensitiveUTF8(name, {text(find)}) > 0"
                f" OR positionCaseInsensitiveUTF8(subject, {text(find)}) > 0)"
            )
        begin = after or ("", "")
        states = self._states.of("facility", knowledge, states=" AND ".join(asked), after=begin)
        behind = (one for one in states if after is None or ("", one["subject"]) > after)
        return map(self._facility, self._states.with_places(islice(behind, limit), knowledge))

    def kinds(self, division: Division, knowledge: Knowledge) -> list[Kind]:
        """Return how many facilities of each kind and status a division has, and what they offer."""

        def newest(stream: str, columns: Iterable[str]) -> str:
            return (
                f"SELECT subject, {', '.join(columns)} FROM {STREAMS[stream].log_table}"
                f" WHERE {knowledge.kept(stream)}"
                " ORDER BY subject, time DESC, source DESC, id DESC LIMIT 1 BY subject"
            )

        sums = [f"sum(state.{name}) AS {name}" for name in _CAPACITY]
        sums += [f"sum(offer.{field}) AS {name}" for name, field in PLACE_FIELDS.items()]
        rows = self._clickhouse.rows(
            f"SELECT state.kind AS kind, state.status AS status, count() AS facilities, {', '.join(sums)}"
            f" FROM ({newest('facility', ('kind', 'status', 'division', *_CAPACITY))}) AS state"
            f" LEFT JOIN ({newest('childcare-place', PLACE_FIELDS.values())}) AS offer"
            " ON offer.subject = state.subject"
            f" WHERE startsWith(state.division, {text(division.code)})"
            " GROUP BY kind, status ORDER BY kind, status"
        )
        return [Kind.model_validate({name: value or 0 for name, value in row.items()}) for row in rows]

    def facility(
        self, id: str, indicators: Sequence[Indicator], knowledge: Knowledge
    ) -> tuple[Facility, list[Counted]] | None:
        """Return a facility and what it counts in, in the order of `indicators`; None if no record counts."""
        found = self._states.of("facility", knowledge, records=f"subject = {text(id)}", after=("", id))
        for state in self._states.with_places(islice(found, 1), knowledge):
            return self._facility(state), self._counted(indicators, with_derived(state))
        return None

    def told(self, id: str, knowledge: Knowledge, limit: int) -> tuple[int, list[Told]]:
        """Return how many records tell of a facility, and the newest of them, the newest first."""
        many = 0
        found: list[Told] = []
        for stream in _STREAMS:
            number, records = self._told(stream, id, knowledge, limit)
            many += number
            found += records
        found.sort(key=lambda one: (one.time, one.stream, one.source, one.id), reverse=True)
        return many, found[:limit]

    def _counted(self, indicators: Sequence[Indicator], state: State) -> list[Counted]:
        return [
            Counted(
                indicator=one.id, part=side, amount=None if part.having else Selection(part).amount(state)
            )
            for one in indicators
            for side, parts in (("numerator", one.numerator), ("denominator", one.denominator))
            for part in parts
            if isinstance(part, RecordsPart) and part.from_ == "facility" and self._counts(part, state)
        ]

    def _counts(self, part: RecordsPart, state: State) -> bool:
        if part.setting is not None:
            division = self._plan.divisions.get(state["division"])
            if division is None or division.setting != part.setting:
                return False
        return Selection(part).meets(state)

    def _facility(self, state: State) -> Facility:
        offer = state["childcare-place"]
        newest = max((state, *([offer] if offer else [])), key=lambda one: one["time"])
        own = (name for name in STREAMS["facility"].columns if name not in _COMMON)
        return Facility(
            id=state["subject"],
            **{name: state[name] for name in _COMMON},
            division_name=self._plan.name_of(state["division"]),
            **{name: newest[name] for name in ("source", "time", "received_at")},
            fields={name: state[name] for name in own if state[name] is not None},
            places=Offer(**{name: offer[name] for name in Offer.model_fields}) if offer else None,
        )

    def _told(self, stream: str, id: str, knowledge: Knowledge, limit: int) -> tuple[int, list[Told]]:
        rows = self._clickhouse.rows(
            f"SELECT identity, {selected(stream)}, count() OVER () AS many FROM {STREAMS[stream].log_table}"
            f" WHERE subject = %(id)s AND {knowledge.told}"
            f" ORDER BY time DESC, source DESC, id DESC LIMIT {limit}",
            {"id": id},
        )
        withdrawals = self._withdrawals(stream, [row["identity"] for row in rows], knowledge)
        kept = [row for row in rows if row["identity"] not in withdrawals]
        after = {older["identity"]: newer for newer, older in pairwise(kept)}
        return (rows[0]["many"] if rows else 0), [
            self._record(stream, row, after.get(row["identity"]), withdrawals.get(row["identity"], []))
            for row in rows
        ]

    def _record(self, stream: str, row: State, after: State | None, withdrawals: list[Withdrawal]) -> Told:
        standing: Literal["holds", "followed", "corrected", "withdrawn"] = "holds"
        if withdrawals:
            standing = "withdrawn"
        elif after is not None:
            standing = "corrected" if after["time"] == row["time"] else "followed"
        return Told(
            stream=stream,
            **{name: row[name] for name in ("source", "id", "time", "received_at", "receipt")},
            division_name=self._plan.name_of(row.get("division", "")),
            fields={name: row[name] for name in STREAMS[stream].columns if row[name] is not None},
            standing=standing,
            next=RecordName(**{name: after[name] for name in RecordName.model_fields}) if after else None,
            withdrawals=withdrawals,
        )

    def _withdrawals(
        self, stream: str, identities: Sequence[UUID], knowledge: Knowledge
    ) -> dict[UUID, list[Withdrawal]]:
        rows = self._clickhouse.query(
            f"SELECT retracted, {', '.join(Withdrawal.model_fields)} FROM retraction_log"
            f" WHERE stream = {text(stream)} AND {knowledge.received}"
            " AND retracted IN (SELECT identity FROM wanted) ORDER BY received_at, identity",
            given={"wanted": {"identity UUID": identities}},
        )
        found: dict[UUID, list[Withdrawal]] = defaultdict(list)
        for retracted, *said in rows:
            found[retracted].append(Withdrawal(**dict(zip(Withdrawal.model_fields, said, strict=True))))
        return found
