"""An agency's own topic while ingest, then the broker, is killed: all on it counts, once, and adds up."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.streams import STREAMS, feed_topic
from services.ingest.agencies import add
from services.ingest.feeds.names import feed_topics
from services.platform import clickhouse as platform
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.e2e.judging import records_counted
from tests.ingest.support import event
from tests.support.brokers import Broker
from tests.support.services import Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

AGENCY = "commerce"
MESSAGES = 3_000
WRONG = 5
"""Every so many-th message is wrong."""

_COUNTED_SECONDS = 120


def messages(first: int) -> list[dict[str, Any]]:
    """What the agency writes, right and wrong; every id is another."""
    return [
        event(number, source=AGENCY, face_value="many" if number % WRONG == 0 else "5.00")
        for number in range(first, first + MESSAGES)
    ]


def write(bootstrap: str, values: Sequence[dict[str, Any]]) -> None:
    """Return when the broker has acknowledged every one."""
    with KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=False) as producer:
        sent = [producer.send(feed_topic(AGENCY), json.dumps(value).encode()) for value in values]
        producer.flush(60)
        for one in sent:
            one.get(timeout=1)


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """Ingest and the aggregator; their logs are shown when the test fails."""
    add(tmp_path / "agencies.json", AGENCY, STREAMS, ["532622"], feed=True)
    ensure_topics(settings.kafka, topics=feed_topics([AGENCY]))
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="wall",
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        write_timeout=2,
        session_timeout_ms=2_000,
        rebalance_timeout_ms=2_000,
    )
    ingest, aggregate = Service("ingest", env, tmp_path), Service("aggregate", env, tmp_path)
    yield ingest, aggregate
    for service in (ingest, aggregate):
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


class Account:
    """What ClickHouse has of the feed."""

    def __init__(self, db: platform.ClickHouse, aggregate: Service) -> None:
        self._db = db
        self._aggregate = aggregate

    def counted(self) -> set[str]:
        if not self._aggregate.running:  # it ends when its broker fails in a way it does not know
            self._aggregate.start(ready=False)  # as its supervisor does
        return {id for (id,) in self._db.query("SELECT id FROM consumption_voucher_log")}

    def refused(self) -> set[str]:
        return {id for (id,) in self._db.query("SELECT record_id FROM dead_letter WHERE service = 'ingest'")}

    def receipts(self) -> dict[str, int]:
        """The sums of the receipts' lines; fails if a line does not add up."""
        rows = self._db.rows("SELECT kind, received, accepted, duplicate, rejected FROM receipt FINAL")
        assert all(row["kind"] == "feed" for row in rows)
        for row in rows:
            assert row["received"] == row["accepted"] + row["duplicate"] + row["rejected"]
        names = ("received", "accepted", "duplicate", "rejected")
        return {name: sum(row[name] for row in rows) for name in names}

    def open_accounts(self) -> list[Any]:
        """Receipts whose accepted records are not all accounted for."""
        return self._db.query(
            "SELECT receipt, accepted, told FROM (SELECT * FROM receipt FINAL) AS one LEFT JOIN ("
            " SELECT receipt, length(groupUniqArrayArray(arrayConcat(counted, duplicate))) AS told"
            " FROM receipt_counted FINAL GROUP BY receipt) AS accounts USING receipt WHERE accepted != told"
        )

    def has(self, written: Sequence[dict[str, Any]]) -> bool:
        """Whether all that was written is counted or refused."""
        return self.counted() | self.refused() >= {one["id"] for one in written}


def test_all_on_a_feed_counts_once_though_ingest_and_the_broker_are_killed(
    settings: Common,
    db: platform.ClickHouse,
    services: tuple[Service, Service],
    fresh_broker: Broker,
) -> None:
    ingest, aggregate = services
    account = Account(db, aggregate)
    aggregate.start()
    ingest.start()

    first = messages(0)
    write(settings.kafka, first)
    in_the_middle(account, 0)
    ingest.kill()
    ingest.start()
    everything(account, first)

    second = messages(MESSAGES)
    write(settings.kafka, second)
    in_the_middle(account, MESSAGES)
    fresh_broker.kill()
    fresh_broker.start()
    ensure_topics(settings.kafka)
    if not fresh_broker.keeps_log:  # what lay on the topic is gone with it, and only its sender has it
        ensure_topics(settings.kafka, topics=feed_topics([AGENCY]))
        write(settings.kafka, second)
    everything(account, [*first, *second])

    written = [*first, *second]
    right = {one["id"] for one in written if one["data"]["face_value"] == "5.00"}
    assert account.counted() == right
    # A block's rows stand in the log a moment before those of its views.
    counted = eventually(
        lambda: records_counted(db), _COUNTED_SECONDS, "all is summed up", until=lambda sum: sum >= len(right)
    )
    assert counted == len(right)
    assert account.refused() == {one["id"] for one in written} - right
    sums = eventually(
        account.receipts, _COUNTED_SECONDS, "the receipts hold all", until=partial(_holds, len(written))
    )
    assert sums["accepted"] + sums["duplicate"] >= len(right)
    assert sums["rejected"] >= len(written) - len(right)
    assert (
        eventually(
            account.open_accounts,
            _COUNTED_SECONDS,
            "every receipt is accounted for",
            until=lambda left: not left,
        )
        == []
    )


def in_the_middle(account: Account, before: int) -> None:
    """Return when some of what was written last is counted, and not yet all."""
    right = MESSAGES - MESSAGES // WRONG
    begin = before - before // WRONG

    def some() -> int:
        return len(account.counted()) - begin

    assert eventually(some, _COUNTED_SECONDS, "some is counted") < right


def everything(account: Account, written: Sequence[dict[str, Any]]) -> None:
    whole: Callable[[], bool] = partial(account.has, written)
    eventually(whole, _COUNTED_SECONDS, "all that was written is counted or refused")


def _holds(number: int, sums: dict[str, int]) -> bool:
    return sums["received"] >= number
