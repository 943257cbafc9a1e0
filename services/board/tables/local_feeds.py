"""What agencies have told of one division."""

from datetime import datetime

from schemas.fields import Contract
from schemas.streams import STREAMS
from services.board.tables.knowledge import Knowledge
from services.board.tables.sql import text
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division

_NAMING = ("facility", "fitness-event", "consumption-voucher", "statistic")
"""The streams whose records name a division themselves."""


class LocalFeed(Contract):
    """The records of a stream that an agency has sent of a division, those withdrawn left out."""

    source: str
    stream: str
    records: int
    newest_time: datetime
    received_at: datetime


class LocalFeeds:
    """Reads; blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def of(self, division: Division, knowledge: Knowledge) -> list[LocalFeed]:
        """Return what agencies have told of a division: what came last first.

        Places and children of a facility are told of every division that any record puts the facility in.
        """
        inside = f"startsWith(division, {text(division.code)})"
        facilities = f"subject IN (SELECT subject FROM facility_log WHERE {inside} AND {knowledge.told})"
        asked = {**dict.fromkeys(_NAMING, inside), "childcare-place": facilities}
        parts = [
            f"SELECT source, {text(stream)} AS stream, count() AS records, max(time) AS newest_time,"
            f" max(received_at) AS received FROM {STREAMS[stream].log_table}"
            f" WHERE {condition} AND {knowledge.kept(stream)} GROUP BY source"
            for stream, condition in asked.items()
        ]
        rows = self._clickhouse.rows(
            "SELECT source, stream, records, newest_time, received AS received_at"
            f" FROM ({' UNION ALL '.join(parts)}) ORDER BY received DESC, source, stream"
        )
        return [LocalFeed.model_validate(row) for row in rows]
