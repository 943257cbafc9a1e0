"""Touches: which entities, on which days, a counted block has told something new of.

The worker that counts a block writes them into table `touch` after the block is in its log table; the keeper
of the figures, which may be another worker, reads them there. A touch says where to look, never what was
said: so it may be told twice, late, or by two workers at once. A keeper hears of its own worker's blocks at
once, without the table. Beside it stand the identities that the block counted, for ingest, which tells by
them what is certainly new.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from queue import Empty, SimpleQueue
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

OVERLAP = timedelta(seconds=30)
"""How long an insert may take from its time of telling until it can be read."""

BlockName = tuple[UUID, int, int]
"""The values of _NAME."""
_NAME = ("topic_id", "partition", "first_offset")

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


@dataclass(frozen=True)
class Told:
    """What a counted block has to tell, be it nothing: the keeper shall know of the block.

    `counted`: the upper halves of the identities of the records that count, all of `stream`.
    """

    block: Block
    stream: str
    touched: Touched
    counted: NDArray[np.uint64]

    @property
    def name(self) -> BlockName:
        """The block's name."""
        return self.block.place.topic_id, self.block.place.partition, self.block.first

    @property
    def days(self) -> dict[str, list[tuple[str, date]]]:
        """What was touched, by stream: a row of the table each."""
        told = {name: sorted(days) for name, days in self.touched.items() if days}
        if len(self.counted):
            told.setdefault(self.stream, [])
        return told or {"": []}


@dataclass
class Touches:
    """Table `touch`: written by every worker, read by the keeper."""

    clickhouse: ClickHouse
    unshown: dict[BlockName, datetime | None] = field(default_factory=dict)
    """Blocks that have been told and are not yet in table `block_shown`, with `written_at` of each; the
    keeper takes them out."""
    _since: datetime | None = None
    _taken: dict[tuple[UUID, int, int, str], datetime] = field(default_factory=dict)
    _heard: SimpleQueue[Told] = field(default_factory=SimpleQueue)

    def hear(self, told: Told) -> None:
        """Take in what a block of this worker touched, before or after it stands in the table; any thread."""
        self._heard.put(told)

    def tell(self, all_told: Sequence[Told]) -> None:
        """Write down what counted blocks have to tell."""
        rows = [(told, stream, days) for told in all_told for stream, days in told.days.items()]
        self.clickhouse.insert(
            "touch",
            {
                **{name: [told.name[at] for told, _, _ in rows] for at, name in enumerate(_NAME)},
                "stream": [stream for _, stream, _ in rows],
                "subjects": [[subject for subject, _ in days] for _, _, days in rows],
                "days": [[day for _, day in days] for _, _, days in rows],
                "counted": [
                    told.counted.tolist() if stream == told.stream else [] for told, stream, _ in rows
                ],
                "written_at": [told.block.written_at for told, _, _ in rows],
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

    def new(self, *, look: bool) -> Touched:
        """Return what has been heard since the last call and, with `look`, told in the table."""
        touched: defaultdict[str, Days] = defaultdict(set)
        if look:
            self._look(touched)
        while True:
            try:
                told = self._heard.get_nowait()
            except Empty:
                return touched
            keys = [(*told.name, stream) for stream in told.days]
            if all(key in self._taken for key in keys):
                continue
            for key in keys:
                touched[key[3]].update(told.touched.get(key[3], ()))
                self._taken[key] = datetime.now(UTC)
            self.unshown[told.name] = told.block.written_at

    def _look(self, touched: defaultdict[str, Days]) -> None:
        [(now, rows)] = self.clickhouse.query(
            "SELECT now64(3, 'UTC'),"
            " groupArray((topic_id, partition, first_offset, stream, told_at, written_at, subjects, days))"
            " FROM touch WHERE told_at >= %(since)s AND (topic_id, partition, first_offset, stream) NOT IN"
            " (SELECT topic_id, partition, first_offset, stream FROM taken)",
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
        for *key, told_at, written_at, subjects, days in rows:
            touched[key[3]].update(zip(subjects, days, strict=True))
            self.unshown[key[0], key[1], key[2]] = written_at
            self._taken[tuple(key)] = told_at
        self._since = since = _whole_second(now - OVERLAP)
        self._taken = {key: at for key, at in self._taken.items() if at >= since}


def _whole_second(moment: datetime) -> datetime:
    """Round down as the driver does: what a statement reads again must still be known as taken."""
    return moment.replace(microsecond=0)
