"""The topic of an agency's own, and the group that reads it."""

from collections.abc import Iterable

from services.platform.topics import Topic

_TOPIC_PREFIX = "minmai.feed."
_GROUP_PREFIX = "minmai-ingest-feeds."


def feed_topic(agency: str) -> str:
    """Return the topic an agency writes to."""
    return _TOPIC_PREFIX + agency


def feed_group(agency: str) -> str:
    """Return the consumer group that reads it: one a feed, so that none waits for another's."""
    return _GROUP_PREFIX + agency


def feed_topics(agencies: Iterable[str]) -> tuple[Topic, ...]:
    """Return the topics of agencies. Each has one partition: "the newest records" then means one thing."""
    return tuple(Topic(feed_topic(agency), 1) for agency in agencies)
