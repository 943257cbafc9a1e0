"""Topic administration, on whichever broker --broker chose."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.streams import (
    ALERT_TOPIC,
    DEAD_LETTER_TOPIC,
    INDICATOR_TOPIC,
    RECEIPT_TOPIC,
    REFUSED_PUSH_TOPIC,
    STREAMS,
)
from services.platform.errors import Unavailable
from services.platform.topics import (
    Asking,
    Topic,
    copies,
    declared,
    describe,
    ensure_kept,
    ensure_topics,
    kept,
    topic_ids,
)
from tests.support.brokers import Broker
from tests.support.ports import free_port
from tests.support.waiting import eventually


def new_name() -> str:
    return f"test.{secrets.token_hex(6)}"


def test_every_stream_and_every_topic_between_services_is_declared() -> None:
    topics = {topic.name: topic for topic in declared(partitions=6)}

    assert {stream.topic for stream in STREAMS.values()} <= topics.keys()
    assert {topics[stream.topic].partitions for stream in STREAMS.values()} == {6}
    others = (DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC, INDICATOR_TOPIC, ALERT_TOPIC)
    assert {topics[name].partitions for name in others} == {1}
    compacted = {name for name, topic in topics.items() if topic.config == {"cleanup.policy": "compact"}}
    assert compacted == {INDICATOR_TOPIC}
    month = {"retention.ms": str(30 * 24 * 3600 * 1000)}
    assert all(topic.config == month for name, topic in topics.items() if name not in compacted)


def test_topics_that_are_there_are_kept_as_long_as_is_said(broker: Broker, broker_kind: str) -> None:
    """The embedded broker tells of no setting, and keeps all as long as it lives."""
    bare, short, compacted, missing = (new_name() for _ in range(4))
    ensure_topics(
        broker.bootstrap,
        topics=[
            Topic(bare, 1),
            *kept([Topic(short, 1)], days=1),
            Topic(compacted, 1, {"cleanup.policy": "compact"}),
        ],
    )
    wanted = kept(
        [
            *(Topic(name, 1) for name in (bare, short, missing)),
            Topic(compacted, 1, {"cleanup.policy": "compact"}),
        ],
        days=2,
    )
    before = {bare: (None, 2.0), short: (1.0 if broker_kind == "kafka" else None, 2.0)}
    assert ensure_kept(broker.bootstrap, wanted, dry_run=True) == before
    assert ensure_kept(broker.bootstrap, wanted) == before
    if broker_kind == "kafka":
        eventually(lambda: not ensure_kept(broker.bootstrap, wanted), 30, "the topics have it")


def test_ensuring_twice_creates_once(fresh_broker: Broker) -> None:
    names = {topic.name for topic in declared()}

    first = ensure_topics(fresh_broker.bootstrap)
    ids = topic_ids(fresh_broker.bootstrap, names)
    second = ensure_topics(fresh_broker.bootstrap)

    assert (set(first.created), first.existing) == (names, ())
    assert (second.created, set(second.existing)) == ((), names)
    assert not second.differing
    assert topic_ids(fresh_broker.bootstrap, names) == ids
    assert {name: state.partitions for name, state in describe(fresh_broker.bootstrap).items()} == {
        topic.name: topic.partitions for topic in declared()
    }
    assert copies(fresh_broker.bootstrap) == 1


def test_topics_ensured_by_several_at_once_are_created_by_one(broker: Broker) -> None:
    wanted = [Topic(new_name(), 2) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: ensure_topics(broker.bootstrap, topics=wanted), range(4)))

    assert sorted(name for report in reports for name in report.created) == sorted(t.name for t in wanted)


def test_another_number_of_partitions_is_reported_and_left(broker: Broker) -> None:
    name = new_name()
    ensure_topics(broker.bootstrap, topics=[Topic(name, 2)])

    report = ensure_topics(broker.bootstrap, topics=[Topic(name, 5)])

    assert report.differing == {name: (2, 5)}
    assert describe(broker.bootstrap, [name])[name].partitions == 2


def test_asking_for_a_topic_does_not_make_it(broker: Broker) -> None:
    name = new_name()

    assert topic_ids(broker.bootstrap, [name]) == {}
    assert name not in describe(broker.bootstrap)


def test_a_topic_made_again_has_another_id(broker: Broker) -> None:
    name = new_name()
    ensure_topics(broker.bootstrap, topics=[Topic(name, 1)])
    before = topic_ids(broker.bootstrap, [name])
    assert topic_ids(broker.bootstrap, [name]) == before

    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.delete_topics([name])
    ensure_topics(broker.bootstrap, topics=[Topic(name, 1)])

    assert topic_ids(broker.bootstrap, [name])[name] != before[name]


def test_who_asks_on_does_not_take_a_new_broker_for_the_old_one(broker: Broker) -> None:
    """Nobody asks while it is away, and the connection of before is gone."""
    topics = [Topic(new_name(), 1)]
    names = [topic.name for topic in topics]
    ensure_topics(broker.bootstrap, topics=topics)
    with closing(Asking(broker.bootstrap)) as asking:
        before = asking.topic_ids(names)
        broker.kill()
        broker.start()
        ensure_topics(broker.bootstrap, topics=topics)
        after = asking.topic_ids(names)
        assert (after == before) is broker.keeps_log
    assert after == topic_ids(broker.bootstrap, names)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_keeps_ids_exactly_if_it_keeps_the_log(broker: Broker, end: str) -> None:
    topics = [Topic(new_name(), 1), Topic(new_name(), 3)]
    names = [topic.name for topic in topics]
    ensure_topics(broker.bootstrap, topics=topics)
    with closing(Asking(broker.bootstrap, timeout=2)) as asking:
        before = asking.topic_ids(names)
        assert before == asking.topic_ids(names) == topic_ids(broker.bootstrap, names)

        getattr(broker, end)()
        with pytest.raises(Unavailable):
            asking.topic_ids(names)
        broker.start()
        report = ensure_topics(broker.bootstrap, topics=topics)
        after = asking.topic_ids(names)
    assert after == topic_ids(broker.bootstrap, names)

    assert set(before) == set(after) == set(names)
    if broker.keeps_log:
        assert not report.created
        assert after == before
    else:
        assert set(report.created) == set(names)
        assert not set(after.values()) & set(before.values())


def test_the_indicator_topic_is_compacted(broker: Broker) -> None:
    if not broker.keeps_log:
        pytest.skip("Tansu takes a topic's configuration but does not report it")
    ensure_topics(broker.bootstrap, topics=declared())
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, INDICATOR_TOPIC)])

    assert found["topic"][INDICATOR_TOPIC]["cleanup.policy"]["value"] == "compact"


def test_no_broker_is_said_with_its_address() -> None:
    nobody = f"127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable, match=nobody):
        describe(nobody, timeout=0.3)
    with pytest.raises(Unavailable, match=nobody):
        ensure_topics(nobody, timeout=0.3)


def test_asking_in_vain_leaves_nothing_behind() -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if "minmai-admin" in thread.name]

    with pytest.raises(Unavailable):
        describe(f"127.0.0.1:{free_port()}", timeout=0.1)

    eventually(threads, 10, "the client's threads end", until=lambda names: not names)
