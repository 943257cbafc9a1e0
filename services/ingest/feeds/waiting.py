"""How many records wait on each feed: written by the agency, and not yet forwarded."""

import time
from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.streams import feed_topic
from services.ingest.feeds.names import feed_group
from services.platform.errors import Unavailable
from services.platform.topics import topic_ids

_ANSWER_SECONDS = 10.0
_SILENCE_MS = 500
_LONGEST_SECONDS = 5.0


def waiting(bootstrap: str, agencies: Iterable[str]) -> dict[str, int]:
    """Return the number for each agency whose topic exists.

    Raises Unavailable if the broker does not answer.
    """
    places = {name: TopicPartition(feed_topic(name), 0) for name in agencies}
    try:
        with _consumer(bootstrap) as consumer:
            ids = topic_ids(bootstrap, [place.topic for place in places.values()])
            places = {name: place for name, place in places.items() if place.topic in ids}
            ends = _ends(consumer, list(places.values()))
        return {
            name: max(0, ends[place] - _committed(bootstrap, feed_group(name, ids[place.topic]), place))
            for name, place in places.items()
        }
    except (KafkaError, OSError) as error:
        raise Unavailable(f"the Kafka broker at {bootstrap} cannot tell what waits: {error}") from error


def _ends(consumer: KafkaConsumer, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    if not places:
        return {}
    ends: dict[TopicPartition, int] = consumer.end_offsets(places)
    # The embedded broker answers the start of the last batch instead of the end: so that batch is read.
    consumer.assign(places)
    for place, end in ends.items():
        consumer.seek(place, end)
    enough = time.monotonic() + _LONGEST_SECONDS  # who writes on and on is not waited for
    while time.monotonic() < enough and (batches := consumer.poll(timeout_ms=_SILENCE_MS)):
        for place, messages in batches.items():
            ends[place] = messages[-1].offset + 1
    return ends


def _committed(bootstrap: str, group: str, place: TopicPartition) -> int:
    with _consumer(bootstrap, group) as consumer:
        return consumer.committed(place) or 0


def _consumer(bootstrap: str, group: str | None = None) -> KafkaConsumer:
    milliseconds = int(_ANSWER_SECONDS * 1000)
    return KafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="minmai-feeds-waiting",
        group_id=group,
        enable_auto_commit=False,
        bootstrap_timeout_ms=milliseconds,
        request_timeout_ms=milliseconds,
    )
