"""What is due at about the same time goes into one call."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

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
    with together.expected() as first, together.expected() as second:
        with together.expected():
            both = first(1), second(2)
            await asyncio.sleep(0)
            assert calls.made == []
        assert await asyncio.gather(*both) == [-1, -2]
    assert calls.made == [[1, 2]]


async def test_what_is_not_brought_holds_nobody_up() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    with together.expected() as first:
        with suppress(KeyError), together.expected():
            answer = first(1)
            raise KeyError
        assert await answer == -1


async def test_what_comes_while_a_call_runs_goes_into_the_next() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    with together.expected() as first:
        one = first(1)
    await asyncio.sleep(0)
    with together.expected() as second:
        assert await asyncio.gather(one, second(2)) == [-1, -2]
    assert calls.made == [[1], [2]]


async def test_everybody_gets_the_error_and_nobody_after() -> None:
    calls = Calls()
    together: Together[int, int] = Together(calls)
    with together.expected() as first, together.expected() as second:
        both = await asyncio.gather(first(0), second(1), return_exceptions=True)
    assert [type(one) for one in both] == [ValueError, ValueError]
    with together.expected() as third:
        assert await third(2) == -2
    with together.expected() as fourth, pytest.raises(ValueError, match="zero"):
        await fourth(0)
