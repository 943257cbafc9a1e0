"""Touches: which entities, on which days, a counted block has told something new of.

The worker that counts a block writes them into table `touch` after the block is in its log table; the keeper
of the figures, which may be another worker, reads them there. A touch says where to look, never what was
said: so it may be told twice, late, or by two workers at once. Beside it stand the identities that the block
counted, for ingest, which tells by them what is certainly new.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from schemas.streams import STREAMS
from services.aggregate.blocks import Block
from services.aggregate.records import Records
from services.platform.clickhouse import ClickHouse

Days = set[tuple[str, date]]
Touched = dict[str, Days]
"""By stream: the entities (of vouchers, the townships) and days."""

OVERLAP = timedelta(seconds=10)
"""How long an insert may take from its time of telling until it can be read."""

BlockName = tuple[UUID, int, int]
"""(topic_id, partition, first_offset)."""

VOUCHERS = "consumption-voucher"

_QUARTER = 15 * 60 * 1_000_000
"""Microseconds; a day begins at a quarter of an hour, in every zone."""


def touched_by(stream: str, records: Records, zone: ZoneInfo) -> Touched:
    """Return what records of a stream other than `retraction` touch."""
    subjects = records.columns["division" if stream == VOUCHERS else "subject"].texts
    quarters, which = np.unique(records.columns["time"].numbers // _QUARTER, return_inverse=True)
    days = [
        datetime.fromtimestamp(quarter * _QUARTER // 1_000_000, zone).date() for quarter in quarters.tolist()
    ]
    return {stream: {(subject, days[at]) for subject, at in set(zip(subjects, which.tolist(), strict=True))}}


def touched_by_withdrawal(
    clickhouse: ClickHouse, identities: dict[str, list[UUID]], zone: ZoneInfo
) -> Touched:
    """Return what withdrawn records (by stream) had told of; one that has not come yet touches nothing."""
    touched: Touched = {}
    for stream, names in identities.items():
        subject = "division" if stream == VOUCHERS else "subject"
        rows = clickhouse.query(
            f"SELECT DISTINCT {subject}, toDate(time, %(zone)s) FROM {STREAMS[stream].log_table}"
            " WHERE identity IN (SELECT name FROM names)",
            {"zone": str(zone)},
            given={"names": {"name UUID": names}},
        )
        touched[stream] = {(str(name), day) for name, day in rows}
    return touched


@dataclass
class Touches:
    """Table `touch`: written by every worker, read by the keeper."""

    clickhouse: ClickHouse
    unshown: dict[BlockName, datetime | None] = field(default_factory=dict)
    """Blocks that have been told and are not yet in table `block_shown`, with `written_at` of each; the
    keeper takes them out."""
    _since: datetime | None = None
    _taken: dict[tuple[UUID, int, int, str], datetime] = field(default_factory=dict)

    def tell(self, block: Block, touched: Touched, stream: str, counted: NDArray[np.uint64]) -> None:
        """Write down what a counted block touched, be it nothing: the keeper shall know of the block.

        `counted`: the upper halves of the identities of the records that count, all of `stream`.
        """
        told = {name: sorted(days) for name, days in touched.items() if days}
        if len(counted):
            told.setdefault(stream, [])
        told = told or {"": []}
        self.clickhouse.insert_select(
            "touch",
            ("topic_id", "partition", "first_offset", "stream", "subjects", "days", "counted", "written_at"),
            "SELECT %(topic_id)s AS topic_id, %(partition)s AS partition, %(first)s AS first_offset,"
            " stream, subjects, days,"
            " reinterpret(counted, 'Array(UInt64)'), written_at FROM told",
            {
                "topic_id": block.place.topic_id,
                "partition": block.place.partition,
                "first": block.first,
            },
            given={
                "told": {
                    "stream String": list(told),
                    "subjects Array(String)": [[name for name, _ in days] for days in told.values()],
                    "days Array(Date)": [[day for _, day in days] for days in told.values()],
                    "counted String": [counted.tobytes() if name == stream else b"" for name in told],
                    "written_at Nullable(DateTime64(3, 'UTC'))": [block.written_at] * len(told),
                }
            },
        )

    def begin(self) -> None:
        """Begin with what is told from now on; call it before everything that stands is read."""
        [(now,)] = self.clickhouse.query("SELECT now64(3, 'UTC')")
        self._since, self._taken = _whole_second(now - OVERLAP), {}
        rows = self.clickhouse.query(
            "SELECT topic_id, partition, first_offset, min(written_at) FROM touch"
            " WHERE (topic_id, partition, first_offset) NOT IN (SELECT topic_id, partition, first_offset"
            " FROM block_shown WHERE shown_at > now() - INTERVAL 2 DAY)"  # touches are kept for one
            " GROUP BY topic_id, partition, first_offset"
        )
        self.unshown = {(topic_id, partition, first): written for topic_id, partition, first, written in rows}

    def new(self) -> Touched:
        """Return what has been told since the last call."""
        rows = self.clickhouse.query(
            "SELECT topic_id, partition, first_offset, stream, told_at, written_at, subjects, days"
            " FROM touch"
            " WHERE told_at >= %(since)s AND (topic_id, partition, first_offset, stream) NOT IN"
            " (SELECT topic_id, partition, first_offset, stream FROM taken) ORDER BY told_at",
            {"since": self._since},
            given={
                "taken": {
                    "topic_id UUID": [key[0] for key in self._taken],
                    "partition UInt16": [key[1] for key in self._taken],
                    "first_offset UInt64": [key[2] for key in self._taken],
                    "stream String": [key[3] for key in self._taken],
                }
            },
        )
        touched: defaultdict[str, Days] = defaultdict(set)
        for *key, told_at, written_at, subjects, days in rows:
            touched[key[3]].update(zip(subjects, days, strict=True))
            self.unshown[key[0], key[1], key[2]] = written_at
            self._taken[tuple(key)] = told_at
            self._since = max(self._since or told_at, _whole_second(told_at - OVERLAP))
        if rows:
            self._taken = {key: at for key, at in self._taken.items() if self._since and at >= self._since}
        return touched


def _whole_second(moment: datetime) -> datetime:
    """Return the moment as clickhouse-driver passes it to a query."""
    return moment.replace(microsecond=0)
