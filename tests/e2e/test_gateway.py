"""Agencies push on while every process dies once: the answers, the receipts and the tables agree.

`python -m benchmarks.soak` does the same for an hour, at a county's pace.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ingest.agencies import add
from services.platform import clickhouse as platform
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.e2e.reckoning import settled_receipts, wait_for_tables
from tests.e2e.senders import STREAM, ApiSender, FileSender, Pace, Sender, TopicSender, at_work
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment

pytestmark = pytest.mark.long

_ANSWERED_SECONDS = 90
_COUNTED_SECONDS = 120


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[dict[str, Service]]:
    """Ingest and the aggregator, not started; their logs are shown when the test fails."""
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="wall",
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        write_timeout=2,
        block_records=400,
        session_timeout_ms=2_000,
        rebalance_timeout_ms=2_000,
    )
    both = {name: Service(name, env, tmp_path) for name in ("ingest", "aggregate")}
    yield both
    for service in both.values():
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


def test_answers_receipts_and_tables_agree_though_every_process_dies(  # noqa: PLR0917 - fixtures
    settings: Common,
    db: platform.ClickHouse,
    services: dict[str, Service],
    tmp_path: Path,
    fresh_broker: Broker,
    clickhouse: ClickHouse,
) -> None:
    ingest, aggregate = services["ingest"], services["aggregate"]
    keys = {
        name: add(tmp_path / "agencies.json", name, [STREAM], ["532622"], feed=name == "chamber")
        for name in ("bureau", "market", "bank", "chamber")
    }
    ingest.start()
    aggregate.start()
    often = Pace((1, 20, 100))
    senders: list[Sender] = [
        *(ApiSender(name, often, ingest.url, keys[name]) for name in ("bureau", "market")),
        FileSender("bank", often, ingest.url, keys["bank"]),
        TopicSender("chamber", Pace((1, 20), pause=(0.1, 0.3)), settings.kafka),
    ]
    with at_work(senders) as go_on:
        go_on(senders, _ANSWERED_SECONDS)
        ingest.kill()
        ingest.start()
        go_on(senders, _ANSWERED_SECONDS)
        aggregate.kill()
        aggregate.start(ready=False)
        go_on(senders, _ANSWERED_SECONDS)
        fresh_broker.kill()
        fresh_broker.start()
        ensure_topics(settings.kafka)
        go_on(senders, _ANSWERED_SECONDS)
        clickhouse.kill()
        clickhouse.start()
        go_on(senders, _ANSWERED_SECONDS)

    assert sum(sender.interrupted for sender in senders) > 0
    wait_for_tables(db, senders, _COUNTED_SECONDS, keeps_log=fresh_broker.keeps_log)
    settled_receipts(ingest.url, keys, senders, _COUNTED_SECONDS)
