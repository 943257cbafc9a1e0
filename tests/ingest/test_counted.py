"""Which records have been counted, asked of a real ClickHouse."""

from uuid import UUID

import pytest

from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC
from services.ingest.counted import all_counted
from services.ingest.message import Message
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse as Server


def message(number: int, stream: str = "facility") -> Message:
    return Message(f"minmai.{stream}.v1", number, b"k", b"{}")


def test_only_what_has_its_identity_in_its_stream_is_counted(clickhouse: Server, migrated: str) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)
    pool = ClickHouse(settings)
    many = [message(number) for number in range(25_000)]
    assert not all_counted(pool, many)
    identities = [UUID(int=one.identity) for one in many]
    pool.insert(
        "record_identity",
        {
            "stream": ["facility"] * len(many),
            "identity": identities,
            "fingerprint": identities,
            "topic_id": identities,
            "partition": [0] * len(many),
            "offset": list(range(len(many))),
        },
    )
    assert all_counted(pool, [])
    assert all_counted(pool, [*many, *many])
    assert not all_counted(pool, [*many, message(25_000)])
    assert not all_counted(pool, [message(25_000), *many])
    assert not all_counted(pool, [*many, message(1, "statistic")])
    pool.close()


def letter(number: int, receipt: str) -> Message:
    return Message(DEAD_LETTER_TOPIC, number, str(number).encode(), b'{"receipt":"%b"}' % receipt.encode())


def test_a_dead_letter_is_stored_once_the_push_it_came_with_has_it(clickhouse: Server, migrated: str) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)
    pool = ClickHouse(settings)
    many = [letter(number, "first") for number in range(2_500)]
    assert not all_counted(pool, many)
    pool.insert(
        "dead_letter",
        {
            "id": [one.key.decode() for one in many],
            "receipt": ["first"] * len(many),
            "service": ["ingest"] * len(many),
            "place": [f"push/first/{number}" for number in range(len(many))],
        },
    )
    assert all_counted(pool, many)
    assert not all_counted(pool, [*many, letter(2_500, "first")])
    assert not all_counted(
        pool, [letter(1, "second")]
    )  # the same refusal, by a push whose letter is not there
    pool.close()


def test_a_receipt_that_has_grown_is_held_to_all_or_to_what_it_promised(
    clickhouse: Server, migrated: str
) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=migrated)
    pool = ClickHouse(settings)
    receipt = UUID(int=1)
    early, late = (
        Message(RECEIPT_TOPIC, receipt.int, receipt.hex.encode(), b'{"accepted":%d}' % accepted)
        for accepted in (2, 3)
    )
    assert not all_counted(pool, [early], grown=False)
    pool.insert("receipt", {"receipt": [receipt.hex] * 2, "accepted": [2, 3]})
    for counted, whole, as_promised in (([1], False, False), ([1, 2], False, True), ([1, 2, 3], True, True)):
        pool.insert(
            "receipt_counted",
            {
                "receipt": [receipt.hex],
                "stream": ["facility"],
                "counted": [[UUID(int=number) for number in counted]],
                "first_offset": [len(counted)],
            },
        )
        assert all_counted(pool, [early]) == whole
        assert all_counted(pool, [early], grown=False) == as_promised
    assert all_counted(pool, [early, late], grown=False)
    pool.close()


def test_without_clickhouse_it_cannot_be_told() -> None:
    with pytest.raises(Unavailable):
        all_counted(ClickHouse(Common(clickhouse_port=1)), [message(1)])
