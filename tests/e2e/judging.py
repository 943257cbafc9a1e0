"""The tables held against the independent count; each function returns where they differ."""

import itertools
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isclose
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from cli.sample import truth
from cli.sample.truth import CloudEvent, Expected, Figures
from schemas.streams import INDICATOR_TOPIC, RETRACTION, STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.e2e.agencies import Books
from tests.support.waiting import eventually

BY_PACE = ("on_track", "behind", "off_track", "cannot_say")
"""What a live figure may be that does not hold its promise yet."""


@dataclass(frozen=True)
class Told:
    """A figure as a table has it."""

    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    status: str


def records_counted(db: ClickHouse) -> int:
    """How many records lie in the log tables."""
    [(records,)] = db.query("SELECT sum(records) FROM feed_live")
    return int(records)


def told_number(db: ClickHouse, indicator: str, division: str) -> Decimal | None:
    """The live numerator of one figure: to wait on, for it costs little to ask."""
    rows = db.query(
        "SELECT numerator FROM indicator_live FINAL WHERE (indicator, division) = (%(one)s, %(here)s)",
        {"one": indicator, "here": division},
    )
    return rows[0][0] if rows else None


def log_differences(db: ClickHouse, right: Sequence[CloudEvent]) -> list[str]:
    """Every accepted record lies in its log once, and nothing else does."""
    found = []
    for stream in STREAMS.values():
        mine = [event for event in right if truth.stream_of(event) == stream.name]
        if stream is RETRACTION:  # it is known by what it withdraws: its id may be ingest's
            told = Counter(db.query(f"SELECT source, stream, record FROM {stream.log_table}"))
            wanted = Counter(_withdrawn(event) for event in mine)
        else:
            told = Counter(db.query(f"SELECT source, id FROM {stream.log_table}"))
            wanted = Counter((event["source"], event["id"]) for event in mine)
        if told != wanted:
            found.append(f"{stream.log_table}: too many {told - wanted}, missing {wanted - told}")
    return found


def _withdrawn(event: CloudEvent) -> tuple[str, str, str]:
    if event.get("op") == "retract":
        stream = event["type"].removeprefix("minmai.").removesuffix(".v1")
        return event["source"], stream, event.get("retracts") or event["id"]
    return event["source"], event["data"]["stream"], event["data"]["record"]


def live_differences(db: ClickHouse, wanted: Mapping[date, Figures], today: date) -> list[str]:
    """The live figures; `wanted` has those of today and of every due day that is over."""
    told = {
        (indicator, division): (Told(*figure), as_of)
        for indicator, division, *figure, as_of in db.query(
            "SELECT indicator, division, numerator, denominator, value, status, as_of"
            " FROM indicator_live FINAL"
        )
    }
    found = [f"{name}: told, and there is no such figure" for name in told.keys() - wanted[today].keys()]
    for name, right in wanted[today].items():
        if name not in told:
            found.append(f"{name}: not told, counted {right}")
            continue
        figure, as_of = told[name]
        statuses = _live_statuses(name, right, wanted, today)
        if not (_same_amounts(figure, right) and figure.status in statuses and as_of == today):
            found.append(f"{name}: told {figure} as of {as_of}, counted {right}, status one of {statuses}")
    return found


def _live_statuses(
    name: tuple[str, str], right: Expected, wanted: Mapping[date, Figures], today: date
) -> tuple[str, ...]:
    if right.status not in ("met", "below"):
        return (right.status,)
    promise = truth.MEANINGS[name[0]].promise
    assert promise is not None
    if promise.due and today > promise.due:
        then = wanted[promise.due][name].status
        return ({"met": "met", "below": "missed"}.get(then, "cannot_say"),)
    return ("met",) if right.status == "met" else BY_PACE


def dues_over(today: date) -> set[date]:
    """The due days of the plan that lie before a day."""
    dues = {meaning.promise.due for meaning in truth.MEANINGS.values() if meaning.promise}
    return {due for due in dues if due and due < today}


def history_differences(db: ClickHouse, wanted: Mapping[date, Figures]) -> list[str]:
    """The figures that held at the end of days: those of the newest row up to each."""
    rows: dict[tuple[str, str], list[tuple[date, Told]]] = {}
    for indicator, division, day, *figure in db.query(
        "SELECT indicator, division, day, numerator, denominator, value, status FROM indicator_history FINAL"
        " ORDER BY indicator, division, day"
    ):
        rows.setdefault((indicator, division), []).append((day, Told(*figure)))
    found = []
    for day, figures in wanted.items():
        for name, right in figures.items():
            there = rows.get(name, [])
            place = bisect_right([since for since, _ in there], day)
            told = there[place - 1][1] if place else None
            # A figure that was never told is one without data.
            same = _same_amounts(told, right) and told.status == right.status if told else right.value is None
            if not same:
                found.append(f"{name} on {day}: told {told}, counted {right}")
    return found


def _same_amounts(told: Told, right: Expected) -> bool:
    """Numerators and denominators exactly, values up to the last digit of a float."""
    if (told.numerator, told.denominator) != (right.numerator, right.denominator):
        return False
    if told.value is None or right.value is None:
        return told.value is right.value
    return isclose(told.value, right.value, rel_tol=1e-15)


def task_differences(db: ClickHouse, plan: Plan, right: Sequence[CloudEvent], today: date) -> list[str]:
    """`task_live` has the newest report on each task; none of it where all have been withdrawn."""
    wanted = {
        task: (
            *(one.data.get(name, "") for name in ("percent", "status", "note")),
            one.time,
            one.source,
            one.id,
        )
        for task, one in truth.tasks(plan, right, today).items()
    }
    told = {
        task: tuple(report)
        for task, *report in db.query(
            "SELECT task, percent, status, note, reported_at, source, record_id FROM task_live FINAL"
            " WHERE percent IS NOT NULL"
        )
    }
    return [
        f"task {task}: told {told.get(task)}, reported {wanted.get(task)}"
        for task in sorted(told.keys() | wanted.keys())
        if told.get(task) != wanted.get(task)
    ]


def hour_differences(db: ClickHouse, right: Sequence[CloudEvent]) -> list[str]:
    """The voucher money of every hour, without what was withdrawn."""
    told = {
        tuple(key): truth.Steps(*sums)
        for *key, sums in (
            (*row[:5], row[5:])
            for row in db.query(
                "SELECT campaign, sector, division, hour, step, sum(records), sum(face_value),"
                " sum(order_amount), sum(redeemed_value) FROM voucher_hourly"
                " GROUP BY campaign, sector, division, hour, step HAVING sum(records) != 0"
            )
        )
    }
    wanted: dict[tuple[Any, ...], truth.Steps] = dict(truth.voucher_hourly(right))
    return [
        f"{key}: told {told.get(key)}, counted {wanted.get(key)}"
        for key in told.keys() | wanted.keys()
        if told.get(key) != wanted.get(key)
    ]


def dead_letter_differences(db: ClickHouse, books: Books) -> list[str]:
    """The dead letters are what ingest refused and what the aggregator found in conflict, nothing else."""
    rows = db.query(
        "SELECT code, record_id FROM dead_letter FINAL WHERE service = 'ingest' AND code != 'not_object'"
    )
    told = Counter(_once(rows))
    wanted = Counter(_once(one for one in books.refused if one[0] != "not_object"))  # it has no id
    conflicts = set(db.query("SELECT code, record_id FROM dead_letter FINAL WHERE service = 'aggregate'"))
    expected = {("conflict", id) for id in books.conflicts()}
    return [
        *(f"dead letter {one}: told {told[one]}, refused {wanted[one]}" for one in _differ(told, wanted)),
        *(f"conflict on one side only: {one}" for one in conflicts ^ expected),
    ]


def _once(refused: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """A contradiction sent again is refused again, or counted by then as one; its letters are not counted."""
    found = list(refused)
    return [*(one for one in found if one[0] != "conflict"), *{one for one in found if one[0] == "conflict"}]


def _differ(told: Counter[Any], wanted: Counter[Any]) -> Iterable[Any]:
    return (one for one in told.keys() | wanted.keys() if told[one] != wanted[one])


def check_published(kafka: str, db: ClickHouse) -> None:
    """Wait until the newest figure of each indicator and division on the topic is the live one."""
    live = {
        f"{indicator}/{division}": (version, str(as_of))
        for indicator, division, version, as_of in db.query(
            "SELECT indicator, division, version, as_of FROM indicator_live FINAL"
        )
    }
    newest: dict[str, tuple[int, str]] = {}
    with KafkaConsumer(bootstrap_servers=kafka, group_id=None, enable_auto_commit=False) as reader:
        partition = TopicPartition(INDICATOR_TOPIC, 0)
        reader.assign([partition])
        reader.seek(partition, 0)

        def read() -> bool:
            while found := reader.poll(timeout_ms=500):  # after 300 kills more than a minute of it
                for message in itertools.chain.from_iterable(found.values()):
                    figure = json.loads(message.value)
                    key = message.key.decode()
                    newest[key] = max(newest.get(key, (0, "")), (figure["version"], figure["as_of"]))
            return newest == live

        eventually(read, 60, "every live figure is on the indicator topic")
