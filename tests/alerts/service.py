"""The real service in a process of its own, and what stands around it."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.embedded.child import Child
from schemas.alert import AlertChange
from schemas.indicator import Figure
from schemas.streams import ALERT_TOPIC, INDICATOR_TOPIC
from services.platform.topics import declared, ensure_topics
from tests.support import web
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port
from tests.support.waiting import eventually

START_SECONDS = 40.0
WAIT_SECONDS = 30.0

_RUN = "from services.alerts.app import serve; from services.alerts.settings import AlertsSettings; " + (
    "from services.platform.settings import load; import logging; logging.basicConfig(level='INFO'); "
    "serve(load(AlertsSettings))"
)


@dataclass
class Site:
    """A broker, a database and the alerts service on them."""

    broker: Broker
    clickhouse: ClickHouse
    database: str
    directory: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-c", _RUN)
    """What Python runs."""
    port: int = field(default_factory=free_port)
    child: Child | None = None

    def make_topics(self) -> None:
        wanted = [topic for topic in declared() if topic.name in (INDICATOR_TOPIC, ALERT_TOPIC)]
        ensure_topics(self.broker.bootstrap, topics=wanted)

    def launch(self, **extra: str) -> None:
        """Start the service; it need not become ready."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")},
            "MINMAI_KAFKA": self.broker.bootstrap,
            "MINMAI_CLICKHOUSE_PORT": str(self.clickhouse.port),
            "MINMAI_CLICKHOUSE_DATABASE": self.database,
            "MINMAI_PLAN": str(Path(__file__).parents[2] / "plans" / "yanshan"),
            "MINMAI_ALERTS_PORT": str(self.port),
            "MINMAI_NOTICE_FIRST_RETRY_SECONDS": "0.05",
            **self.extra,
            **extra,
        }
        self.child = Child(
            "alerts", [sys.executable, *self.program], env=environment, log=self.directory / "alerts.log"
        )

    def start(self, **extra: str) -> None:
        """Start the service and return when it is ready."""
        self.launch(**extra)
        eventually(self.ready, START_SECONDS, "the alerts service is ready")

    def ready(self) -> bool:
        assert self.child is not None
        self.child.check()
        answer = self.get("/readyz")
        assert answer.status_code == 200, answer.text
        return True

    def get(self, path: str) -> httpx.Response:
        try:
            return web.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)
        except httpx.TransportError as error:
            raise AssertionError(error) from error

    def stop(self) -> None:
        """End it with SIGTERM: its exit code must be 0."""
        assert self.child is not None
        os.kill(self.child.pid, signal.SIGTERM)
        eventually(lambda: not self.child.running, WAIT_SECONDS, "the alerts service ends")  # type: ignore[union-attr]
        assert self.child._process.returncode == 0, self.child.tail()
        self.child = None

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child = None

    def store(self, *figures: Figure) -> None:
        """Write figures to the live table, as the aggregator does first."""
        columns = list(Figure.model_fields)
        with self.clickhouse.client(self.database) as client:
            client.execute(
                f"INSERT INTO indicator_live ({', '.join(columns)}) VALUES",
                [tuple(getattr(figure, column) for column in columns) for figure in figures],
            )

    def announce(self, *figures: Figure) -> None:
        """Produce figures to the indicator topic, as the aggregator does then."""
        producer = KafkaProducer(bootstrap_servers=self.broker.bootstrap)
        try:
            for figure in figures:
                producer.send(
                    INDICATOR_TOPIC,
                    key=f"{figure.indicator}/{figure.division}".encode(),
                    value=figure.model_dump_json().encode(),
                ).get(timeout=15)
        finally:
            producer.close()

    def publish(self, *figures: Figure) -> None:
        for figure in figures:
            self.store(figure)
            self.announce(figure)

    def changes(self, rule: str) -> list[str]:
        """The states a rule went through, by the log."""
        return [
            row[0]
            for row in self.query(
                "SELECT state FROM alert_log WHERE rule = %(rule)s ORDER BY changed_at", rule=rule
            )
        ]

    def ledger(self, channel: str) -> list[tuple[Any, ...]]:
        """(change, attempt, state, answer) of a channel's notices."""
        return self.query(
            "SELECT change, attempt, state, answer FROM alert_notice WHERE channel = %(channel)s"
            " ORDER BY at, attempt, change",
            channel=channel,
        )

    def settled(self, channel: str, state: str = "delivered") -> int:
        """How many notices of a channel have come to an end of that kind."""
        return sum(row[2] == state for row in self.ledger(channel))

    def query(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        with self.clickhouse.client(self.database) as client:
            return list(client.execute(sql, params))

    def announced(self) -> list[tuple[str, AlertChange]]:
        """All of the alert topic: (key, change)."""
        partition = TopicPartition(ALERT_TOPIC, 0)
        consumer = KafkaConsumer(bootstrap_servers=self.broker.bootstrap, enable_auto_commit=False)
        try:
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            records = consumer.poll(timeout_ms=2_000).get(partition, [])
            return [(one.key.decode(), AlertChange.model_validate_json(one.value)) for one in records]
        finally:
            consumer.close()


@contextlib.contextmanager
def ended(site: Site) -> Iterator[Site]:
    """The site, whose service does not outlive the test."""
    try:
        yield site
    finally:
        site.kill()
