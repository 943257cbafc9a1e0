"""What became of a push's records: each counted, a duplicate or a conflict once, whatever is tried again."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.receipt import Receipt
from schemas.streams import RECEIPT_TOPIC
from services.aggregate import receipts
from services.aggregate.blocks import Place
from services.aggregate.keeper import Keeper
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.aggregate.support import Message, Worker, messages, place
from tests.aggregate.test_counted_once import voucher
from tests.aggregate.test_keeper import DAY

STREAM = "consumption-voucher"


def sent(receipt: str, number: int, value: str = "20.00") -> dict[str, object]:
    return voucher(number, value) | {"receipt": receipt}


def became(pool: ClickHouse, receipt: str) -> tuple[int, int, int]:
    """Counted, duplicate, conflict."""
    [row] = pool.query(
        "SELECT length(groupUniqArrayArray(counted)), length(groupUniqArrayArray(duplicate)),"
        " length(groupUniqArrayArray(conflict))"
        " FROM receipt_counted FINAL WHERE receipt = %(receipt)s",
        {"receipt": receipt},
    )
    return int(row[0]), int(row[1]), int(row[2])


@pytest.mark.parametrize("few", [0, receipts.FEW])
async def test_each_record_of_a_push_is_counted_a_duplicate_or_a_conflict(
    pool: ClickHouse, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(receipts, "FEW", few)
    where, worker = place(STREAM), Worker(pool)
    stretch = messages([sent("a", 1), sent("b", 1), sent("a", 2), sent("b", 2, "50.00"), sent("b", 3)])
    await worker.count(where, stretch)
    await worker.count(where, messages([sent("c", 1), sent("c", 3, "1.00")], first=5))
    assert (became(pool, "a"), became(pool, "b")) == ((2, 0, 0), (1, 1, 1))
    assert became(pool, "c") == (0, 1, 1)


Copies = list[tuple[str, int, str]]
COPIES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from(["20.00", "50.00"])),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one[:2],  # a push has each identity once
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pushed=COPIES, cut=st.integers(0, 12), again=st.lists(st.integers(0, 11), max_size=6))
async def test_retries_redelivery_and_a_replay_change_nothing(
    pool: ClickHouse, pushed: Copies, cut: int, again: list[int]
) -> None:
    life = uuid4().hex
    records = [sent(f"{life}-{push}", number, value) | {"source": life} for push, number, value in pushed]
    redelivered = [records[at % len(records)] for at in again]
    whole = messages([*records, *redelivered])
    where = place(STREAM)
    late = []
    for stretch in filter(None, (whole[:cut], whole[cut:])):
        worker = Worker(pool)
        late.append((worker, await worker.claim(where, stretch), stretch))
        for _ in range(2):  # each block is tried twice
            await Worker(pool).count(where, stretch)
    for worker, block, stretch in late:  # and once more by a worker that others have passed since its claim
        await worker.path.count(block, worker.path.read(where, stretch))
    pushes = {push for push, _number, _value in pushed}
    once = {push: became(pool, f"{life}-{push}") for push in pushes}
    await Worker(pool).count(place(STREAM), messages(reversed(records)))  # a new topic, a replayed journal
    first: dict[int, str] = {}
    wanted = {push: [0, 0, 0] for push in pushes}
    for push, number, value in pushed:
        outcome = 0 if number not in first else 1 if first[number] == value else 2
        first.setdefault(number, value)
        wanted[push][outcome] += 1
    assert once == {push: tuple(counts) for push, counts in wanted.items()}
    assert {push: became(pool, f"{life}-{push}") for push in pushes} == once


def receipt(**changes: Any) -> Receipt:
    fault = {"index": 1, "id": "x", "code": "invalid_field", "field": "beds", "message": "应为整数 · integer"}
    known = {
        "receipt": uuid4().hex,
        "agency": "commerce-bureau",
        "stream": STREAM,
        "kind": "http",
        "received_at": datetime(2026, 5, 1, 4, 0, 0, 7, tzinfo=UTC),
        "remote": "127.0.0.1",
        "user_agent": "curl/8",
        "received": 4,
        "accepted": 2,
        "duplicate": 1,
        "rejected": 1,
        "faults": [fault],
    }
    return Receipt.model_validate(known | changes)


async def test_a_replay_tells_what_a_crash_left_untold(pool: ClickHouse) -> None:
    """The block's records are in, its worker and the broker's memory are gone before their account is."""
    records = [sent("a", 1), sent("a", 2), sent("b", 1)]
    await Worker(pool).count(place(STREAM), messages(records))
    pool.query("TRUNCATE TABLE receipt_counted")
    for _ in range(2):
        await Worker(pool).count(place(STREAM), messages(reversed(records)))
    assert (became(pool, "a"), became(pool, "b")) == ((2, 0, 0), (0, 1, 0))


async def test_a_receipt_is_one_row_and_what_is_none_a_dead_letter(pool: ClickHouse) -> None:
    one, worker = receipt(), Worker(pool)
    stretch = [Message(0, one.model_dump_json().encode()), Message(1, b"{}")]
    for _ in range(2):
        await worker.count(Place(RECEIPT_TOPIC, uuid4(), 0), stretch)
    [row] = pool.rows("SELECT * FROM receipt FINAL")
    assert row.pop("faults").startswith('[{"index":1,')
    assert row.pop("received_at") == one.received_at
    assert row == one.model_dump(exclude={"faults", "received_at"})
    assert {letter.code for letter in worker.letters} == {"not_a_receipt"}


async def test_a_push_keeps_its_refusals_though_the_dead_letter_is_the_same(pool: ClickHouse) -> None:
    for push, place_, service in (
        ("a", "7/C12", "ingest"),
        ("b", "3", "ingest"),
        ("b", "x/1/2", "aggregate"),
    ):
        path = f"push/{push}/{place_}" if service == "ingest" else place_
        pool.insert(
            "dead_letter",
            {
                "id": ["same"],
                "time": [datetime(2026, 5, 1, tzinfo=UTC)],
                "service": [service],
                "receipt": [push],
                "place": [path],
                "code": ["conflict"],
            },
        )
    rows = pool.query(
        "SELECT receipt, at, sheet_row, sheet_column FROM receipt_fault FINAL ORDER BY receipt, at"
    )
    assert rows == [("a", 7, 12, "C"), ("b", -1, None, None), ("b", 3, None, None)]


def shown(pool: ClickHouse) -> int:
    [(number,)] = pool.query("SELECT uniqExact(topic_id, partition, first_offset) FROM block_shown")
    return int(number)


async def test_a_block_is_on_the_board_when_the_figures_have_it(pool: ClickHouse, plan: Plan) -> None:
    await Worker(pool).count(place(STREAM), messages([voucher(1)]))
    one = Keeper(pool, plan, uuid4().hex)
    one.begin()
    assert shown(pool) == 0
    one.refresh(DAY)
    assert shown(pool) == 1, "also a block that was told before this keeper began"
    await Worker(pool).count(place(STREAM), messages([voucher(2)]))
    await Worker(pool).count(place(STREAM), messages([voucher(2)]))  # which touches nothing
    assert shown(pool) == 1
    one.refresh(DAY)
    assert shown(pool) == 3
    since = "SELECT topic_id, min(shown_at) FROM block_shown GROUP BY ALL ORDER BY topic_id"
    before = pool.query(since)
    one.refresh(DAY)
    another = Keeper(pool, plan, uuid4().hex)
    another.begin()
    another.refresh(DAY)
    assert pool.query(since) == before


async def test_a_superseded_keeper_shows_nothing(pool: ClickHouse, plan: Plan) -> None:
    old = Keeper(pool, plan, uuid4().hex)
    old.begin()
    Keeper(pool, plan, uuid4().hex).begin()
    await Worker(pool).count(place(STREAM), messages([voucher(1)]))
    old.refresh(DAY)
    assert shown(pool) == 0
