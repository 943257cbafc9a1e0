"""The topics of minmai and their administration, on Kafka and on the embedded broker alike."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from schemas.envelope import event_type
from schemas.streams import (
    ALERT_TOPIC,
    DEAD_LETTER_TOPIC,
    INDICATOR_TOPIC,
    RECEIPT_TOPIC,
    REFUSED_PUSH_TOPIC,
    STREAMS,
)
from services.platform.errors import Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS = 15.0
"""How long a function here waits for the broker before it raises Unavailable."""

KEEP_DAYS = 30
"""How long Kafka keeps the records of a topic that is not compacted, unless the settings say otherwise."""

_POLICY, _RETENTION = "cleanup.policy", "retention.ms"
_DAY = 86_400_000


AGGREGATE_GROUP = "minmai-aggregate"
"""The consumer group of all aggregators. An offset is committed once all before it stands in ClickHouse; what
begins anew asks ClickHouse, not the group."""


@dataclass(frozen=True)
class Topic:
    """A topic as it shall be; `config` in Kafka's own names."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TopicState:
    """A topic as the broker has it. `id` is another one once the topic has been made again; `copies` is how
    many there are of each partition, of that with the fewest.
    """

    name: str
    id: uuid.UUID
    partitions: int
    copies: int


@dataclass(frozen=True)
class TopicsReport:
    """What `ensure_topics` found and did, by topic name.

    `differing` has the existing topics whose number of partitions is another: (found, wanted).
    """

    created: tuple[str, ...]
    existing: tuple[str, ...]
    differing: Mapping[str, tuple[int, int]]


def declared(partitions: int = 4, keep_days: float = KEEP_DAYS) -> tuple[Topic, ...]:
    """Every topic of minmai; `partitions` is how many the streams get.

    The others have one: their readers need one order, and they carry little.
    """
    topics = (
        *(Topic(event_type(stream), partitions) for stream in STREAMS),
        Topic(DEAD_LETTER_TOPIC, 1),
        Topic(RECEIPT_TOPIC, 1),
        Topic(REFUSED_PUSH_TOPIC, 1),
        Topic(INDICATOR_TOPIC, 1, {_POLICY: "compact"}),
        Topic(ALERT_TOPIC, 1),
    )
    return kept(topics, keep_days)


def kept(topics: Iterable[Topic], days: float) -> tuple[Topic, ...]:
    """Return topics that keep their records for so many days; one that is compacted keeps them by key."""
    return tuple(
        topic
        if _POLICY in topic.config
        else replace(topic, config={**topic.config, _RETENTION: str(round(days * _DAY))})
        for topic in topics
    )


def ensure_kept(
    bootstrap: str, topics: Iterable[Topic], *, dry_run: bool = False, timeout: float = TIMEOUT_SECONDS
) -> dict[str, tuple[float | None, float]]:
    """Have existing topics keep their records as long as they are declared to; with `dry_run` only look.

    Returns, by the name of each that differs, the days it had (None: the broker's default) and shall have.
    The embedded broker takes it and tells nothing: its topics live as long as itself. Raises Unavailable if
    the broker does not answer.
    """
    wanted = {topic.name: topic.config[_RETENTION] for topic in topics if _RETENTION in topic.config}
    with _admin(bootstrap, timeout) as admin:
        there = [state.name for state in _states(admin, wanted)]
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
        told = admin.describe_configs(resources)["topic"] if there else {}
        found = {name: _told(told.get(name, {})) for name in there}
        differing = [name for name in there if found[name] != wanted[name]]
        if differing and not dry_run:
            admin.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, name, {_RETENTION: wanted[name]})
                    for name in differing
                ],
                raise_on_unknown=False,  # the embedded broker tells of none
            )
    return {
        name: (int(had) / _DAY if (had := found[name]) else None, int(wanted[name]) / _DAY)
        for name in differing
    }


def ensure_topics(
    bootstrap: str,
    partitions: int = 4,
    replication: int = 1,
    topics: Iterable[Topic] | None = None,
    *,
    timeout: float = TIMEOUT_SECONDS,
) -> TopicsReport:
    """Create the topics that are missing: all of minmai's, or `topics`. Returns when they can be used.

    A topic that exists is left as it is: another number of partitions would part a record from its earlier
    copies, so it is reported, not changed. Raises Unavailable if the broker does not answer or refuses.
    """
    wanted = {topic.name: topic for topic in (declared(partitions) if topics is None else topics)}
    with _admin(bootstrap, timeout) as admin:
        before = {state.name: state for state in _states(admin, wanted)}
        created = tuple(
            name for name in wanted if name not in before and _create(admin, wanted[name], replication)
        )
        admin.wait_for_topics(list(wanted))
    return TopicsReport(
        created=created,
        existing=tuple(name for name in wanted if name not in created),
        differing={
            name: (state.partitions, wanted[name].partitions)
            for name, state in before.items()
            if state.partitions != wanted[name].partitions
        },
    )


def describe(
    bootstrap: str, names: Iterable[str] | None = None, *, timeout: float = TIMEOUT_SECONDS
) -> dict[str, TopicState]:
    """The topics the broker has, by name: all that are not its own, or those of `names` that exist.

    Raises Unavailable if the broker does not answer.
    """
    with _admin(bootstrap, timeout) as admin:
        return {state.name: state for state in _states(admin, names)}


def copies(bootstrap: str, *, timeout: float = TIMEOUT_SECONDS) -> int:
    """How many copies of each partition minmai's topics were made with, as far as they are there: a topic
    that is made later shall have as many. Raises Unavailable if the broker does not answer.
    """
    there = describe(bootstrap, [topic.name for topic in declared()], timeout=timeout)
    return min((max(1, state.copies) for state in there.values()), default=1)


def topic_ids(
    bootstrap: str, names: Iterable[str], *, timeout: float = TIMEOUT_SECONDS
) -> dict[str, uuid.UUID]:
    """The id of each topic of `names` that exists.

    A topic keeps its id as long as its records and offsets mean the same: it survives a restart of Kafka and
    changes when a topic is deleted and made again, as all are when the embedded broker has lost its memory.
    Raises Unavailable if the broker does not answer.
    """
    with _admin(bootstrap, timeout) as admin:
        return _ids(admin, names)


class Asking:
    """Asks a broker again and again over one connection, for as long as it holds: making one takes most of a
    question's CPU time, 25 ms of a thread that keeps all others waiting.

    For one thread at a time; close it.
    """

    def __init__(self, bootstrap: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._bootstrap = bootstrap
        self._timeout = timeout
        self._kept: KafkaAdminClient | None = None

    def topic_ids(self, names: Iterable[str]) -> dict[str, uuid.UUID]:
        """As the function of this name."""
        return self._ask(lambda admin: _ids(admin, names))

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The offsets a consumer group has committed, by topic and partition; none if there is no such group.

        Raises Unavailable if the broker does not answer.
        """
        found = self._ask(lambda admin: admin.list_group_offsets({group: None}))[group]
        return {(place.topic, place.partition): one.offset for place, one in found.items()}

    def close(self) -> None:
        """End the connection; the next question makes another."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        if self._kept is not None:
            try:
                return question(self._kept)
            except (KafkaError, OSError, RuntimeError):  # of the connection, perhaps: a new one tells
                self.close()
        admin = _connected(self._bootstrap, self._timeout)
        try:
            answer = question(admin)
        except BaseException as error:
            admin.close()
            if isinstance(error, KafkaError):
                raise _cannot(self._bootstrap, error) from error
            raise
        self._kept = admin
        return answer


def answers(bootstrap: str, timeout: float = TIMEOUT_SECONDS) -> None:
    """Return if the broker answers a metadata request; raises Unavailable if not within `timeout` seconds."""
    with _admin(bootstrap, timeout) as admin:
        if not admin.describe_cluster()["brokers"]:
            raise Unavailable(f"the Kafka broker at {bootstrap} knows no broker of its cluster yet")


def member_with_instance(
    bootstrap: str, group: str, instance: str, *, timeout: float = TIMEOUT_SECONDS
) -> str | None:
    """Return the id of the member of a group that has a `group.instance.id`, None if none has.

    Each process that joins under the instance gets another id; client id and host stay those of the first.

    Raises Unavailable if the broker does not answer, or cannot tell; the embedded one cannot.
    """
    with _admin(bootstrap, timeout) as admin:
        try:
            members = admin.describe_groups([group])[group]["members"]
        except ValueError as error:  # rights that Kafka does not know, in the embedded broker's answer
            raise Unavailable(f"the broker at {bootstrap} does not describe its groups: {error}") from error
    return next((one["member_id"] for one in members if one.get("group_instance_id") == instance), None)


class _AdminClient(KafkaAdminClient):  # type: ignore[misc]  # kafka-python has no types
    """Whose constructor leaves no thread and no sockets behind when no broker answers."""

    def __init__(self, **config: object) -> None:
        try:
            super().__init__(**config)
        except BaseException:
            self._closed = False  # set by the constructor's last lines; `close` does nothing without it
            self.close()
            raise


def _connected(bootstrap: str, timeout: float) -> KafkaAdminClient:
    milliseconds = max(1, int(timeout * 1000))
    try:
        return _AdminClient(
            bootstrap_servers=bootstrap,
            client_id="minmai-admin",
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
            reconnect_backoff_max_ms=500,
        )
    except (KafkaError, OSError) as error:
        raise Unavailable(
            f"no Kafka broker answers at {bootstrap}: is it started, and is the address right? ({error})"
        ) from error


@contextmanager
def _admin(bootstrap: str, timeout: float) -> Iterator[KafkaAdminClient]:
    admin = _connected(bootstrap, timeout)
    try:
        yield admin
    except KafkaError as error:
        raise _cannot(bootstrap, error) from error
    finally:
        admin.close()


def _cannot(bootstrap: str, error: KafkaError) -> Unavailable:
    return Unavailable(f"the Kafka broker at {bootstrap} cannot do this now: {error}")


def _ids(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, uuid.UUID]:
    return {state.name: state.id for state in _states(admin, names)}


def _states(admin: KafkaAdminClient, names: Iterable[str] | None) -> Iterator[TopicState]:
    wanted = None if names is None else list(names)
    if wanted == []:
        return
    for topic in admin.describe_topics(wanted):
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError or topic["is_internal"]:
            continue
        if topic["error_code"]:
            raise error(topic["name"])
        partitions = topic["partitions"]
        copies = min((len(one["replica_nodes"]) for one in partitions), default=1)
        yield TopicState(topic["name"], uuid.UUID(topic["topic_id"]), len(partitions), copies)


def _told(configs: Mapping[str, object]) -> str | None:
    """Return what a topic's configuration says of its retention; None: nothing, so the broker's default."""
    said = configs.get(_RETENTION)
    value = said.get("value") if isinstance(said, Mapping) else said
    return None if value is None else str(value)


def _create(admin: KafkaAdminClient, topic: Topic, replication: int) -> bool:
    """Whether this call made the topic; another process may have made it since we looked."""
    options = {
        "num_partitions": topic.partitions,
        "replication_factor": replication,
        "configs": dict(topic.config),
    }
    try:
        admin.create_topics({topic.name: options})
    except TopicAlreadyExistsError:
        return False
    return True
