"""The broker a test runs on: the embedded one or Apache Kafka, by one interface."""

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


def new_broker(kind: str, directory: Path) -> Broker:
    """A broker on a free port, not yet started; what it keeps lies in `directory`."""
    if kind == "kafka":
        from tests.kafka.broker import KafkaBroker

        return KafkaBroker(directory, free_port(), free_port())
    return EmbeddedBroker(free_port(), log=directory / "broker.log")
