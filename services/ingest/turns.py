"""Small pushes that come within a few milliseconds are taken one right after another.

A processor that does other things in between, as it does beside broker and ClickHouse, has forgotten the way
of a push: the first of several takes two to three times as long as those behind it. Begun together, they also
go to the broker and to the journal together.
"""

import asyncio

_APART_SECONDS = 0.005
ENOUGH = 8
"""Pushes that need not wait longer: with more each hardly takes less, and the processor would idle."""


class Turns:
    """Lets those who come within one stretch of time begin together, at its end."""

    def __init__(self, apart: float = _APART_SECONDS) -> None:
        """`apart`: seconds between two turns; nobody is held longer, nor anybody who comes alone."""
        self._apart = apart
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Return with the next turn: when the last one is long enough ago, or enough wait for it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiting:
            if now >= self._next:
                self._next = now + self._apart
                return
            self._timer = loop.call_at(self._next, self._begin)
        turn = loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) == ENOUGH:
            self._begin()
        await turn

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = asyncio.get_running_loop().time() + self._apart
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
