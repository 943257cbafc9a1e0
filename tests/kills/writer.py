"""The writer: goes on writing pushes to the topics while workers die."""

import threading

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from schemas.envelope import partition_of
from services.ingest.message import Message
from services.platform.topics import describe
from tests.kills.books import Books
from tests.kills.load import Load

_PAUSES = (0.1, 0.5, 2.0)
"""Seconds between pushes: at first, when enough is written, and when a fault takes its time."""


class Writer:
    """Writes from `begin` to `end`, a push at a time, in order and each message once; `books` has it all."""

    def __init__(self, kafka: str, load: Load, books: Books) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "linger.ms": 1,
                "log_level": 2,  # a broker that is away is part of it
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._partitions = {topic.name: topic.partitions for topic in describe(kafka).values()}
        self._load = load
        self._books = books
        self._enough = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: Exception | None = None

    def begin(self, least: int) -> None:
        """Go on writing; `least`: so many records are written even if `end` comes before."""
        self._enough.clear()
        self._thread = threading.Thread(target=self._run, args=(least,), name="writer")
        self._thread.start()

    def end(self) -> None:
        """Return when the broker has acknowledged the last push; raises as `check`."""
        self._enough.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()

    def check(self) -> None:
        """Raise what went wrong while writing."""
        failed, self._failed = self._failed, None
        if failed:
            raise failed

    def _run(self, least: int) -> None:
        begun = self._books.written
        try:
            while not self._enough.is_set() or self._books.written - begun < least:
                self._write(self._load.push())
                times = (self._books.written - begun) // least
                self._enough.wait(_PAUSES[min(times, len(_PAUSES) - 1)])
        except Exception as error:  # told by `end`
            self._failed = error

    def _write(self, messages: list[Message]) -> None:
        errors: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Delivered) -> None:
            if error is not None:
                errors.append(error)

        for message in messages:
            self._producer.produce(
                message.topic,
                message.value,
                message.key,
                partition_of(message.identity, self._partitions[message.topic]),
                on_delivery=delivered,
            )
        self._producer.flush()
        if errors:
            raise RuntimeError(f"the broker has not taken all of a push: {errors[0]}")
        self._books.add(messages)
