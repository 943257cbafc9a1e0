"""Answers that many ask for: each made once, never one from before a change that its asker has heard of."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from threading import Event
from typing import Any

import pytest

from services.board.shared import Shared

FOR_EVER = 3600.0


class Maker:
    """Makes answers that say which making they are; one is held back until it is let go."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.begun: list[Event] = []
        self.going = Event()
        self.going.set()
        self.wrong: Exception | None = None

    def make(self, key: str) -> str:
        self.made[key] += 1
        number = self.made[key]
        for event in self.begun:
            event.set()
        assert self.going.wait(60)
        if self.wrong:
            raise self.wrong
        return f"{key}{number}"

    def asked(self, shared: Shared, key: str) -> Coroutine[Any, Any, tuple[str, bool]]:
        """Ask for an answer."""
        return shared.get(key, partial(self.make, key))

    def hold(self) -> Event:
        """Hold back what is made from now on; what is returned says when it has begun."""
        self.going.clear()
        event = Event()
        self.begun.append(event)
        return event


@pytest.fixture
def maker() -> Maker:
    return Maker()


async def until(event: Event) -> None:
    assert await asyncio.to_thread(event.wait, 60)


async def test_a_thousand_who_ask_at_once_cost_one(maker: Maker) -> None:
    shared = Shared(seconds=FOR_EVER, threads=2)
    answers = await asyncio.gather(*(maker.asked(shared, key) for key in ("a", "b") * 500))
    assert maker.made == {"a": 1, "b": 1}
    assert Counter(answers) == {("a1", False): 1, ("a1", True): 499, ("b1", False): 1, ("b1", True): 499}
    assert await maker.asked(shared, "a") == ("a1", True)  # and whoever comes a moment later
    shared.close()


async def test_what_is_old_is_made_anew(maker: Maker) -> None:
    shared = Shared(seconds=0, threads=2)
    assert [await maker.asked(shared, "a") for _ in range(3)] == [("a1", False), ("a2", False), ("a3", False)]
    shared.close()


async def test_nobody_is_given_what_was_before_a_change(maker: Maker) -> None:
    shared = Shared(seconds=0, threads=2)
    begun = maker.hold()
    before = asyncio.create_task(maker.asked(shared, "a"))
    await until(begun)
    also_before = asyncio.create_task(maker.asked(shared, "a"))
    await asyncio.sleep(0)
    shared.outdate()
    after = [asyncio.create_task(maker.asked(shared, "a")) for _ in range(10)]
    await asyncio.sleep(0)
    assert maker.made["a"] == 1  # of one question one at a time
    maker.going.set()
    assert await before == ("a1", False)
    assert await also_before == ("a1", True)
    assert await asyncio.gather(*after) == [("a2", False)] + [("a2", True)] * 9
    shared.close()


async def test_a_flood_of_changes_makes_no_flood(maker: Maker) -> None:
    """After a change the next making waits its turn, and is everybody's who asks meanwhile."""
    shared = Shared(seconds=FOR_EVER, threads=2)
    assert await maker.asked(shared, "a") == ("a1", False)
    asked = []
    for _ in range(20):
        shared.outdate()
        asked.append(asyncio.create_task(maker.asked(shared, "a")))
        await asyncio.sleep(0)
    assert maker.made["a"] == 1
    assert len({id(flight) for flight in shared._flights.values()}) == 1
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    shared.close()


async def test_who_goes_away_does_not_take_the_answer_along(maker: Maker) -> None:
    shared = Shared(seconds=FOR_EVER, threads=2)
    begun = maker.hold()
    first = asyncio.create_task(maker.asked(shared, "a"))
    await until(begun)
    other = asyncio.create_task(maker.asked(shared, "a"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    maker.going.set()
    assert await other == ("a1", True)
    shared.close()


async def test_what_goes_wrong_goes_wrong_for_all_and_not_for_ever(maker: Maker) -> None:
    shared = Shared(seconds=0, threads=2)
    maker.wrong = ValueError("no")
    asked = await asyncio.gather(maker.asked(shared, "a"), maker.asked(shared, "a"), return_exceptions=True)
    assert [str(one) for one in asked] == ["no", "no"]
    assert maker.made["a"] == 1
    maker.wrong = None
    assert await maker.asked(shared, "a") == ("a2", False)
    shared.close()


async def test_what_nobody_wants_any_more_is_forgotten(maker: Maker) -> None:
    shared = Shared(seconds=0, threads=2)
    for number in range(50):
        await maker.asked(shared, str(number))
    assert len(shared._flights) == 1
    shared.close()
