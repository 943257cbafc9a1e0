"""Waiting for what happens elsewhere: on a condition, with a deadline that fails loudly."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from services.platform.errors import Unavailable

Seen = TypeVar("Seen")

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25
_NOT_YET = (AssertionError, Unavailable)


def eventually(
    predicate: Callable[[], Seen],
    timeout: float,
    what: str,
    *,
    until: Callable[[Seen], object] = bool,
    pause: float = _PAUSE_SECONDS,
) -> Seen:
    """Call `predicate` until `until` holds for what it returns (by default: it is true), and return that.

    It is called again after `pause` seconds, later after a tenth of the time waited so far: who waits leaves
    the machine to what is waited for. An AssertionError or Unavailable of `predicate` means "not yet"; any
    other error is the test's. After `timeout` seconds the test fails with `what` was awaited and what was
    last seen.
    """
    began = time.monotonic()
    while True:
        last: object
        try:
            last = seen = predicate()
            if until(seen):
                return seen
        except _NOT_YET as error:
            last = error
        if time.monotonic() - began >= timeout:
            _give_up(what, timeout, last)
        time.sleep(_pause(pause, began))


async def eventually_async(
    predicate: Callable[[], Awaitable[Seen]],
    timeout: float,  # noqa: ASYNC109 - it limits the number of calls, no call is cut short
    what: str,
    *,
    until: Callable[[Seen], object] = bool,
) -> Seen:
    """`eventually` for an async `predicate`."""
    began = time.monotonic()
    while True:
        last: object
        try:
            last = seen = await predicate()
            if until(seen):
                return seen
        except _NOT_YET as error:
            last = error
        if time.monotonic() - began >= timeout:
            _give_up(what, timeout, last)
        await asyncio.sleep(_pause(_PAUSE_SECONDS, began))


def _pause(least: float, began: float) -> float:
    """How long to wait after a look, by when the waiting began."""
    return max(least, min((time.monotonic() - began) / 10, _LONGEST_PAUSE_SECONDS))


def _give_up(what: str, timeout: float, last: object) -> None:
    pytest.fail(f"waited {timeout:g} s for: {what}; last seen: {last!r}")
