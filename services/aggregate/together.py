"""One call for several that are due at about the same time.

A statement costs ClickHouse about as much for one row as for a hundred, so what the blocks of one fetch have
to say is said in one statement wherever no token ties the rows to their block.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")


class Together(Generic[One, Answer]):
    """Gathers what comes in until nothing more is expected, then makes one call for all of it."""

    def __init__(self, call: Callable[[Sequence[One]], Awaitable[Sequence[Answer]]]) -> None:
        """`call` returns one answer for each; what it raises, everybody gets."""
        self._call = call
        self._expected = 0
        self._waiting: list[tuple[One, asyncio.Future[Answer]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    @contextmanager
    def expected(self) -> Iterator[Callable[[One], Awaitable[Answer]]]:
        """Let the others wait for one more: bring it by calling what is yielded, and await its answer.

        If the body ends without, the others go on.
        """
        self._expected += 1
        brought = False

        def bring(one: One) -> Awaitable[Answer]:
            nonlocal brought
            brought = True
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._waiting.append((one, answer))
            self._expected -= 1
            self._go()
            return answer

        try:
            yield bring
        finally:
            if not brought:
                self._expected -= 1
                self._go()

    def _go(self) -> None:
        if self._expected or not self._waiting:
            return
        task = asyncio.ensure_future(self._answer(self._waiting))
        self._waiting = []
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _answer(self, asked: Sequence[tuple[One, "asyncio.Future[Answer]"]]) -> None:
        try:
            answers = await self._call([one for one, _ in asked])
        except BaseException as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), said in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(said)
