"""What the sample county's agencies say, and when each record leaves for minmai."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from schemas.envelope import event_type
from schemas.streams import STREAMS

HEALTH, CIVIL, EDUCATION, COMMERCE, STATISTICS = (
    "health-bureau",
    "civil-affairs-bureau",
    "education-sports-bureau",
    "commerce-bureau",
    "statistics-bureau",
)

AGENCIES: dict[str, tuple[str, ...]] = {
    HEALTH: ("facility", "childcare-place"),  # 县卫生健康局
    CIVIL: ("facility",),  # 县民政局
    EDUCATION: ("facility", "fitness-event"),  # 县教育体育局
    COMMERCE: ("consumption-voucher",),  # 县工信商务局
    STATISTICS: ("statistic",),  # 县统计局
}
"""Each agency of the sample, with the streams it sends."""

_LATE_SHARE = 0.04
_LATE_DAYS = (1, 20)


@dataclass(frozen=True)
class Sent:
    """The CloudEvents event that `agency` sends at `moment`, never before the event's own time."""

    moment: datetime
    agency: str
    stream: str
    event: dict[str, Any]


class Outbox:
    """Holds records until the moment they are sent; some are sent days late, as in life."""

    def __init__(self, random: Random, zone: ZoneInfo) -> None:
        self._random = random
        self._zone = zone
        self._waiting: list[tuple[datetime, int, Sent]] = []
        self._order = count()

    def at(self, day: date, hour: float) -> datetime:
        """The moment of a county's day, `hour` in [0, 24) with fractions, to the second."""
        return datetime.combine(day, time(), self._zone) + timedelta(seconds=int(hour * 3600))

    def say(
        self,
        agency: str,
        stream: str,
        data: dict[str, Any],
        time: datetime,
        *,
        sent: datetime | None = None,
    ) -> None:
        """Put in a record that was so at `time`; `sent` says when it leaves (else soon, sometimes late)."""
        event = {
            "specversion": "1.0",
            "id": _id(stream, data, time),
            "source": agency,
            "type": event_type(stream),
            "subject": STREAMS[stream].subject(data),
            "time": time.isoformat(),
            "data": data,
        }
        moment = sent or time + self._delay()
        heapq.heappush(self._waiting, (moment, next(self._order), Sent(moment, agency, stream, event)))

    def leaving(self, before: datetime) -> Iterator[Sent]:
        """Take out what is sent before a moment, in the order of sending."""
        while self._waiting and self._waiting[0][0] < before:
            yield heapq.heappop(self._waiting)[2]

    def _delay(self) -> timedelta:
        if self._random.random() < _LATE_SHARE:
            return timedelta(days=self._random.uniform(*_LATE_DAYS))
        return timedelta(seconds=self._random.randrange(2, 600))


def _id(stream: str, data: dict[str, Any], time: datetime) -> str:
    """An id made of the content: a county played again, with whatever pace, never contradicts itself."""
    said = orjson.dumps([stream, data, time], option=orjson.OPT_SORT_KEYS)
    return blake2b(said, digest_size=10).hexdigest()
