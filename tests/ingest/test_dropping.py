"""Journal segments are dropped when, and only when, ClickHouse has counted all their records."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from schemas.streams import RECEIPT_TOPIC, STREAMS
from services.ingest.agencies import add
from services.ingest.journal import read
from services.ingest.message import Message
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.ingest.support import Service, voucher, wait_for_subjects
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse as Server
from tests.support.waiting import eventually


def count(pool: ClickHouse, messages: Sequence[Message]) -> None:
    """Do what the aggregator does when it counts these vouchers and stores these receipts."""
    names = [UUID(int=one.identity) for one in messages if one.topic != RECEIPT_TOPIC]
    receipts = [one.key.decode() for one in messages if one.topic == RECEIPT_TOPIC]
    pool.insert("receipt", {"receipt": receipts})
    pool.insert(
        "record_identity",
        {
            "stream": ["consumption-voucher"] * len(names),
            "identity": names,
            "fingerprint": names,
            "topic_id": [UUID(int=0)] * len(names),
            "partition": [0] * len(names),
            "offset": list(range(len(names))),
        },
    )


def test_counted_segments_are_dropped_and_the_others_replayed(
    fresh_broker: Broker, clickhouse: Server, migrated: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)
    pool = ClickHouse(settings)
    ensure_topics(fresh_broker.bootstrap)
    headers = {"authorization": f"Bearer {add(tmp_path / 'agencies.json', 'commerce', STREAMS, ['532622'])}"}
    journal = tmp_path / "journal"
    service = Service(
        *(fresh_broker.bootstrap, tmp_path),
        MINMAI_JOURNAL=str(journal),
        MINMAI_JOURNAL_SEGMENT_BYTES="2000",
        MINMAI_CLICKHOUSE_PORT=str(clickhouse.port),
        MINMAI_CLICKHOUSE_DATABASE=migrated,
    )
    request.addfinalizer(service.kill)
    service.start()

    def push(number: int) -> None:
        response = httpx.post(
            f"{service.url}/v1/streams/consumption-voucher",
            json=voucher(number, id=str(number)),
            headers=headers,
        )
        assert response.status_code == 200

    def kept() -> list[list[Message]]:
        return [list(read(path)) for path in sorted(journal.glob("*.journal"))]

    for number in range(7):
        push(number)
    first, second, *_later = kept()
    assert {one.topic for one in second} == {RECEIPT_TOPIC, STREAMS["consumption-voucher"].topic}
    count(pool, [*first, *second[:-1]])  # the first segment, and of the second all but its last receipt
    for number in range(7, 12):  # segments end, which is when they are looked at
        push(number)
    eventually(lambda: first not in kept(), 20, "the counted segment is dropped")
    assert kept()[0] == second

    service.kill()
    count(pool, second)
    fresh_broker.kill()
    fresh_broker.start()
    ensure_topics(fresh_broker.bootstrap)
    service.start()
    done = {one.key for one in [*first, *second]}
    left = {one.key.decode() for segment in kept() for one in segment if one.topic != RECEIPT_TOPIC}
    assert left == {f"v-{number}" for number in range(12)} - {key.decode() for key in done}
    wait_for_subjects(fresh_broker.bootstrap, left)
    pool.close()
