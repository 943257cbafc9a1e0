"""Withdrawals: what `retraction` records take back.

Entities need nothing here: whoever reads their states leaves withdrawn records out. Voucher money is kept in
sums, so a withdrawn voucher record is taken out of `voucher_hourly` by a row of its own with the signs
turned, under a token made of its identity, and noted in `voucher_taken_out`. Record and retraction may come
in either order, even at once, and a record may be withdrawn more than once: each side looks for the other
after its own rows are in, so at least one of them finds it. Of several that do so at the same time the token
lets one row in; whoever comes later finds the note, for tokens are not remembered for ever.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import numpy as np

from schemas.streams import RETRACTION
from services.aggregate.records import Records, uuids
from services.aggregate.touches import VOUCHERS
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed

_PLACE = ("campaign", "sector", "division", "step")
_AMOUNTS = ("face_value", "order_amount", "redeemed_value")


def withdrawn_by(records: Records) -> dict[str, list[UUID]]:
    """Return the identities that retractions withdraw, by stream."""
    found: defaultdict[str, list[UUID]] = defaultdict(list)
    names = uuids(records.columns["retracted"].numbers)
    for stream, name in zip(records.columns["stream"].texts, names, strict=True):
        found[stream].append(name)
    return found


def take_out_withdrawn(clickhouse: ClickHouse, withdrawn: Sequence[UUID]) -> None:
    """Take out of the sums what the retractions of a block withdraw, if it is there and not yet taken out."""
    _take_out(clickhouse, set(withdrawn))


def take_out_late(clickhouse: ClickHouse, counted: Sequence[Records]) -> None:
    """Take out of the sums those voucher records of some blocks that had been withdrawn before they came."""
    identities = [records.identity for records in counted if len(records)]
    if not identities:
        return
    packed = Packed({"name": Column(np.concatenate(identities))}, {"name": "UUID"})
    # One row, be it of none: the embedded server has to ask twice for the columns of no rows.
    [(withdrawn,)] = clickhouse.query(
        "SELECT groupUniqArray(retracted) FROM retraction_log WHERE stream = %(vouchers)s"
        f" AND retracted IN {packed.source}",
        {"vouchers": VOUCHERS},
        given=packed.given,
    )
    _take_out(clickhouse, set(withdrawn))


def _take_out(clickhouse: ClickHouse, names: set[UUID]) -> None:
    if not names:
        return
    rows = clickhouse.query(
        f"SELECT identity, toStartOfHour(toDateTime(time, 'UTC')), {', '.join(_PLACE)},"
        f" {', '.join(f'-ifNull({amount}, 0)' for amount in _AMOUNTS)} FROM consumption_voucher_log"
        " WHERE identity IN (SELECT name FROM names) AND identity NOT IN"
        " (SELECT identity FROM voucher_taken_out WHERE identity IN (SELECT name FROM names))",
        given={"names": {"name UUID": list(names)}},
    )
    for name, *row in rows:
        columns = dict(zip(("hour", *_PLACE, *_AMOUNTS), row, strict=True))
        clickhouse.insert(
            "voucher_hourly",
            {"records": [-1], **{column: [value] for column, value in columns.items()}},
            settings={"insert_deduplication_token": f"{RETRACTION.name}/{name}"},
        )
    clickhouse.insert("voucher_taken_out", {"identity": [name for name, *_ in rows]})
