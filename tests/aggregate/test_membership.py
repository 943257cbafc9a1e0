"""Static membership, with the aggregator as a process: who is back in time, and who takes another's place."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.support import web
from tests.support.brokers import Broker
from tests.support.services import Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

PARTITIONS = 4
ALL = 7 * PARTITIONS + 3


class Worker(Service):
    """An aggregator that may have an instance of its own."""

    def assignments(self) -> int:
        """How many times it was told what to count, in all its lives."""
        return self.log.read_text(encoding="utf-8").count("reader: counts ")

    def partitions(self) -> int:
        """How many partitions it owns."""
        text = web.get(f"{self.url}/metrics", timeout=10).text
        [line] = [one for one in text.splitlines() if one.startswith("minmai_aggregate_partitions ")]
        return int(float(line.split()[1]))


@pytest.fixture
def worker(
    fresh_broker: Broker, pool: ClickHouse, settings: Common, tmp_path: Path
) -> Iterator[Callable[..., Worker]]:
    """Makes workers, not started; at the end they are ended, and their logs shown when the test failed."""
    ensure_topics(fresh_broker.bootstrap, partitions=PARTITIONS)
    made: list[Worker] = []

    def make(instance: str, session_timeout_ms: int = 60_000) -> Worker:
        env = environment(
            kafka=fresh_broker.bootstrap,
            clickhouse_port=settings.clickhouse_port,
            database=settings.clickhouse_database,
            clock="event",
            aggregate_instance=instance,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=5_000,
        )
        made.append(Worker("aggregate", env, tmp_path, log=f"aggregate-{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        one.kill()
        print(one.tail())


@pytest.fixture
def kafka(broker_kind: str) -> None:
    if broker_kind != "kafka":
        pytest.skip("the embedded broker keeps no places and describes no groups: docs/guides/workers.md")


@pytest.mark.usefixtures("kafka")
@pytest.mark.parametrize("end", [Service.stop, Service.kill])
def test_who_is_back_within_the_session_timeout_finds_its_partitions_and_moves_nobody(
    end: Callable[[Service], None], worker: Callable[..., Worker]
) -> None:
    one, other = worker("one"), worker("other")
    one.start()
    other.start()
    shares = eventually(
        lambda: (one.partitions(), other.partitions()), 120, "both count", until=lambda s: sum(s) == ALL
    )
    told = one.assignments()
    end(other)
    other.start()
    assert (one.partitions(), other.partitions()) == shares
    assert one.assignments() == told


@pytest.mark.usefixtures("kafka")
def test_of_two_with_one_name_the_older_ends_and_says_why(worker: Callable[..., Worker]) -> None:
    older, newer = worker("twin"), worker("twin")
    older.start()
    assert older.partitions() == ALL
    newer.start()
    eventually(lambda: not older.running, 120, "the older ends")
    assert older.code not in (0, None)
    assert "has joined as 'twin', the name of this one" in older.tail(400)
    assert "give each worker a MINMAI_AGGREGATE_INSTANCE of its own" in older.tail(400)
    assert newer.running
    assert newer.partitions() == ALL


def test_names_do_no_harm_on_any_broker(worker: Callable[..., Worker]) -> None:
    one, other = worker("one", session_timeout_ms=3_000), worker("other", session_timeout_ms=3_000)
    one.start()
    other.start()
    eventually(
        lambda: (one.partitions(), other.partitions()),
        120,
        "both count",
        until=lambda shares: sum(shares) == ALL and min(shares) > 0,
    )
    other.kill()
    eventually(one.partitions, 120, "the other's partitions are taken over", until=lambda own: own == ALL)
    other.start()
    eventually(
        lambda: (one.partitions(), other.partitions()),
        120,
        "both count again",
        until=lambda shares: sum(shares) == ALL and min(shares) > 0,
    )
