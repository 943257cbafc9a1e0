"""The broker a test runs on: the embedded one or Apache Kafka, by one interface."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from deploy.embedded.broker import EmbeddedBroker
from tests.support.ports import free_port

KINDS = ("embedded", "kafka")


class Broker(Protocol):
    """A broker in a process of its own. `start` returns when it answers."""

    bootstrap: str
    keeps_log: bool
    """Whether topics, records and committed offsets are there again after `kill` or `stop` and `start`."""

    @property
    def running(self) -> bool: ...
    @property
    def pid(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Fresh:
    """Empty brokers. Kafka takes seconds to start, so one that came to no harm is emptied and lent again."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._spare: list[Broker] = []

    @contextmanager
    def lent(self, new_directory: Callable[[], Path]) -> Iterator[Broker]:
        """A running, empty broker for a test, which may kill it; a new one lies in a new directory."""
        if self._spare:
            broker = self._spare.pop()
        else:
            broker = new_broker(self._kind, new_directory())
            broker.start()
        life = broker.pid
        yield broker
        if broker.running and broker.pid == life and self._emptied(broker):
            self._spare.append(broker)
        else:
            broker.stop()

    def stop(self) -> None:
        while self._spare:
            self._spare.pop().stop()

    def _emptied(self, broker: Broker) -> bool:
        if self._kind == "embedded":
            return False  # another one is there sooner
        from tests.kafka.broker import emptied

        return emptied(broker.bootstrap)


def new_broker(kind: str, directory: Path) -> Broker:
    """A broker on a free port, not yet started; what it keeps lies in `directory`."""
    if kind == "kafka":
        from tests.kafka.broker import KafkaBroker

        return KafkaBroker(directory, free_port(), free_port())
    return EmbeddedBroker(free_port(), log=directory / "broker.log")
