"""Waiting for a neighbour that is away."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from services.platform.errors import Unavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0

_absences: dict[object, str] = {}


def absence() -> str | None:
    """Return why a call is waiting for ClickHouse now, None if none is; from any thread."""
    return next(iter(list(_absences.values())), None)


async def patiently(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread; while ClickHouse is away or busy, try again until it is not.

    Every call given here may be repeated without harm. Any other error goes through: it is ours, and stops
    the worker with nothing acknowledged.
    """
    pause = 0.1
    this = object()
    try:
        while True:
            try:
                return await asyncio.to_thread(call)
            except Unavailable as error:
                reason = str(error)
            _absences[this] = reason
            log.warning("%s; next try in %.1f s", reason, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    finally:
        _absences.pop(this, None)
