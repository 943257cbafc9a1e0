"""What is due at about the same time goes into one call."""

import asyncio
from collections.abc import Sequence

import pytest

from services.aggregate.together import Together


class Calls:
    def __init__(self) -> None:
        self.made: list[list[int]] = []

    async def __call__(self, asked: Sequence[int]) -> list[int]:
        self.made.append(list(asked))
        if 0 in asked:
            raise ValueError("zero")
        return [-one for one in asked]


async def test_a_call_is_made_when_nothing_more_is_expected() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    for _ in range(3):
        together.expect()
    first, second = asyncio.ensure_future(together.add(1)), asyncio.ensure_future(together.add(2))
    await asyncio.sleep(0)
    assert calls.made == []
    together.give_up()
    assert await asyncio.gather(first, second) == [-1, -2]
    assert calls.made == [[1, 2]]


async def test_what_comes_while_a_call_runs_goes_into_the_next() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    together.expect()
    first = asyncio.ensure_future(together.add(1))
    await asyncio.sleep(0)
    together.expect()
    assert await asyncio.gather(first, together.add(2)) == [-1, -2]
    assert calls.made == [[1], [2]]


async def test_everybody_gets_the_error_and_nobody_after() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    together.expect()
    together.expect()
    both = await asyncio.gather(together.add(0), together.add(1), return_exceptions=True)
    assert [type(one) for one in both] == [ValueError, ValueError]
    together.expect()
    assert await together.add(2) == -2
    together.expect()
    with pytest.raises(ValueError, match="zero"):
        await together.add(0)
