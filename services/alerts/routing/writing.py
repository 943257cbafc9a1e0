"""Many notices into the ledger, each batch as one block.

What notices cover is sent as numbers into one list of changes, which the server looks up: ten thousand
notices of a hundred alerts each are a million entries, and clickhouse-driver writes value by value.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from services.alerts.channels import Covered
from services.alerts.ledger import NO_ALERT
from services.alerts.log import migrated
from services.alerts.routing.notices import Made
from services.platform.clickhouse import ClickHouse

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
_INSERT = f"""
    INSERT INTO alert_notice ({", ".join(_PLAIN)}, attempt, duration_ms, covers)
    WITH (SELECT groupArray(({_COVERED})) FROM (SELECT * FROM told ORDER BY number)) AS known
    SELECT {", ".join(_PLAIN)}, 0, 0, arrayMap(one -> known[one], reinterpret(numbers, 'Array(UInt32)'))
    FROM made"""


def kept(clickhouse: ClickHouse, batches: Iterable[list[Made]]) -> Iterator[list[Made]]:
    """Keep batches one after the other, each while the next is being made; yield each once it is kept.

    Raises Unavailable; then no insert is under way any more.
    """
    with ThreadPoolExecutor(1, "ledger") as thread:
        under_way: Future[list[Made]] | None = None
        for made in batches:
            if under_way is not None:
                yield under_way.result()
            under_way = thread.submit(_kept, clickhouse, made)
        if under_way is not None:
            yield under_way.result()


def keep(clickhouse: ClickHouse, made: Sequence[Made]) -> None:
    """Keep notices that wait, and those that are muted with the reason. Raises Unavailable."""
    if not made:
        return
    numbers: dict[int, int] = {}  # by identity: notices of one batch share what they cover
    told: list[Covered] = []
    lists: dict[int, bytes] = {}
    for one in made:
        covers = one.notice.covers
        if id(covers) not in lists:
            for covered in covers:
                if id(covered) not in numbers:
                    told.append(covered)
                    numbers[id(covered)] = len(told)
            lists[id(covers)] = np.array([numbers[id(one)] for one in covers], "<u4").tobytes()
    shared = 2 * len({id(one.notice.payload) for one in made}) < len(made)
    types = {**_PLAIN, "payload": "LowCardinality(String)"} if shared else _PLAIN  # each once on the way
    columns = zip(*map(_row, made), strict=True)
    rows = {f"{name} {type}": values for (name, type), values in zip(types.items(), columns, strict=True)}
    packed = [lists[id(one.notice.covers)] for one in made]
    with migrated():
        clickhouse.query(
            _INSERT,
            given={"made": {**rows, "numbers String": packed}, "told": _told(told)},
            settings={"max_threads": 1},
        )


def _kept(clickhouse: ClickHouse, made: list[Made]) -> list[Made]:
    keep(clickhouse, made)
    return made


def _row(one: Made) -> tuple[Any, ...]:
    notice = one.notice
    first = next(iter(notice.covers), None)
    return (
        notice.notice_id,
        first.alert_id if first else NO_ALERT,
        first.state if first else "",
        first.rule if first else "",
        first.division if first else "",
        notice.subscriber,
        notice.channel,
        notice.recipient,
        notice.why,
        "muted" if one.muted else "pending",
        one.muted,
        notice.created_at,
        notice.not_before,
        notice.payload,
    )


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
