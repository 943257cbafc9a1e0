"""The effects of a worker, each with a moment before and one after it, and orders to strike in such a moment.

What a worker that dies leaves behind depends only on which of its effects were done: records fetched, rows
inserted, messages sent, offsets committed, partitions taken or given up. So the moments between effects are
all there are. They are watched where they leave the process, at the drivers of Kafka and ClickHouse: however
the pipeline does its work, it cannot pass by them.
"""

import json
import os
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import ConsumerRebalanceListener
from clickhouse_driver import Client

When = Literal["before", "after"]
Passing = Callable[[str, When], None]

_INSERT = re.compile(r"\s*INSERT INTO (\w+)")


@dataclass(frozen=True)
class Order:
    """Whoever passes `effect` (a pattern, as of a shell) for the `nth` time sends a signal."""

    number: int
    effect: str
    when: When
    nth: int
    signal: int
    pid: int | None = None
    """Who gets it; None: the worker itself."""
    delay: float = 0.0
    """Seconds after the passing; the worker goes on meanwhile."""
    by: int | None = None
    """The pid of the worker that is meant; None: any."""


class Orders:
    """A file that holds one order at a time, for all workers; exactly one of them carries it out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._order: Order | None = None
        self._passed = 0

    def give(self, order: Order) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(order)))
        new.rename(self._path)

    def withdraw(self) -> None:
        """Take back the order that nobody has carried out."""
        self._path.unlink(missing_ok=True)

    def taken(self, order: Order) -> int | None:
        """The pid of the worker that has carried it out, or is about to."""
        [pid] = [int(found.suffix[1:]) for found in self._path.parent.glob(f"{self._name(order)}.*")] or [0]
        return pid or None

    def passing(self, effect: str, when: When) -> None:
        """Carry out the order if it is for this moment; called by a worker, from any of its threads."""
        try:
            order = Order(**json.loads(self._path.read_text()))
        except FileNotFoundError:
            return
        if when != order.when or not fnmatchcase(effect, order.effect) or order.by not in (None, os.getpid()):
            return
        with self._lock:
            if order != self._order:
                self._order, self._passed = order, 0
            self._passed += 1
            if self._passed < order.nth:
                return
            try:
                self._path.rename(self._path.with_name(f"{self._name(order)}.{os.getpid()}"))
            except FileNotFoundError:  # another worker was quicker
                return
        pid = os.getpid() if order.pid is None else order.pid
        if order.delay:
            threading.Timer(order.delay, os.kill, (pid, order.signal)).start()
        else:
            os.kill(pid, order.signal)

    def _name(self, order: Order) -> str:
        return f"{self._path.name}-{order.number}"


def watch(passing: Passing) -> None:
    """Have `passing` called before and after each effect of this process."""
    _watch_statements(passing)
    _watch_calls(passing, AIOKafkaProducer, "send", lambda topic: f"send {topic}")
    _watch_calls(passing, AIOKafkaConsumer, "commit", lambda *_: "commit")
    _watch_calls(passing, AIOKafkaConsumer, "getmany", lambda *_: "fetch")
    _watch_listener(passing)


def _watch_statements(passing: Passing) -> None:
    execute = Client.execute

    @wraps(execute)
    def watched(client: Client, query: str, *args: Any, **options: Any) -> Any:
        insert = _INSERT.match(query)
        if insert is None:
            return execute(client, query, *args, **options)
        passing(f"insert {insert[1]}", "before")
        done = execute(client, query, *args, **options)
        passing(f"insert {insert[1]}", "after")
        return done

    Client.execute = watched


def _watch_calls(passing: Passing, kind: type[Any], method: str, name: Callable[..., str]) -> None:
    call = getattr(kind, method)

    @wraps(call)
    async def watched(one: Any, *args: Any, **options: Any) -> Any:
        passing(name(*args[:1]), "before")
        done = await call(one, *args, **options)
        if done or method != "getmany":  # a fetch of nothing is none
            passing(name(*args[:1]), "after")
        return done

    setattr(kind, method, watched)


def _watch_listener(passing: Passing) -> None:
    subscribe = AIOKafkaConsumer.subscribe

    @wraps(subscribe)
    def watched(consumer: AIOKafkaConsumer, topics: Any = (), *, listener: Any, **options: Any) -> None:
        subscribe(consumer, topics, listener=_Listener(passing, listener), **options)

    AIOKafkaConsumer.subscribe = watched


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types here
    def __init__(self, passing: Passing, listener: ConsumerRebalanceListener) -> None:
        self._passing = passing
        self._listener = listener

    async def on_partitions_revoked(self, revoked: Any) -> None:
        await self._call("revoke", revoked, self._listener.on_partitions_revoked)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        await self._call("assign", assigned, self._listener.on_partitions_assigned)

    async def _call(self, effect: str, partitions: Any, call: Callable[[Any], Awaitable[None]]) -> None:
        if not partitions:
            return await call(partitions)
        self._passing(effect, "before")
        await call(partitions)
        self._passing(effect, "after")
        return None
