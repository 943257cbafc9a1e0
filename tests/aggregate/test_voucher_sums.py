"""Voucher sums set right from the log, whatever is being counted meanwhile."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from cli.sample import truth
from schemas.streams import STREAMS
from services.aggregate.blocks import Place
from services.aggregate.touches import Touches
from services.aggregate.voucher_sums import Corrected, correct
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.plan import Plan
from tests.aggregate.support import Worker, event, messages, place
from tests.aggregate.test_keeper import DAY, NOON, keeper, live, withdrawn

ZONE = "Asia/Shanghai"
DAMAGES = {
    "lost": "TRUNCATE TABLE voucher_hourly",
    "half of it lost": "DELETE FROM voucher_hourly WHERE step = 'issued'",
    "too much": "INSERT INTO voucher_hourly SELECT * FROM voucher_hourly",
    "wrong": (
        "ALTER TABLE voucher_hourly UPDATE face_value = face_value + 7 WHERE 1 SETTINGS mutations_sync = 1"
    ),
    "a sum of nothing": (
        "INSERT INTO voucher_hourly (campaign, sector, division, hour, step, records, face_value)"
        " VALUES ('x', 'y', '532622102', '2024-05-01 00:00:00', 'issued', 3, 60)"
    ),
}


def voucher(number: int, *, hours: int = 0) -> dict[str, Any]:
    step = ("issued", "claimed")[number % 2]
    data = {
        "voucher_id": f"V{number}",
        "campaign": "qihua",
        "step": step,
        "face_value": "20.00",
        "sector": "retail",
        "division": f"53262210{1 + number % 3}",
    }
    # Named as `withdrawn` names it.
    return event(
        "consumption-voucher", "commerce-bureau", f"issued-{number}", NOON + timedelta(hours=hours), data
    )


def sums(pool: ClickHouse) -> dict[tuple[Any, ...], truth.Steps]:
    rows = pool.query(
        "SELECT campaign, sector, division, hour, step, sum(records), sum(face_value), sum(order_amount),"
        " sum(redeemed_value) FROM voucher_hourly GROUP BY ALL"
        " HAVING sum(records) != 0 OR sum(face_value) != 0"
    )
    return {tuple(row[:5]): truth.Steps(*row[5:]) for row in rows}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_damaged_sums_are_those_of_the_log_again_and_the_figures_follow(
    pool: ClickHouse, plan: Plan, damage: str
) -> None:
    events = [voucher(number, hours=number % 50) for number in range(300)]
    gone = [withdrawn(number) for number in range(0, 300, 7)]
    await Worker(pool).count(place("consumption-voucher"), messages(events))
    await Worker(pool).count(place("retraction"), messages(gone))
    one = keeper(pool, plan)
    one.refresh(DAY + timedelta(days=3))
    right, figure = dict(truth.voucher_hourly([*events, *gone])), live(pool)[0]
    assert sums(pool) == right
    assert correct(pool, ZONE) == Corrected(0, 0, 0, 0)
    pool.query(damage)
    keeper(pool, plan).refresh(DAY + timedelta(days=3))
    assert sums(pool) != right
    found = correct(pool, ZONE, dry_run=True)
    assert found.sums
    assert sums(pool) != right, "a dry run changes nothing"
    two = keeper(pool, plan)
    assert correct(pool, ZONE) == found
    assert sums(pool) == right
    assert correct(pool, ZONE) == Corrected(0, 0, 0, 0)
    two.refresh(DAY + timedelta(days=3))
    assert live(pool)[0] == figure
    tables = pool.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    assert [name for (name,) in tables if name.startswith("rebuild_")] == []


@pytest.mark.parametrize("view", ["fed", "not yet fed"])
async def test_a_block_in_flight_counts_once_whether_the_sums_have_it_or_not(
    pool: ClickHouse, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies before it has told; the sums it goes into are also damaged."""
    where = place("consumption-voucher")
    events = [voucher(number) for number in range(100)]
    await Worker(pool).count(where, messages(events[:60]))

    def dies(*_told: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(Touches, "tell", dies)
        if view == "not yet fed":
            pool.query("DETACH TABLE voucher_hourly_view")
        with pytest.raises(RuntimeError, match="killed"):
            await Worker(pool).count(where, messages(events[60:], 60))
        if view == "not yet fed":
            pool.query("ATTACH TABLE voucher_hourly_view")
    pool.query(
        "INSERT INTO voucher_hourly (campaign, sector, division, hour, step, records, face_value)"
        " SELECT campaign, sector, division, hour, step, 5, 100 FROM voucher_hourly"
    )
    with ThreadPoolExecutor() as threads:
        setting_right = threads.submit(correct, pool, ZONE)
        # Where the sums have the block, they are compared once it has been told: its next owner does so.
        again = asyncio.to_thread(lambda: asyncio.run(Worker(pool).count(where, messages(events[60:], 60))))
        await again
        await asyncio.to_thread(setting_right.result)
    assert sums(pool) == dict(truth.voucher_hourly(events))


def test_sums_are_set_right_while_every_block_goes_into_them(pool: ClickHouse) -> None:
    """Three partitions without a pause, withdrawals among them, all of one hour; damaged again and again."""
    ended = threading.Event()
    counted: list[dict[str, Any]] = []
    sender = Random(5)

    def count(where: Place, events: Iterator[dict[str, Any]], size: int) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        while not ended.is_set():
            block = [next(events) for _ in range(size)]
            asyncio.run(Worker(pool).count(where, messages(block, len(sent))))
            sent += block
        return sent

    def numbered(first: int) -> Iterator[dict[str, Any]]:
        for number in range(first, 10_000_000, 4):
            yield voucher(number)

    def withdrawals() -> Iterator[dict[str, Any]]:
        for number in range(0, 10_000_000, 5):
            yield withdrawn(number)

    topic, topic_id = STREAMS["consumption-voucher"].topic, uuid4()
    with ThreadPoolExecutor() as threads:
        work = [threads.submit(count, Place(topic, topic_id, part), numbered(part), 30) for part in range(3)]
        work.append(threads.submit(count, place("retraction"), withdrawals(), 3))
        try:
            for _ in range(8):
                pool.query(
                    sender.choice([DAMAGES["half of it lost"], DAMAGES["wrong"], DAMAGES["a sum of nothing"]])
                )
                correct(pool, ZONE)
        finally:
            ended.set()
        for one in work:
            counted += one.result()
    correct(pool, ZONE)  # what a withdrawal was being taken out of
    assert sums(pool) == dict(truth.voucher_hourly(counted))
    assert correct(pool, ZONE).sums == 0


def test_two_that_find_the_same_set_it_right_once(pool: ClickHouse) -> None:
    asyncio.run(Worker(pool).count(place("consumption-voucher"), messages(map(voucher, range(100)))))
    right = sums(pool)
    pool.query(DAMAGES["too much"])
    both = threading.Barrier(2)
    query = pool.query

    def together(sql: str, *rest: Any, **more: Any) -> Any:
        if sql.startswith("INSERT INTO voucher_hourly"):
            both.wait(60)
        return query(sql, *rest, **more)

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor() as threads:
        patched.setattr(pool, "query", together)
        for one in [threads.submit(correct, pool, ZONE) for _ in range(2)]:
            one.result()
    assert sums(pool) == right


def test_dying_on_the_way_it_leaves_the_sums_as_they_were(
    pool: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(Worker(pool).count(place("consumption-voucher"), messages(map(voucher, range(100)))))
    right = sums(pool)
    pool.query(DAMAGES["too much"])
    wrong, query = sums(pool), pool.query

    def away(sql: str, *rest: Any, **more: Any) -> Any:
        if sql.startswith("INSERT INTO voucher_hourly"):
            raise Unavailable("ClickHouse is away")
        return query(sql, *rest, **more)

    with monkeypatch.context() as broken:
        broken.setattr(pool, "query", away)
        with pytest.raises(Unavailable):
            correct(pool, ZONE)
    assert sums(pool) == wrong
    correct(pool, ZONE)
    assert sums(pool) == right
