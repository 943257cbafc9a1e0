"""The fixtures and helpers every other test stands on."""

from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer

from services.platform.topics import Asking, Topic, describe, ensure_topics
from tests.support.brokers import Fresh
from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually, eventually_async


def test_a_database_is_new_and_outlives_a_crash(clickhouse: ClickHouse, database: str) -> None:
    with clickhouse.client(database) as client:
        assert client.execute("SHOW TABLES") == []
        client.execute("CREATE TABLE kept (number UInt8) ENGINE = MergeTree ORDER BY number")
        client.execute("INSERT INTO kept VALUES", [(7,)])

    clickhouse.kill()
    assert not clickhouse.running
    clickhouse.start()

    with clickhouse.client(database) as client:
        assert client.execute("SELECT number FROM kept") == [(7,)]


def test_every_test_has_a_database_of_its_own(clickhouse: ClickHouse, database: str) -> None:
    with clickhouse.client(database) as client:
        assert client.execute("SELECT currentDatabase()") == [(database,)]
        assert client.execute("SHOW TABLES") == []


def test_a_fresh_broker_knows_nothing_of_the_test_before(
    fresh_brokers: Fresh, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Not even of a member of a group that has not left it."""

    def new() -> Path:
        return tmp_path_factory.mktemp("broker")

    with fresh_brokers.lent(new) as first:
        ensure_topics(first.bootstrap, topics=[Topic("test.left", 2)])
        with KafkaProducer(bootstrap_servers=first.bootstrap) as producer:
            producer.send("test.left", b"a record").get(timeout=30)
        member = KafkaConsumer(
            "test.left",
            bootstrap_servers=first.bootstrap,
            group_id="left",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6_000,  # the embedded broker lets a group wait for half of it
            heartbeat_interval_ms=2_000,
        )
        eventually(lambda: member.poll(timeout_ms=200), 60, "the group reads")
        member.commit()
        with closing(Asking(first.bootstrap)) as asking:
            assert asking.committed("left")
    with fresh_brokers.lent(new) as second:
        assert describe(second.bootstrap) == {}
        with closing(Asking(second.bootstrap)) as asking:
            assert asking.committed("left") == {}
    member.close(autocommit=False)


def test_waiting_returns_what_it_waited_for() -> None:
    numbers = iter(range(100))
    assert eventually(lambda: next(numbers), 10, "a seven", until=lambda number: number == 7) == 7


def test_waiting_in_vain_fails_with_what_was_awaited_and_last_seen() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"waited 0 s for: the lamp; last seen: 'dark'"):
        eventually(lambda: "dark", 0, "the lamp", until=lambda seen: seen == "light")


def test_an_assertion_means_not_yet_and_another_error_is_raised_at_once() -> None:
    def unequal() -> bool:
        assert 1 == 2, "one is not two"  # noqa: PLR0133
        return True

    with pytest.raises(pytest.fail.Exception, match="one is not two"):
        eventually(unequal, 0, "equality")
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 / 0, 10, "nothing")


async def test_waiting_for_a_coroutine() -> None:
    numbers = iter(range(100))

    async def seen() -> int:
        return next(numbers)

    assert await eventually_async(seen, 10, "a seven", until=lambda number: number == 7) == 7
    with pytest.raises(pytest.fail.Exception, match="the impossible; last seen: 8"):
        await eventually_async(seen, 0, "the impossible", until=lambda number: number < 0)
