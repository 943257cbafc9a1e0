"""Blocks of several partitions at once: each has its own outcome, though they share statements."""

import asyncio

from services.aggregate.blocks import Block
from services.aggregate.touches import Told
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.aggregate.support import Worker, messages, place
from tests.aggregate.test_keeper import DAY, held, keeper, live, voucher

VOUCHERS, EVENTS = "consumption-voucher", "fitness-event"


async def test_blocks_of_one_fetch_are_written_down_as_if_they_were_alone(pool: ClickHouse) -> None:
    wheres = [place(VOUCHERS), place(VOUCHERS), place(EVENTS)]
    sent = [
        messages([voucher(1), voucher(2)]),
        messages([voucher(1) | {"receipt": "r-2"}], first=4),
        messages([held(1)], first=7),
    ]
    worker = Worker(pool)
    await asyncio.gather(
        *(worker.path.claim(Block(wheres[1], 4, 4)), worker.path.claim(Block(wheres[1], 9, 9)))
    )
    await worker.count(wheres[0], sent[0])
    late, own = await asyncio.gather(
        worker.path.claim(Block(wheres[1], 4, 7)), worker.path.claim(Block(wheres[2], 7, 7))
    )
    assert (late, own) == (Block(wheres[1], 9, 9), Block(wheres[2], 7, 7)), "one was superseded, one not"
    stretches = [worker.path.read(where, block) for where, block in zip(wheres, sent, strict=True)]
    await asyncio.gather(
        worker.path.count(Block(wheres[1], 4, 4), stretches[1]), worker.path.count(own, stretches[2])
    )
    rows = pool.query(
        "SELECT topic_id, partition, first_offset, stream, receipt, length(counted), length(duplicate)"
        " FROM receipt_counted FINAL"
    )
    assert sorted(rows, key=str) == sorted(
        [
            (wheres[0].topic_id, 0, 0, VOUCHERS, "r-1", 2, 0),
            (wheres[1].topic_id, 0, 4, VOUCHERS, "r-2", 0, 1),
            (wheres[2].topic_id, 0, 7, EVENTS, "r-1", 1, 0),
        ],
        key=str,
    )
    told = pool.query("SELECT topic_id, first_offset, stream, subjects, length(counted) FROM touch")
    assert sorted(told, key=str) == sorted(
        [
            (wheres[0].topic_id, 0, VOUCHERS, ["532622101"], 2),
            (wheres[1].topic_id, 4, "", [], 0),
            (wheres[2].topic_id, 7, EVENTS, ["E1"], 1),
        ],
        key=str,
    )


async def test_what_was_heard_is_in_the_figures_at_once_and_said_to_be_so_at_the_next_look(
    pool: ClickHouse, plan: Plan
) -> None:
    heard: list[Told] = []
    worker, one, where = Worker(pool, heard=heard.append), keeper(pool, plan), place(VOUCHERS)
    one.refresh(DAY)
    await worker.count(where, messages([voucher(1)]))
    pool.query("TRUNCATE TABLE touch")  # as if another's look could not find it
    one.hear(heard[0])
    one.refresh(DAY, look=False)
    assert live(pool)[0] == "20"
    shown = "SELECT first_offset FROM block_shown WHERE topic_id = %(topic_id)s"
    assert pool.query(shown, {"topic_id": where.topic_id}) == []
    one.refresh(DAY)
    assert pool.query(shown, {"topic_id": where.topic_id}) == [(0,)]
