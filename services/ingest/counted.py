"""Whether records are counted and receipts stored: asked of ClickHouse, which is where state lives.

Offsets would be cheaper and are not safe here: a broker whose log is in memory starts again at offset 0, and
an offset committed in its former life may lie beyond records of the present one.
"""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from schemas.streams import RECEIPT_TOPIC, STREAMS
from services.ingest.message import Message
from services.platform.clickhouse import ClickHouse

_AT_ONCE = 2_000  # identities in one query: as text they must stay under ClickHouse's max_query_size, 256 KiB

_ACCOUNTED = """
SELECT count() FROM (
    SELECT receipt, max(accepted) AS promised FROM receipt WHERE receipt IN %(receipts)s GROUP BY receipt
) AS stored
LEFT JOIN (
    SELECT receipt, sum(identities) AS told FROM (
        SELECT receipt, stream,
            length(groupUniqArrayArray(arrayConcat(counted, duplicate, conflict))) AS identities
        FROM receipt_counted WHERE receipt IN %(receipts)s GROUP BY receipt, stream
    ) GROUP BY receipt
) AS accounts USING receipt
WHERE told >= promised"""
"""The number of these receipts that are stored and whose accepted records are all accounted for."""

_STREAM = {stream.topic: stream.name for stream in STREAMS.values()}


def all_counted(clickhouse: ClickHouse, messages: Iterable[Message]) -> bool:
    """Whether every record has been counted and every receipt stored with what became of its records, in
    whichever life of the broker.

    Raises Unavailable or clickhouse_driver's ServerException if ClickHouse cannot tell.
    """
    asked: dict[str, set[UUID]] = defaultdict(set)
    for message in messages:
        identities = asked[message.topic]
        identities.add(message.identity)
        if len(identities) >= _AT_ONCE:
            if not _counted(clickhouse, message.topic, identities):
                return False
            identities.clear()
    return all(_counted(clickhouse, topic, identities) for topic, identities in asked.items() if identities)


def _counted(clickhouse: ClickHouse, topic: str, identities: set[UUID]) -> bool:
    if topic == RECEIPT_TOPIC:
        [(found,)] = clickhouse.query(
            _ACCOUNTED,
            {"receipts": tuple(identity.hex for identity in identities)},
        )
        return bool(found == len(identities))
    [(found,)] = clickhouse.query(
        "SELECT uniqExact(identity) FROM record_identity "
        "WHERE stream = %(stream)s AND identity IN %(identities)s",
        {"stream": _STREAM[topic], "identities": tuple(identities)},
    )
    return bool(found == len(identities))
