"""Turns in which small pushes are taken."""

import asyncio

from services.ingest.turns import ENOUGH, Turns


async def test_who_comes_alone_is_not_held() -> None:
    turns = Turns(apart=3600)
    async with asyncio.timeout(60):
        await turns.wait()


async def test_those_who_come_after_begin_together_in_their_order() -> None:
    turns = Turns(apart=0.01)
    begun: list[int] = []

    async def push(number: int) -> None:
        await turns.wait()
        begun.append(number)

    await push(0)
    waiting = [asyncio.create_task(push(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    assert begun == [0]
    await waiting[0]
    await asyncio.sleep(0)
    assert begun == [0, 1, 2, 3, 4, 5]


async def test_enough_of_them_wait_for_nobody() -> None:
    turns = Turns(apart=3600)
    async with asyncio.timeout(60):
        await asyncio.gather(*(turns.wait() for _ in range(1 + 2 * ENOUGH)))


async def test_who_goes_away_holds_nobody() -> None:
    turns = Turns(apart=0.01)
    await turns.wait()
    gone, stays = (asyncio.create_task(turns.wait()) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(60):
        await stays
        await turns.wait()
