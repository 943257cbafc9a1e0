"""Only records that may have been counted are asked about, whoever counted them; on a real ClickHouse."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.envelope import identity
from services.ingest import filling
from services.ingest.filling import Filling
from services.ingest.filter import Filter
from services.ingest.known import Known
from services.ingest.receipts import Name
from services.platform.clickhouse import ClickHouse, Rows
from services.platform.settings import Common
from tests.aggregate import support as counting
from tests.ingest.support import voucher
from tests.support.clickhouse import ClickHouse as Server
from tests.support.waiting import eventually_async

STREAM = "consumption-voucher"
TIME = datetime(2025, 1, 1, tzinfo=UTC)


class Asked(ClickHouse):
    """A ClickHouse that notes how many records each push's question was about."""

    def __init__(self, settings: Common) -> None:
        super().__init__(settings)
        self.about: list[int] = []

    def query(self, sql: str, params: Any = None, *, given: Any = None, settings: Any = None) -> Rows:
        if "SELECT identity, fingerprint" in sql:
            self.about.append(len(params["names"]) or len(given["names"]["name UUID"]))
        return super().query(sql, params, given=given, settings=settings)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other closely, and what stands is read in several pages."""
    monkeypatch.setattr(filling, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(filling, "_BLOCKS", 2)


@pytest.fixture
def pool(clickhouse: Server, migrated: str) -> Iterator[Asked]:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)
    one = Asked(settings)
    yield one
    one.close()


@pytest.fixture
async def known(pool: Asked) -> AsyncIterator[Known]:
    one = Known(pool, patience=30, memory=1_000_000)
    yield one
    await one.close()


def name(number: int) -> Name:
    return STREAM, identity("agency", str(number))


async def count(pool: ClickHouse, numbers: Sequence[int]) -> None:
    """Count records as the aggregator does, in one block of a new topic."""
    data = {key: value for key, value in voucher().items() if key != "time"}
    events = [counting.event(STREAM, "agency", str(number), TIME, data) for number in numbers]
    await counting.Worker(pool).count(counting.place(STREAM), counting.messages(events))


async def is_selective(known: Known) -> None:
    async def selective() -> bool:
        return known.is_selective

    await eventually_async(selective, 20, "only those that may have been counted are asked about")


async def test_new_records_are_not_asked_about_once_the_filter_is_filled(pool: Asked, known: Known) -> None:
    await count(pool, range(10))
    assert set(await known.among([name(3), name(10)])) == {name(3)}
    assert pool.about == [2], "it is not filled: all are asked about"
    known.open()
    await is_selective(known)
    assert known.remembered == 11
    assert await known.among([name(20), name(21)]) == {}
    assert pool.about == [2]
    assert set(await known.among([name(5), name(10), name(22)])) == {name(5)}
    assert pool.about == [2, 2], "what was counted, and what was asked about before"
    assert await known.among([name(20)]) == {}, "it was remembered, and is not counted"
    assert pool.about == [2, 2, 1]


async def test_what_another_process_has_counted_is_learned(pool: Asked, known: Known) -> None:
    known.open()
    await is_selective(known)
    for first in range(0, 50, 10):  # more blocks than are read at once
        await count(pool, range(first, first + 10))

    async def learned() -> bool:
        return known.remembered == 50

    await eventually_async(learned, 20, "all that was counted is remembered")
    names = [name(number) for number in range(50)]
    assert set(await known.among(names)) == set(names)
    await count(pool, [*range(40, 50), *range(60, 70)])

    async def learned_again() -> bool:
        return known.remembered == 60

    await eventually_async(learned_again, 20, "a block with repetitions is learned, too")


def standing(pool: ClickHouse, number: int, stream: str = STREAM) -> list[Name]:
    """Records that were counted long ago."""
    names = [UUID(int=identity("agency", str(one))) for one in range(number)]
    columns: dict[str, Sequence[Any]] = {"stream": [stream] * number, "identity": names, "fingerprint": names}
    places = {"topic_id": [UUID(int=1)] * number, "partition": [0] * number, "offset": range(number)}
    pool.insert("record_identity", {**columns, **{key: list(one) for key, one in places.items()}})
    return [(stream, name.int) for name in names]


async def test_nothing_is_overlooked_while_it_is_filled(
    pool: Asked, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pushes of old and new records, and records counted elsewhere, amid filling page by page."""
    names = standing(pool, 3_000)
    standing(pool, 500, "statistic")
    monkeypatch.setattr(filling, "_STANDING", filling._STANDING.replace(str(filling._PAGE), "100"))
    monkeypatch.setattr(filling, "_PAGE", 100)
    known.open()
    pushed = 0
    while not known.is_selective:
        old, new = names[pushed % 3_000 :: 700], name(10_000 + pushed)
        assert set(await known.among([*old, new])) == set(old)
        if pushed in (1, 10):
            await count(pool, [20_000 + pushed])
        pushed += 1
    assert pushed > 10
    more = [name(20_001), name(20_010)]

    async def learned() -> bool:
        return known.remembered == 3_500 + pushed + 2

    await eventually_async(learned, 20, "all that stands, was pushed, and was counted meanwhile")
    assert set(await known.among([*names, *more])) == {*names, *more}
    pool.about.clear()
    assert await known.among([("statistic", one[1]) for one in more]) == {}
    assert pool.about == []


async def test_after_a_long_time_without_a_look_all_is_read_again(
    pool: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter = Filter(1_000_000)
    one = Filling(pool, filter)
    await one.look()
    standing(pool, 10)  # as if `touch` had dropped what it told of them
    await one.look()
    assert filter.held == 0
    monkeypatch.setattr(filling, "_KEPT_SECONDS", 0.0)
    await one.look()
    assert filter.held == 10


async def test_while_clickhouse_is_away_nothing_is_called_new(
    clickhouse: Server, pool: Asked, known: Known
) -> None:
    await count(pool, range(3))
    clickhouse.kill()
    known.open()
    assert not known.is_selective
    assert await known.among([name(1)]) == {}
    clickhouse.start()
    await is_selective(known)
    assert known.remembered == 3
    clickhouse.kill()

    async def unsure() -> bool:
        return not known.is_selective

    await eventually_async(unsure, 20, "it is noticed that others cannot be followed")
    clickhouse.start()
    await count(pool, [4])

    async def learned() -> bool:
        return known.is_selective and known.remembered == 4

    await eventually_async(learned, 20, "what was counted since is remembered")


async def test_without_the_newest_migration_every_push_asks(clickhouse: Server, database: str) -> None:
    pool = Asked(Common(clickhouse_port=clickhouse.port, clickhouse_database=database))
    known = Known(pool, patience=30, memory=1_000_000)
    known.open()
    assert await known.among([name(1)]) == {}
    assert not known.is_selective
    assert pool.about == [1]
    await known.close()
    pool.close()


def test_an_identity_is_told_as_its_upper_half(pool: Asked) -> None:
    one = uuid4()
    assert pool.query("SELECT reinterpretAsUInt64(%(one)s::UUID)", {"one": one}) == [(one.int >> 64,)]
