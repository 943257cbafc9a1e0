"""The topics of agencies' own, and the groups that read them."""

from collections.abc import Iterable

from schemas.streams import feed_topic
from services.platform.topics import Topic

_GROUP_PREFIX = "minmai-ingest-feeds."


def feed_group(agency: str) -> str:
    """Return the consumer group that reads it: one a feed, so that none waits for another's."""
    return _GROUP_PREFIX + agency


def feed_topics(agencies: Iterable[str]) -> tuple[Topic, ...]:
    """Return the topics of agencies. Each has one partition: "the newest records" then means one thing."""
    return tuple(Topic(feed_topic(agency), 1) for agency in agencies)
