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
HOUSING, LAND, LABOUR, CULTURE, UNION, REFORM, FINANCE, OFFICE = (
    "housing-bureau",
    "natural-resources-bureau",
    "human-resources-bureau",
    "culture-tourism-bureau",
    "trade-union",
    "development-reform-bureau",
    "finance-bureau",
    "government-office",
)

AGENCIES: dict[str, tuple[str, ...]] = {
    HEALTH: ("facility", "childcare-place", "statistic", "task-report"),  # 县卫生健康局
    CIVIL: ("facility", "statistic", "task-report"),  # 县民政局
    EDUCATION: ("facility", "fitness-event", "statistic", "task-report"),  # 县教育体育局
    COMMERCE: ("facility", "consumption-voucher", "statistic", "task-report"),  # 县工信商务局
    STATISTICS: ("statistic",),  # 县统计局
    HOUSING: ("facility", "statistic"),  # 县住房城乡建设局
    LAND: ("statistic", "task-report"),  # 县自然资源局
    LABOUR: ("statistic", "task-report"),  # 县人力资源社会保障局
    CULTURE: ("facility", "statistic", "task-report"),  # 县文化和旅游局
    UNION: ("facility",),  # 县总工会
    REFORM: ("statistic",),  # 县发展改革局
    FINANCE: ("facility", "task-report"),  # 县财政局
    OFFICE: ("task-report",),  # 县政府办公室，代其余牵头单位上报 · for every other lead department
}
"""Each agency of the sample, with the streams it sends; whoever sends a stream may withdraw records in it."""

_LATE_SHARE = 0.04
_LATE_DAYS = (1, 20)


@dataclass(frozen=True)
class Sent:
    """The CloudEvents event that `agency` sends at `moment`, never before the event's own time.

    `wrong` is the code ingest must refuse it with; empty: it must be accepted.
    """

    moment: datetime
    agency: str
    stream: str
    event: dict[str, Any]
    wrong: str = ""


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
    ) -> str:
        """Put in a record that was so at `time` and return its id.

        `sent` says when it leaves (else soon, sometimes late).
        """
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
        return str(event["id"])

    def withdraw(self, agency: str, stream: str, record: str, reason: str, time: datetime) -> None:
        """Put in the withdrawal of a record; it leaves at once, be the record itself still on its way."""
        data = {"stream": stream, "record": record, "reason": reason}
        self.say(agency, "retraction", data, time, sent=time)

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
