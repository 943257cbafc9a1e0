"""The topics of agencies' own, and the groups that read them."""

from collections.abc import Iterable
from uuid import UUID

from schemas.streams import feed_topic
from services.platform.topics import KEEP_DAYS, Topic, kept

_GROUP_PREFIX = "minmai-ingest-feeds."


def feed_group(agency: str, topic_id: UUID) -> str:
    """Return the consumer group that reads it: one a feed, so that none waits for another's.

    And one for each time the topic was made. A reader may outlive a broker whose log is in memory, join again
    and commit an offset of its topic's former life: whoever came next would pass over so many new records.
    """
    return f"{_GROUP_PREFIX}{agency}.{topic_id.hex}"


def feed_topics(agencies: Iterable[str]) -> tuple[Topic, ...]:
    """Return the topics of agencies. Each has one partition: "the newest records" then means one thing."""
    return kept((Topic(feed_topic(agency), 1) for agency in agencies), KEEP_DAYS)
