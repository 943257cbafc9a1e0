"""What stands in the log tables, as the tally takes it: per entity and day what its newest record says.

Of several records of one entity the newest by (time, source, id) counts: `time` alone may tie, and a tie must
fall the same way in whatever order they came. Withdrawn records are left out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from schemas.declaration import Indicator
from schemas.parts import PER_RESIDENT, PLACE_FIELDS, RecordsPart
from schemas.streams import STREAMS
from services.figures.conditions import with_derived
from services.figures.tally import ENTITY_STREAMS, Tally
from services.platform.clickhouse import ClickHouse, moment
from services.platform.plan import Plan

_ALWAYS = {
    "facility": ("kind", "division"),
    "childcare-place": (),
    "fitness-event": ("division", "day"),
    "statistic": ("division", "measure", "dimension", "value"),
}
"""Fields the tally itself asks for, whatever the parts do."""

Days = Collection[tuple[str, date]]
"""Entities (or, of vouchers, townships) and days."""

_FEW = 100
"""Up to so many stand in the statement itself: a table sent along costs ClickHouse a third more CPU."""


@dataclass(frozen=True)
class Said:
    """What stands for an entity on a day; `state` is None where no record of that day is left."""

    subject: str
    day: date
    state: dict[str, Any] | None


class Source:
    """The log tables, read for the parts of some indicators; each method blocks.

    With `known_at` only what had been received by that moment is there.
    """

    def __init__(
        self,
        clickhouse: ClickHouse,
        plan: Plan,
        indicators: Collection[Indicator],
        known_at: datetime | None = None,
    ) -> None:
        self._clickhouse = clickhouse
        self._zone = plan.county.time_zone
        self._known_at = known_at
        self._fields = fields_of(indicators)
        self.streams = frozenset().union(*(indicator.streams for indicator in indicators))

    def states(self, stream: str, days: Days | None = None) -> Iterator[Said]:
        """Yield what stands for the given entities and days; without `days` for all there are."""
        fields = self._fields[stream]
        table = STREAMS[stream].log_table
        said = ", ".join(f"`{PLACE_FIELDS.get(field, field)}`" for field in fields) or "1"
        rows = self._clickhouse.query(
            f"SELECT subject, toDate(time, %(zone)s) AS told, argMax(tuple({said}), (time, source, id))"
            f" FROM {table} WHERE {self._left('identity', stream)} {self._only(days, 'subject', 'time')}"
            " GROUP BY subject, told ORDER BY subject, told",
            {"zone": self._zone, **_wanted(days)},
            given=_given(days),
        )
        found = {(subject, day): dict(zip(fields, state, strict=False)) for subject, day, state in rows}
        for subject, day in found.keys() if days is None else days:
            state = found.get((subject, day))
            if state is not None and stream == "facility":
                state = with_derived(state)
            yield Said(subject, day, state)

    def vouchers(self, cells: Days | None = None) -> Iterator[tuple[str, date, list[dict[str, Any]]]]:
        """Yield the voucher sums of townships and days, as `Tally.set_vouchers` takes them."""
        table = "voucher_hourly" if self._known_at is None else f"({self._vouchers_known()})"
        rows = self._clickhouse.query(
            "SELECT division, toDate(hour, %(zone)s) AS day, campaign, sector, step, sum(records),"
            f" sum(face_value), sum(order_amount), sum(redeemed_value) FROM {table} AS hours"
            f" WHERE 1 {self._only(cells, 'division', 'hour')}"
            " GROUP BY division, day, campaign, sector, step",
            {"zone": self._zone, **_wanted(cells)},
            given=_given(cells),
        )
        found: dict[tuple[str, date], list[dict[str, Any]]] = {}
        for division, day, *sums in rows:
            row = dict(zip(VOUCHER_ROW, sums, strict=True))
            found.setdefault((division, day), []).append({"division": division, **row})
        for division, day in found.keys() if cells is None else cells:
            yield division, day, found.get((division, day), [])

    def fill(self, tally: Tally) -> None:
        """Give a tally everything that stands."""
        for stream in ENTITY_STREAMS:
            if stream in self.streams:
                for one in self.states(stream):
                    tally.set_state(stream, one.subject, one.day, one.state)
        if "consumption-voucher" in self.streams:
            for cell in self.vouchers():
                tally.set_vouchers(*cell)

    def _left(self, identity: str, stream: str) -> str:
        """Return the condition on records that were received in time and have not been withdrawn."""
        received = "" if self._known_at is None else f" AND received_at <= {moment(self._known_at)}"
        return (
            f"{identity} NOT IN (SELECT retracted FROM retraction_log WHERE stream = '{stream}'{received})"
            f"{received}"
        )

    def _only(self, days: Days | None, subject: str, time: str) -> str:
        if days is None:
            return ""
        few = len(days) <= _FEW
        names = "%(names)s" if few else "(SELECT name FROM wanted)"
        wanted = "%(wanted)s" if few else "(SELECT name, day FROM wanted)"
        # The bounds are for the primary key, which knows nothing of days.
        return (
            f"AND {subject} IN {names} AND {time} >= %(first)s - INTERVAL 1 DAY"
            f" AND {time} < %(last)s + INTERVAL 2 DAY AND ({subject}, toDate({time}, %(zone)s)) IN {wanted}"
        )

    def _vouchers_known(self) -> str:
        return (
            "SELECT division, time AS hour, campaign, sector, step, toInt64(1) AS records, face_value,"
            " ifNull(order_amount, 0) AS order_amount, ifNull(redeemed_value, 0) AS redeemed_value"
            f" FROM consumption_voucher_log WHERE {self._left('identity', 'consumption-voucher')}"
        )


VOUCHER_ROW = ("campaign", "sector", "step", "records", "face_value", "order_amount", "redeemed_value")
"""What a row of voucher sums has, besides its division."""


def load(
    clickhouse: ClickHouse, plan: Plan, indicators: Collection[Indicator], known_at: datetime | None = None
) -> Tally:
    """Return the tally of some indicators over everything received by a moment (None: by now)."""
    tally = Tally(plan, indicators)
    Source(clickhouse, plan, indicators, known_at).fill(tally)
    return tally


def fields_of(indicators: Collection[Indicator]) -> Mapping[str, list[str]]:
    """Return the fields of each stream that parts ask for."""
    asked: dict[str, set[str]] = {stream: set(fields) for stream, fields in _ALWAYS.items()}
    for indicator in indicators:
        for part in (*indicator.numerator, *indicator.denominator):
            if isinstance(part, RecordsPart) and part.from_ in asked:
                names = {name for where in part.alternatives for name in where} | {part.sum or "division"}
                for name in names:
                    if name in PER_RESIDENT:
                        asked["facility"] |= {"residents", PER_RESIDENT[name]}
                    elif name in PLACE_FIELDS:
                        asked["childcare-place"].add(name)
                    else:
                        asked[part.from_].add(name)
    return {stream: sorted(fields) for stream, fields in asked.items()}


def _wanted(days: Days | None) -> dict[str, Any]:
    if days is None:
        return {}
    wanted: dict[str, Any] = {"first": min(day for _, day in days), "last": max(day for _, day in days)}
    if len(days) <= _FEW:
        wanted |= {"names": tuple({name for name, _ in days}), "wanted": tuple(days)}
    return wanted


def _given(days: Days | None) -> dict[str, dict[str, list[Any]]] | None:
    if days is None or len(days) <= _FEW:
        return None
    return {"wanted": {"name String": [name for name, _ in days], "day Date": [day for _, day in days]}}
