"""What was counted before is known to the answer: asked together, in bounded time."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC
from services.ingest.known import Known
from services.ingest.receipts import Name
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common
from tests.ingest.conftest import Gateway, running
from tests.ingest.support import messages, of_receipt, voucher
from tests.ingest.test_receipts import VOUCHERS, count, counted, counts
from tests.support.waiting import eventually_async

__all__ = ["counted"]

STREAM = "consumption-voucher"


class Slow:
    """A ClickHouse that knows every record, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[UUID]] = []
        self.let = threading.Event()
        self.error: Exception | None = None

    def query(self, _sql: str, params: Any, *, given: Any) -> list[tuple[UUID, UUID]]:
        names = list(params["names"]) or given["names"]["name UUID"]
        self.asked.append(names)
        self.let.wait(30)
        if self.error:
            raise self.error
        return [(name, name) for name in names]


@pytest.fixture
def slow() -> Iterator[Slow]:
    one = Slow()
    yield one
    one.let.set()


@pytest.fixture
async def known(slow: Slow) -> AsyncIterator[Known]:
    one = Known(slow, patience=60, memory=1_000_000)  # type: ignore[arg-type]  # all of ClickHouse it uses
    yield one
    slow.let.set()
    await one.close()


def name() -> Name:
    return STREAM, uuid4().int


async def test_what_comes_meanwhile_is_asked_together(known: Known, slow: Slow) -> None:
    first = asyncio.create_task(known.among([name()]))

    async def asked() -> bool:
        return bool(slow.asked)

    await eventually_async(asked, 10, "the first question is under way")
    names = [name() for _ in range(50)]
    rest = [asyncio.create_task(known.among([one])) for one in names]
    await asyncio.sleep(0)
    slow.let.set()
    await first
    assert [await one for one in rest] == [{one: str(UUID(int=one[1]))} for one in names]
    assert [len(asked) for asked in slow.asked] == [1, 50]


async def test_a_push_waits_a_bounded_time_and_the_next_not_at_all(slow: Slow) -> None:
    known = Known(slow, patience=0.05, memory=1_000_000)  # type: ignore[arg-type]  # all of ClickHouse it uses
    assert await known.among([name()]) == {}
    assert await known.among([name()]) == {}
    assert len(slow.asked) == 1, "one question at a time, though it is overdue"
    slow.let.set()
    await known.close()


async def test_after_a_failure_it_rests(known: Known, slow: Slow) -> None:
    slow.error = Unavailable("ClickHouse does not answer")
    slow.let.set()
    assert await known.among([name()]) == {}
    assert await known.among([name()]) == {}
    assert len(slow.asked) == 1


async def test_a_server_that_accepts_and_says_nothing_costs_a_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pool = ClickHouse(Common(clickhouse_port=silent.getsockname()[1]))
        known = Known(pool, patience=0.05, memory=1_000_000)
        async with asyncio.timeout(4):
            assert await known.among([name()]) == {}
            assert await known.among([name()]) == {}
        await known.close()


async def test_nothing_is_asked_for_nothing_or_without_patience(slow: Slow) -> None:
    assert await Known(slow, patience=60, memory=1_000_000).among([]) == {}  # type: ignore[arg-type]  # as above
    assert await Known(slow, patience=0, memory=1_000_000).among([name()]) == {}  # type: ignore[arg-type]  # as above
    assert slow.asked == []


async def test_duplicates_and_conflicts_of_earlier_pushes_stand_in_the_answer(
    counted: tuple[Gateway, ClickHouse],
) -> None:
    gateway, pool = counted
    plain = [voucher(1), voucher(2, id="b"), voucher(3)]
    await count(gateway, pool, await gateway.push(plain))
    async with running(gateway.settings) as restarted:
        again = await restarted.push(plain, key=gateway.key)
        assert (again.status_code, counts(again)) == (200, (3, 0, 3, 0))
        other = await restarted.push(
            [*plain, voucher(2, id="b", face_value=1), voucher(2, id="b", face_value=1), voucher(4)],
            key=gateway.key,
        )
    assert (other.status_code, counts(other)) == (207, (6, 1, 3, 2))
    assert [(one["index"], one["code"], one["field"]) for one in other.json()["errors"]] == [
        (3, "conflict", "id"),
        (4, "conflict", "id"),
    ]
    topics = [VOUCHERS, DEAD_LETTER_TOPIC, RECEIPT_TOPIC]
    stored = await asyncio.to_thread(
        messages, gateway.bootstrap, 4, wanted=of_receipt(other.json()["receipt"]), topics=topics
    )
    assert sorted(one.topic for one in stored) == sorted(
        [VOUCHERS, DEAD_LETTER_TOPIC, DEAD_LETTER_TOPIC, RECEIPT_TOPIC]
    ), "what is known is not written again, and a conflict is kept with its reason"


async def test_another_agencys_id_is_another_record(counted: tuple[Gateway, ClickHouse]) -> None:
    gateway, pool = counted
    await count(gateway, pool, await gateway.push([voucher(1, id="a")]))
    key = gateway.add_agency(f"{gateway.agency}-2", ["consumption-voucher"], ["532622"])
    assert counts(await gateway.push([voucher(1, id="a", face_value=1)], key=key)) == (1, 1, 0, 0)
