"""What was known at the end of each day: the log tables, read once, replayed by when records were received.

It comes to the same as loading the tally anew with `known_at` the end of each day, for the cost of once.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from schemas.declaration import Indicator
from schemas.parts import PLACE_FIELDS
from schemas.streams import STREAMS
from services.figures.conditions import with_derived
from services.figures.source import VOUCHER_ROW, fields_of
from services.figures.tally import ENTITY_STREAMS, Tally
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.plan import Plan

MOST_RECORDS = 1_000_000
"""So many are held in memory, with some 0.7 KB each; of vouchers only sums are."""

_DAY = timedelta(days=1)
_GONE = (
    "SELECT retracted, min(received_at) AS gone_at FROM retraction_log WHERE stream = %(stream)s"
    " GROUP BY retracted"
)
"""When a record of a stream was withdrawn, which may be before it was received."""

_Rank = tuple[Any, ...]
_State = dict[str, Any]


class TooMany(MinmaiError):
    """There are more records than can be held in memory."""


def days_of_knowledge(
    clickhouse: ClickHouse, plan: Plan, indicator: Indicator, last: date
) -> Iterator[tuple[date, Tally]]:
    """Yield every day from the first on which a record was received, with the tally as it then was.

    It is one tally, which goes on: look at it before the next day. Raises Unavailable, TooMany.
    """
    tally = Tally(plan, [indicator])
    streams: list[_Entities | _Vouchers] = [
        *(
            _Entities(clickhouse, plan, indicator, name)
            for name in ENTITY_STREAMS
            if name in indicator.streams
        ),
        *([_Vouchers(clickhouse, plan)] if "consumption-voucher" in indicator.streams else []),
    ]
    day = min((stream.first for stream in streams if stream.first is not None), default=None)
    while day is not None and day <= last:
        for stream in streams:
            stream.learn(day, tally)
        yield day, tally
        day += _DAY


class _Entities:
    """A stream of entities: of each and each day the newest record known counts."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan, indicator: Indicator, stream: str) -> None:
        self._stream = stream
        self._come: defaultdict[date, list[tuple[str, date, _Rank, _State]]] = defaultdict(list)
        self._gone: defaultdict[date, list[tuple[str, date, _Rank]]] = defaultdict(list)
        self._known: defaultdict[tuple[str, date], dict[_Rank, _State]] = defaultdict(dict)
        fields = fields_of([indicator])[stream]
        said = ", ".join(f"`{PLACE_FIELDS.get(field, field)}`" for field in fields) or "1"
        table = STREAMS[stream].log_table
        [(records,)] = clickhouse.query(f"SELECT count() FROM {table}")
        if records > MOST_RECORDS:
            raise TooMany(
                f"{table} 有 {records} 条记录，超过 {MOST_RECORDS}，无法逐日重放 · has {records} records, "
                "more than can be replayed day by day: leave out --as-known"
            )
        rows = clickhouse.query(
            f"SELECT subject, toDate(time, %(zone)s), (time, source, id), tuple({said}),"
            " toDate(received_at, %(zone)s), toDate(gone_at, %(zone)s)"
            f" FROM {table} LEFT JOIN ({_GONE}) AS gone ON identity = retracted",
            {"zone": plan.county.time_zone, "stream": stream},
            settings={"join_use_nulls": 1},
        )
        for subject, told, rank, values, received, gone in rows:
            if gone is not None and gone <= received:
                continue
            state = dict(zip(fields, values, strict=False))
            self._come[received].append(
                (subject, told, rank, with_derived(state) if stream == "facility" else state)
            )
            if gone is not None:
                self._gone[gone].append((subject, told, rank))
        self.first = min(self._come, default=None)

    def learn(self, day: date, tally: Tally) -> None:
        """Tell the tally what came to be known on a day."""
        touched = {}
        for subject, told, rank, state in self._come.pop(day, ()):
            self._known[subject, told][rank] = state
            touched[subject, told] = True
        for subject, told, rank in self._gone.pop(day, ()):
            del self._known[subject, told][rank]
            touched[subject, told] = True
        for subject, told in touched:
            known = self._known[subject, told]
            tally.set_state(self._stream, subject, told, known[max(known)] if known else None)


class _Vouchers:
    """The steps of vouchers: sums by township and day."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._news: defaultdict[date, list[tuple[str, date, _Rank, _Rank, int]]] = defaultdict(list)
        self._sums: defaultdict[tuple[str, date], dict[_Rank, _Rank]] = defaultdict(dict)
        rows = clickhouse.query(
            "SELECT division, toDate(time, %(zone)s) AS day, (campaign, sector, step) AS kind,"
            " toDate(received_at, %(zone)s) AS received, toDate(gone_at, %(zone)s) AS gone,"
            " (toInt64(count()), sum(face_value), sum(ifNull(order_amount, 0)),"
            " sum(ifNull(redeemed_value, 0)))"
            f" FROM consumption_voucher_log LEFT JOIN ({_GONE}) AS gone ON identity = retracted"
            " GROUP BY division, day, kind, received, gone",
            {"zone": plan.county.time_zone, "stream": "consumption-voucher"},
            settings={"join_use_nulls": 1},
        )
        for division, day, kind, received, gone, sums in rows:
            if gone is not None and gone <= received:
                continue
            self._news[received].append((division, day, kind, sums, 1))
            if gone is not None:
                self._news[gone].append((division, day, kind, sums, -1))
        self.first = min(self._news, default=None)

    def learn(self, day: date, tally: Tally) -> None:
        """Tell the tally what came to be known on a day."""
        touched = {}
        for division, told, kind, sums, sign in self._news.pop(day, ()):
            held = self._sums[division, told]
            before = held.get(kind, (0,) * len(sums))
            held[kind] = tuple(one + sign * more for one, more in zip(before, sums, strict=True))
            touched[division, told] = True
        for division, told in touched:
            rows = [
                {"division": division, **dict(zip(VOUCHER_ROW, (*kind, *sums), strict=True))}
                for kind, sums in self._sums[division, told].items()
            ]
            tally.set_vouchers(division, told, rows)
