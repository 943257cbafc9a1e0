"""The measured part of a run: its true length, what was answered in it, and the CPU time it took."""

import asyncio
import gc
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from benchmarks.machine import cpu_seconds

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """`answered` requests in `seconds`, with `cpu` seconds of the process that answered them.

    `sent` is how many went out in all, before and after the window too; every one was answered.
    """

    seconds: float
    answered: int
    cpu: float
    sent: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.answered / self.seconds


class Window:
    """Opens after `warm_up` seconds and closes `length` later, or earlier by `close`."""

    def __init__(self, pid: int, warm_up: float, length: float) -> None:
        self.closed = False
        self._pid = pid
        self._length = length
        self._answered = 0
        self._began: tuple[float, float] | None = None
        self._took = self._cpu = 0.0
        asyncio.get_running_loop().call_later(warm_up, self._open)

    def count(self) -> None:
        """A request was answered."""
        if self._began is not None and not self.closed:
            self._answered += 1

    def close(self) -> None:
        """End it now; raises RuntimeError if it has not begun."""
        if self.closed:
            return
        if self._began is None:
            raise RuntimeError("the requests ran out before the measurement began: prepare more of them")
        self.closed = True
        self._took = time.perf_counter() - self._began[0]
        self._cpu = cpu_seconds(self._pid) - self._began[1]

    def measured(self, sent: int) -> Measured:
        """What was measured, once it is closed; raises RuntimeError if nothing was answered in it."""
        if not self._answered:
            raise RuntimeError(f"nothing was answered within {self._length:g} s: give more seconds")
        return Measured(self._took, self._answered, self._cpu, sent)

    def _open(self) -> None:
        self._began = time.perf_counter(), cpu_seconds(self._pid)
        asyncio.get_running_loop().call_later(self._length, self.close)


def apart(task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a task returns in a process of its own; what it raises is raised here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(task, *args, **kwargs).result()


def quiet() -> None:
    """Collect no garbage from now on: what was prepared would be looked at again and again."""
    gc.collect()
    gc.freeze()
    gc.disable()
