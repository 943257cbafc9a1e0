"""Counted once: retries, duplicates, conflicts, two workers on one partition."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.streams import STREAMS
from services.aggregate.blocks import Block, Claims
from services.aggregate.records import decode, insert
from services.platform import packed
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from tests.aggregate.support import Message, Worker, event, messages, place

NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)


def voucher(number: int, value: str = "20.00", step: str = "issued") -> dict[str, object]:
    data = {
        "voucher_id": f"V{number}",
        "campaign": "qihua",
        "step": step,
        "face_value": value,
        "sector": "retail",
        "division": "532622101",
    }
    return event("consumption-voucher", "commerce-bureau", f"{step}-{number}", NOON, data)


def money(pool: ClickHouse) -> tuple[object, ...]:
    [row] = pool.query(
        "SELECT (SELECT count() FROM consumption_voucher_log), sum(records), toString(sum(face_value)),"
        " (SELECT count() FROM record_identity), (SELECT sum(records) FROM feed_live) FROM voucher_hourly"
    )
    return row


async def test_a_retried_block_counts_once_in_the_log_and_in_every_view(pool: ClickHouse) -> None:
    where, stretch = place("consumption-voucher"), messages(voucher(n) for n in range(50))
    for _ in range(3):
        await Worker(pool).count(where, stretch)
    assert money(pool) == (50, 50, "1000", 50, 50)


async def test_a_retry_completes_views_that_a_crash_left_out(pool: ClickHouse) -> None:
    """Between table and views: rows are in the log, their block is known, and the views have nothing."""
    where, stretch = place("consumption-voucher"), messages(voucher(n) for n in range(50))
    pool.query("DETACH TABLE voucher_hourly_view")
    await Worker(pool).count(where, stretch)
    pool.query("ATTACH TABLE voucher_hourly_view")
    assert money(pool)[1] == 0
    await Worker(pool).count(where, stretch)
    assert money(pool) == (50, 50, "1000", 50, 50)


async def test_a_record_sent_again_counts_once(pool: ClickHouse) -> None:
    where, worker = place("consumption-voucher"), Worker(pool)
    sent = messages([voucher(1), voucher(2), voucher(1), voucher(3), voucher(2)])
    await worker.count(where, sent[:3])
    await worker.count(where, sent[3:])
    assert money(pool)[:2] == (3, 3)
    assert worker.letters == []


async def test_records_replayed_into_a_new_topic_count_once(pool: ClickHouse) -> None:
    """The embedded broker forgets its log; ingest replays its journal into topics with new ids."""
    for _ in range(2):
        await Worker(pool).count(place("consumption-voucher"), messages(voucher(n) for n in range(20)))
    assert money(pool)[:2] == (20, 20)


@pytest.mark.parametrize("left_out", ["voucher_hourly_view", "consumption_voucher_identity"])
async def test_a_block_in_hand_when_its_topic_ended_is_completed_from_the_log(
    pool: ClickHouse, left_out: str
) -> None:
    """The worker dies between table and views, and the broker with it: only the journal has the records."""
    old, new, sent = (
        place("consumption-voucher"),
        place("consumption-voucher"),
        [voucher(n) for n in range(20)],
    )
    stream, dying = STREAMS["consumption-voucher"], Worker(pool)
    await dying.count(old, messages(sent[:5]))
    block = await dying.path.claim(Block(old, 5, 14))
    pool.query(f"DETACH TABLE {left_out}")
    records, _ = decode(stream, old, messages(sent[5:15], first=5))
    insert(pool, stream, block, records)
    pool.query(f"ATTACH TABLE {left_out}")
    for _ in range(2):  # two workers take over
        worker = Worker(pool)
        await worker.path.complete_former(new.topic, new.topic_id)
        assert money(pool)[:2] == (15, 15)
    await worker.count(new, messages(sent))
    assert money(pool) == (20, 20, "400", 20, 20)
    told = pool.query(
        "SELECT first_offset, length(counted), days FROM touch WHERE topic_id = %(old)s",
        {"old": old.topic_id},
    )
    assert sorted(told) == [(0, 5, [NOON.date()]), (5, 10, [NOON.date()])]


async def test_the_same_id_with_other_content_is_a_conflict_and_not_counted(pool: ClickHouse) -> None:
    where, worker = place("consumption-voucher"), Worker(pool)
    sent = messages([voucher(1), voucher(1, "50.00"), voucher(1, "50.00"), voucher(1)])
    await worker.count(where, sent[:2])
    await worker.count(where, sent[2:])
    assert money(pool)[:3] == (1, 1, "20")
    assert {letter.code for letter in worker.letters} == {"conflict"}
    assert len({letter.id for letter in worker.letters}) == 1, "the same refusal repeated has the same id"
    assert worker.letters[0].record_id == "issued-1"
    assert '"50.00"' in worker.letters[0].raw


async def test_what_is_no_event_is_a_dead_letter_and_its_neighbours_count(pool: ClickHouse) -> None:
    where, worker = place("consumption-voucher"), Worker(pool)
    good = messages([voucher(1), voucher(2), voucher(3), voucher(4)])
    stretch = [good[0], Message(1, b"\xff\xfe"), Message(2, None), good[3]]
    await worker.count(where, stretch)
    assert money(pool)[0] == 2
    assert [letter.code for letter in worker.letters] == ["not_an_event", "not_an_event"]
    assert worker.letters[0].encoding == "base64"


async def test_of_two_claims_of_one_start_the_first_decides(pool: ClickHouse) -> None:
    """Two workers that both believe they own a partition write the very same blocks."""
    where, sent = place("consumption-voucher"), messages(voucher(n) for n in range(30))
    one, other = Worker(pool), Worker(pool)
    first = await one.path.claim(Block(where, 0, 9))
    agreed = await other.path.claim(Block(where, 0, 29))
    assert agreed == first == Block(where, 0, 9)
    await other.path.count(agreed, other.path.read(where, sent[:10]))
    await one.path.count(first, one.path.read(where, sent[:10]))
    for worker in (other, one):
        rest = await worker.path.claim(Block(where, 10, 29))
        await worker.path.count(rest, worker.path.read(where, sent[10:]))
    assert money(pool)[:2] == (30, 30)


async def test_who_claims_what_others_have_passed_is_told_where_they_are(pool: ClickHouse) -> None:
    where, late = place("consumption-voucher"), Worker(pool)
    for block in (Block(where, 0, 9), Block(where, 10, 14)):
        assert await Worker(pool).path.claim(block) == block
    assert await late.path.claim(Block(where, 0, 29)) == Block(where, 10, 14)
    assert pool.query("SELECT count() FROM block") == [(2,)]


async def test_a_new_owner_begins_with_the_newest_claim(pool: ClickHouse) -> None:
    where, worker = place("consumption-voucher"), Worker(pool)
    assert await worker.path.newest_claim(where) is None
    await worker.path.claim(Block(where, 0, 9))
    await worker.path.claim(Block(where, 10, 14))
    assert await Worker(pool).path.newest_claim(where) == Block(where, 10, 14)
    assert await Worker(pool).path.newest_claim(place("consumption-voucher", uuid4())) is None


async def test_claims_survive_a_kill_of_clickhouse(
    pool: ClickHouse, settings: Common, clickhouse: object
) -> None:
    where, sent = place("consumption-voucher"), messages(voucher(n) for n in range(30))
    await Worker(pool).count(where, sent)
    clickhouse.kill()  # type: ignore[attr-defined]
    clickhouse.start()  # type: ignore[attr-defined]
    again = ClickHouse(settings)
    assert Claims(again, "other").claim([Block(where, 0, 99)]) == [Block(where, 0, 29)]
    await Worker(again).count(where, sent)
    assert money(again)[:2] == (30, 30)
    again.close()


async def test_a_block_counts_once_whether_it_goes_packed_or_row_by_row(
    pool: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, stretch = place("consumption-voucher"), messages(voucher(n) for n in range(30))
    for few in (packed.FEW, 0, packed.FEW):
        monkeypatch.setattr(packed, "FEW", few)
        await Worker(pool).count(where, stretch)
    assert money(pool) == (30, 30, "600", 30, 30)


@pytest.mark.parametrize("records", [1, 3000])
async def test_a_block_of_any_size_is_one_insert(pool: ClickHouse, records: int) -> None:
    await Worker(pool).count(place("consumption-voucher"), messages(voucher(n) for n in range(records)))
    [(parts,)] = pool.query(
        "SELECT count() FROM system.parts WHERE database = currentDatabase()"
        " AND table = 'consumption_voucher_log' AND level = 0"
    )
    assert parts == 1
