"""The refresher: who keeps the figures while workers come and go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import pytest

from services.aggregate.blocks import Block, Place
from services.aggregate.keeper import Keeper
from services.aggregate.pipeline import FigurePath
from services.aggregate.refresher import Refresher
from services.aggregate.touches import Told
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.support.waiting import eventually

NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON


@asynccontextmanager
async def refresher(path: FigurePath) -> AsyncIterator[Refresher]:
    one = Refresher(path, Noon())  # type: ignore[arg-type]
    await one.start()
    yield one
    await one.stop()


async def publish(_figures: object) -> None:
    pass


async def seen(what: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, what, 60, "it is so", until=bool)


def newest(pool: ClickHouse) -> str:
    [(worker,)] = pool.query("SELECT argMax(worker, term) FROM keeper")
    return str(worker)


async def test_who_lost_the_figures_while_it_read_does_not_take_them_over(
    pool: ClickHouse, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FigurePath(lambda: Keeper(pool, plan, "late"), publish, plan.zone)
    reading, go_on = asyncio.Event(), asyncio.Event()
    prepared = path._prepared

    async def slowly() -> Keeper:
        keeper = await prepared()
        reading.set()
        await go_on.wait()
        return keeper

    monkeypatch.setattr(path, "_prepared", slowly)
    async with refresher(path) as late:
        late.keep(True)
        await reading.wait()
        Keeper(pool, plan, "rightful").begin()
        late.keep(False)
        go_on.set()
        await seen(lambda: late.standing().position == late.standing().end)
    assert newest(pool) == "rightful"


async def test_who_lost_the_figures_amid_a_round_is_ready(
    pool: ClickHouse, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FigurePath(lambda: Keeper(pool, plan, f"former/{uuid4()}"), publish, plan.zone)
    amid, go_on = asyncio.Event(), asyncio.Event()
    refresh = path.refresh

    async def slowly(clock: Callable[[], datetime | None], *, look: bool) -> None:
        amid.set()
        await go_on.wait()
        await refresh(clock, look=look)

    monkeypatch.setattr(path, "refresh", slowly)
    async with refresher(path) as former:
        former.keep(True)
        await amid.wait()
        assert not former.ready
        former.keep(False)
        go_on.set()
        await seen(lambda: former.standing().position == former.standing().end)
        assert former.ready, "no round follows that could say so"


async def test_who_is_to_keep_the_figures_takes_them_back_from_one_that_is_not(
    pool: ClickHouse, plan: Plan
) -> None:
    path = FigurePath(lambda: Keeper(pool, plan, f"rightful/{uuid4()}"), publish, plan.zone)
    async with refresher(path) as rightful:
        rightful.keep(True)
        await seen(lambda: rightful.ready)
        Keeper(pool, plan, "late").begin()
        await seen(lambda: newest(pool).startswith("rightful"))


async def test_what_others_told_is_looked_for_in_every_other_round_at_least(
    pool: ClickHouse, plan: Plan
) -> None:
    path = FigurePath(lambda: Keeper(pool, plan, f"busy/{uuid4()}"), publish, plan.zone)
    looked: list[bool] = []
    refresh = path.refresh

    async with refresher(path) as busy:

        async def again_and_again(clock: Callable[[], datetime | None], *, look: bool) -> None:
            looked.append(look)
            await refresh(clock, look=look)
            block = Block(Place("t", uuid4(), 0), 0, 0)
            busy.told(Told(block, "facility", {}, np.array([], np.uint64)))

        path.refresh = again_and_again  # type: ignore[method-assign]
        busy.keep(True)
        await seen(lambda: sum(looked) >= 3)
    assert False in looked, "what is heard goes first"
