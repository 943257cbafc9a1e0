"""Questions about a partition's offsets, asked on a connection of their own, in the caller's thread."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from services.platform.errors import Unavailable

Partition = tuple[str, int]
"""(topic, partition)."""

TIMEOUT_SECONDS = 10.0


def ends(bootstrap: str, partitions: Collection[Partition]) -> dict[Partition, int]:
    """Return the offset after the last record of each partition; raises Unavailable.

    The embedded broker answers the first offset of the last batch: there it is a lower bound.
    """
    if not partitions:
        return {}
    with _consumer(bootstrap) as consumer:
        answered = consumer.end_offsets([TopicPartition(*one) for one in partitions])
        return {(one.topic, one.partition): end for one, end in answered.items()}


def has_record(bootstrap: str, partition: Partition, offset: int) -> bool:
    """Whether a record can be read at or after an offset; raises Unavailable.

    An end alone does not tell: a partition may end with offsets that nothing lies at.
    """
    place = TopicPartition(*partition)
    with _consumer(bootstrap) as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        return bool(consumer.poll(timeout_ms=int(TIMEOUT_SECONDS * 1000), max_records=1))


@contextmanager
def _consumer(bootstrap: str) -> Iterator[KafkaConsumer]:
    milliseconds = int(TIMEOUT_SECONDS * 1000)
    try:
        with KafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id="minmai-offsets",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what lay there has been deleted: then the next record waits
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        ) as consumer:
            yield consumer
    except (KafkaError, OSError) as error:
        raise Unavailable(f"the Kafka broker at {bootstrap} does not tell its offsets: {error}") from error
