"""Whether records are counted, receipts, dead letters and refused pushes stored.

It is asked of ClickHouse, where state lives. Offsets would be cheaper and are not safe here: a broker whose
log is in memory starts again at offset 0, and an offset committed in its former life may lie beyond records
of the present one.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import orjson

from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC, STREAMS
from services.ingest.message import Message
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed

_AT_ONCE = 20_000
"""Identities in one query, which reads nearly all of the stream's, however few are asked for."""
_RECEIPTS_AT_ONCE = 2_000  # as text they must stay under ClickHouse's max_query_size, 256 KiB
_LETTERS_AT_ONCE = 1_000  # a letter is asked for by three of them

_ACCOUNTED = """
SELECT receipt, promised, told FROM (
    SELECT receipt, max(accepted) AS promised FROM receipt WHERE receipt IN %(receipts)s GROUP BY receipt
) AS stored
LEFT JOIN (
    SELECT receipt, sum(identities) AS told FROM (
        SELECT receipt, stream,
            length(groupUniqArrayArray(arrayConcat(counted, duplicate, conflict))) AS identities
        FROM receipt_counted WHERE receipt IN %(receipts)s GROUP BY receipt, stream
    ) GROUP BY receipt
) AS accounts USING receipt"""
"""How many records each of these receipts promises, as far as it is stored, and how many it accounts for."""

_LETTERS = """
SELECT uniqExact(receipt, letter) FROM receipt_fault
WHERE (receipt, letter) IN %(letters)s AND letter IN (SELECT id FROM dead_letter WHERE id IN %(ids)s)"""
"""The number of these dead letters that are stored, each among the refusals of its push."""

_STREAM = {stream.topic: stream.name for stream in STREAMS.values()}


def all_counted(clickhouse: ClickHouse, messages: Iterable[Message], *, grown: bool = True) -> bool:
    """Whether every record has been counted, every dead letter stored for its push, every receipt stored with
    what became of its records, and every refused push stored, in whichever life of the broker.

    A feed's receipt grows for a minute: with `grown` all its records have to be accounted for, else as many
    as it promised in the newest of these messages.

    Raises Unavailable or clickhouse_driver's ServerException if ClickHouse cannot tell.
    """
    asked: dict[str, set[int]] = defaultdict(set)
    letters: set[tuple[str, str]] = set()
    promised: dict[str, int] = {}
    for message in messages:
        if message.topic == DEAD_LETTER_TOPIC:
            letters.add((orjson.loads(message.value)["receipt"], message.key.decode()))
            if len(letters) >= _LETTERS_AT_ONCE:
                if not _stored(clickhouse, letters):
                    return False
                letters.clear()
            continue
        if message.topic == RECEIPT_TOPIC:
            promised[message.key.decode()] = orjson.loads(message.value)["accepted"]
            if len(promised) >= _RECEIPTS_AT_ONCE:
                if not _accounted(clickhouse, promised, grown):
                    return False
                promised.clear()
            continue
        identities = asked[message.topic]
        identities.add(message.identity)
        if len(identities) >= _AT_ONCE:
            if not _counted(clickhouse, message.topic, identities):
                return False
            identities.clear()
    return (
        (not letters or _stored(clickhouse, letters))
        and (not promised or _accounted(clickhouse, promised, grown))
        and all(_counted(clickhouse, topic, identities) for topic, identities in asked.items() if identities)
    )


def _stored(clickhouse: ClickHouse, letters: set[tuple[str, str]]) -> bool:
    # A letter has one row however many pushes brought it; each push has its own of it in receipt_fault.
    ids = tuple({letter for _receipt, letter in letters})
    [(found,)] = clickhouse.query(_LETTERS, {"letters": tuple(letters), "ids": ids})
    return bool(found == len(letters))


def _accounted(clickhouse: ClickHouse, promised: dict[str, int], grown: bool) -> bool:
    rows = clickhouse.query(_ACCOUNTED, {"receipts": tuple(promised)})
    return len(rows) == len(promised) and all(
        told >= (stored if grown else promised[receipt]) for receipt, stored, told in rows
    )


def _counted(clickhouse: ClickHouse, topic: str, identities: set[int]) -> bool:
    halves = np.frombuffer(b"".join(one.to_bytes(16) for one in identities), ">u8").reshape(-1, 2)
    packed = Packed({"name": Column(halves)}, {"name": "UUID"})
    # Sent as numbers: as text 2,000 of them cost the server as much as four blocks with all their views.
    if topic == REFUSED_PUSH_TOPIC:
        [(found,)] = clickhouse.query(
            f"SELECT uniqExact(id) FROM refused_push WHERE id IN {packed.source}", given=packed.given
        )
        return bool(found == len(identities))
    [(found,)] = clickhouse.query(
        "SELECT uniqExact(identity) FROM record_identity"
        f" WHERE stream = %(stream)s AND identity IN {packed.source}",
        {"stream": _STREAM[topic]},
        given=packed.given,
    )
    return bool(found == len(identities))
