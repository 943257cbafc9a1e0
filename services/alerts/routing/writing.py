"""Many notices into the ledger, each batch as one block.

What notices cover is sent as numbers into one list of changes, which the server looks up: ten thousand
notices of a hundred alerts each are a million entries, and clickhouse-driver writes value by value.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import accumulate, chain, count, pairwise
from typing import Any

import numpy as np

from services.alerts.channels import Covered
from services.alerts.ledger import NO_ALERT
from services.alerts.log import migrated
from services.alerts.routing.notices import Made
from services.platform.clickhouse import ClickHouse

_AT_ONCE = 2
"""Inserts: one is sent while the server still writes the other."""
_LARGE = 32_000_000
"""Bytes of text from which on a batch waits for the one before: the server holds several times as many."""

_COVERED = "alert_id, state, changed_at, rule, division, subject"
_PLAIN = {
    "notice_id": "UUID",
    "alert_id": "UUID",
    "change": "String",
    "rule": "String",
    "division": "String",
    "subscriber": "String",
    "channel": "String",
    "recipient": "String",
    "why": "String",
    "state": "String",
    "answer": "String",
    "at": "DateTime64(3, 'UTC')",
    "not_before": "DateTime64(3, 'UTC')",
    "payload": "String",
}
_NOTHING = Covered(NO_ALERT, "", datetime.fromtimestamp(0, UTC), "", "")
"""What a notice that covers nothing has for its first."""
_INSERT = f"""
    INSERT INTO alert_notice ({", ".join(_PLAIN)}, attempt, duration_ms, covers)
    WITH (SELECT groupArray(({_COVERED})) FROM (SELECT * FROM told ORDER BY number)) AS known
    SELECT {", ".join(_PLAIN)}, 0, 0, arrayMap(one -> known[one], reinterpret(numbers, 'Array(UInt32)'))
    FROM made"""


def kept(clickhouse: ClickHouse, batches: Iterable[list[Made]]) -> Iterator[list[Made]]:
    """Keep batches, two at a time, while the next is being made; yield each once it is kept, in their order.

    Raises Unavailable: then no insert is under way any more, and a batch may be kept and one before it not.
    """
    with ThreadPoolExecutor(_AT_ONCE, "ledger") as threads:
        under_way: deque[Future[list[Made]]] = deque()
        for made in batches:
            large = sum(len(one.notice.payload) for one in made) > _LARGE
            while len(under_way) == _AT_ONCE or (large and under_way):
                yield under_way.popleft().result()
            under_way.append(threads.submit(_kept, clickhouse, made))
        for one in under_way:
            yield one.result()


def keep(clickhouse: ClickHouse, made: Sequence[Made]) -> None:
    """Keep notices that wait, and those that are muted with the reason. Raises Unavailable."""
    if not made:
        return
    told, packed = _numbered([one.notice.covers for one in made])
    shared = 2 * len({id(one.notice.payload) for one in made}) < len(made)
    types = {**_PLAIN, "payload": "LowCardinality(String)"} if shared else _PLAIN  # each once on the way
    columns = _columns(made)
    rows = {f"{name} {type}": columns[name] for name, type in types.items()}
    with migrated():
        clickhouse.query(
            _INSERT,
            given={"made": {**rows, "numbers String": packed}, "told": _told(told)},
            settings={"max_threads": 1},
        )


def _kept(clickhouse: ClickHouse, made: list[Made]) -> list[Made]:
    keep(clickhouse, made)
    return made


def _numbered(lists: Sequence[tuple[Covered, ...]]) -> tuple[list[Covered], list[bytes]]:
    """Return what lists hold, each once, and each list as the numbers of its entries, from 1.

    All by identity: notices of one batch share what they cover. A batch has some 100,000 entries.
    """
    distinct = {id(one): one for one in lists}
    entries = [*chain.from_iterable(distinct.values())]
    names = [*map(id, entries)]
    told = dict(zip(names, entries, strict=True))
    numbers = dict(zip(told, count(1)))
    flat = np.fromiter(map(numbers.__getitem__, names), "<u4", len(names)).tobytes()
    ends = [*accumulate(map(len, distinct.values()), initial=0)]
    packed = {
        name: flat[4 * begin : 4 * end] for name, (begin, end) in zip(distinct, pairwise(ends), strict=True)
    }
    return [*told.values()], [packed[id(one)] for one in lists]


def _columns(made: Sequence[Made]) -> dict[str, list[Any]]:
    notices = [one.notice for one in made]
    firsts = [one.covers[0] if one.covers else _NOTHING for one in notices]
    moments = {at: _milliseconds(at) for one in notices for at in (one.created_at, one.not_before)}
    return {
        "notice_id": [one.notice_id for one in notices],
        "alert_id": [one.alert_id for one in firsts],
        "change": [one.state for one in firsts],
        "rule": [one.rule for one in firsts],
        "division": [one.division for one in firsts],
        "subscriber": [one.subscriber for one in notices],
        "channel": [one.channel for one in notices],
        "recipient": [one.recipient for one in notices],
        "why": [one.why for one in notices],
        "state": ["muted" if one.muted else "pending" for one in made],
        "answer": [one.muted for one in made],
        "at": [moments[one.created_at] for one in notices],
        "not_before": [moments[one.not_before] for one in notices],
        "payload": [one.payload for one in notices],
    }


def _milliseconds(at: datetime) -> int:
    """Since 1970: the driver would work that out for each value anew."""
    return int(at.timestamp()) * 1_000 + at.microsecond // 1_000


def _told(covers: Sequence[Covered]) -> dict[str, list[Any]]:
    return {
        "number UInt32": list(range(1, len(covers) + 1)),
        "alert_id UUID": [one.alert_id for one in covers],
        "state String": [one.state for one in covers],
        "changed_at DateTime64(3, 'UTC')": [one.changed_at for one in covers],
        "rule String": [one.rule for one in covers],
        "division String": [one.division for one in covers],
        "subject String": [one.subject for one in covers],
    }
