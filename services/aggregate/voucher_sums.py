"""Voucher sums held against the log while blocks come in, and set right by rows of what they differ by.

`voucher_hourly` is fed by a view, and its tokens make a block that is tried again count once; a table made
anew would not know them. So it stays, and gets rows of what is missing (or, with the signs turned, too much),
in one insert.

What makes it exact: partitions move block by block, and a block's rows in a sum are there whole or not at
all. All blocks that were told before a sum was read are in it; of later ones each row says itself up to which
offset it has them (`newest`). Sums from which a withdrawal is just being taken are left alone.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from schemas.streams import RETRACTION, STREAMS
from services.aggregate.blocks import Block, Place
from services.aggregate.touches import VOUCHERS, Told, Touches
from services.platform.clickhouse import ClickHouse
from services.platform.through import HASHED, counted_through

_KEY = "campaign, sector, division, hour, step"
_AMOUNTS = ("records", "face_value", "order_amount", "redeemed_value")
_HOUR = "toStartOfHour(toDateTime(time, 'UTC')) AS hour"
_PAUSE_SECONDS = 0.1

Limits = dict[int, int]
"""By partition, as `newest` names it: the first offset that may not have been counted through."""


@dataclass(frozen=True)
class Corrected:
    """How many sums differed from the log (and, unless it was a dry run, were set right), and by how much.

    `busy`: sums that were left alone because a withdrawal was being taken out of them.
    """

    sums: int
    records: int
    face_value: object
    busy: int


def correct(clickhouse: ClickHouse, zone: str, *, dry_run: bool = False) -> Corrected:
    """Hold the sums against the log and set right what differs; the keeper of the figures is told where.

    Repeatable, also by several at once: of two that find the same the second's rows are dropped.
    """
    with _scratch(clickhouse) as (held, differing):
        [(earlier,)] = clickhouse.query("SELECT count() FROM rebuild WHERE said = 'sums'")
        limits = _limits(clickhouse)
        _hold(clickhouse, held)
        _wait_until_told(clickhouse, held, limits)
        busy = _compare(clickhouse, held, differing, _with_new_places(clickhouse, limits))
        [(sums, records, face_value, digest)] = clickhouse.query(
            f"SELECT count(), toInt64(sum(records)), sum(face_value), sum(cityHash64(*)) FROM {differing}"
        )
        if not dry_run:
            _note_taken_out(clickhouse, limits)
        if sums and not dry_run:
            names = f"{_KEY}, {', '.join(_AMOUNTS)}"
            token = f"rebuild/{earlier}/{digest}"
            clickhouse.query(
                f"INSERT INTO voucher_hourly ({names}) SELECT {names} FROM {differing} ORDER BY {_KEY}"
                f" SETTINGS insert_deduplication_token = '{token}', max_insert_threads = 1"
            )
            clickhouse.insert("rebuild", {"id": [uuid4()], "said": ["sums"], "by": [token]})
            _tell(clickhouse, differing, zone)
        return Corrected(sums, records, face_value, busy)


@contextmanager
def _scratch(clickhouse: ClickHouse) -> Iterator[tuple[str, str]]:
    id = uuid4().hex
    names = f"rebuild_held_{id}", f"rebuild_differing_{id}"
    for (left,) in clickhouse.query(  # by one that died
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name,"
        " '^rebuild_(held|differing)_') AND metadata_modification_time < now() - INTERVAL 1 DAY"
    ):
        clickhouse.query(f"DROP TABLE IF EXISTS {left} SYNC")
    try:
        yield names
    finally:
        for name in names:
            clickhouse.query(f"DROP TABLE IF EXISTS {name} SYNC")


def _limits(clickhouse: ClickHouse) -> Limits:
    topics = (STREAMS[VOUCHERS].topic, RETRACTION.topic)
    return {one.hashed: one.limit for one in counted_through(clickhouse, topics)}


def _with_new_places(clickhouse: ClickHouse, limits: Limits) -> Limits:
    """Return the limits with those partitions that have begun since: nothing of them is known to be in."""
    return {**dict.fromkeys(_limits(clickhouse), 0), **limits}


def _hold(clickhouse: ClickHouse, held: str) -> None:
    amounts = ", ".join(f"sum({one}) AS {one}" for one in _AMOUNTS)
    # The names of sums are those of columns: a subquery keeps them apart.
    clickhouse.query(
        f"CREATE TABLE {held} ENGINE = MergeTree ORDER BY (division, hour) AS"
        f" SELECT {_KEY}, {amounts}, maxMap(newest) AS newest FROM voucher_hourly GROUP BY {_KEY}"
    )


def _wait_until_told(clickhouse: ClickHouse, held: str, limits: Limits) -> None:
    """Wait until every block that is in the sums held has been counted through, so that the log has it."""
    rows = clickhouse.query(
        f"SELECT place, max(last) FROM {held} ARRAY JOIN mapKeys(newest) AS place, mapValues(newest) AS last"
        " GROUP BY place"
    )
    wanted = {place: last for place, last in rows if place in limits and last >= limits[place]}
    while any(_limits(clickhouse).get(place, 0) <= last for place, last in wanted.items()):
        time.sleep(_PAUSE_SECONDS)


def _compare(clickhouse: ClickHouse, held: str, differing: str, limits: Limits) -> int:
    """Make the table of what the sums held differ by; return how many were left alone."""
    known = ", ".join(f"{place}, toUInt64({limit})" for place, limit in limits.items())
    limit = f"if(mapContains(limits, {HASHED}), limits[{HASHED}], toUInt64(-1))"
    withdrawn = f"SELECT retracted FROM retraction_log WHERE stream = '{VOUCHERS}'"
    amounts = (
        "toInt64(count()) AS records, sum(log.face_value) AS face_value,"
        " sum(ifNull(log.order_amount, 0)) AS order_amount,"
        " sum(ifNull(log.redeemed_value, 0)) AS redeemed_value"
    )
    log = (
        f"SELECT campaign, sector, division, {_HOUR}, step, face_value, order_amount, redeemed_value,"
        f" {HASHED} AS place, offset, offset < {limit} AS settled, identity FROM consumption_voucher_log"
    )
    moving = (
        f"SELECT {_KEY} FROM ({log}) AS log WHERE identity IN"
        f" ({withdrawn} AND offset >= {limit}) OR (NOT settled AND identity IN ({withdrawn}))"
    )
    limits_sql = f"WITH CAST(map({known}), 'Map(UInt64, UInt64)') AS limits"
    clickhouse.query(
        f"""
        CREATE TABLE {differing} ENGINE = MergeTree ORDER BY (division, hour) AS
        {limits_sql}
        SELECT {_KEY}, sum(n) AS records, sum(f) AS face_value, sum(o) AS order_amount,
            sum(r) AS redeemed_value
        FROM (
            SELECT {_KEY}, -records AS n, -face_value AS f, -order_amount AS o, -redeemed_value AS r
            FROM {held}
            UNION ALL
            SELECT {_KEY}, {amounts} FROM ({log}) AS log
            WHERE settled AND identity NOT IN ({withdrawn}) GROUP BY {_KEY}
            UNION ALL
            SELECT {_KEY}, {amounts} FROM ({log}) AS log
            INNER JOIN (SELECT {_KEY}, newest FROM {held}) AS cell USING ({_KEY})
            WHERE NOT settled AND mapContains(newest, place) AND offset <= newest[place]
                AND identity NOT IN ({withdrawn}) GROUP BY {_KEY}
        )
        WHERE ({_KEY}) NOT IN ({moving})
        GROUP BY {_KEY} HAVING records != 0 OR face_value != 0 OR order_amount != 0 OR redeemed_value != 0"""
    )
    [(busy,)] = clickhouse.query(f"{limits_sql} SELECT uniqExact({_KEY}) FROM ({moving})")
    return int(busy)


def _note_taken_out(clickhouse: ClickHouse, limits: Limits) -> None:
    """Note what these sums leave out: a later retraction of the same record takes nothing out any more."""
    known = ", ".join(f"{place}, toUInt64({limit})" for place, limit in limits.items())
    limit = f"if(mapContains(limits, {HASHED}), limits[{HASHED}], toUInt64(0))"
    withdrawn = f"SELECT retracted FROM retraction_log WHERE stream = '{VOUCHERS}'"
    clickhouse.query(
        f"""
        INSERT INTO voucher_taken_out (identity)
        WITH CAST(map({known}), 'Map(UInt64, UInt64)') AS limits
        SELECT DISTINCT identity FROM consumption_voucher_log
        WHERE offset < {limit} AND identity IN ({withdrawn} AND offset < {limit})
            AND identity NOT IN ({withdrawn} AND offset >= {limit})"""
    )


def _tell(clickhouse: ClickHouse, differing: str, zone: str) -> None:
    """Let the keeper of the figures look at what was set right."""
    rows = clickhouse.query(
        f"SELECT DISTINCT division, toDate(hour, %(zone)s) FROM {differing}", {"zone": zone}
    )
    block = Block(Place("rebuild", uuid4(), 0), 0, 0)
    Touches(clickhouse).tell([Told(block, VOUCHERS, {VOUCHERS: set(rows)}, np.array([], np.uint64))])
