"""Which of the accepted events count: each (source, id) of a stream once, and none that was withdrawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

CloudEvent = Mapping[str, Any]
"""An event as its agency pushed it, or as it lies on a topic."""

RETRACTION = "retraction"

_ENTITY = {
    "facility": "facility_id",
    "childcare-place": "facility_id",
    "fitness-event": "event_id",
    "consumption-voucher": "voucher_id",
    "task-report": "task",
}
"""The field that names what a record is about; a statistic is about its division, measure and dimension."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record that counts."""

    stream: str
    subject: str
    time: datetime
    """When it was so, in UTC."""
    day: date
    """The county's calendar day on which it was so."""
    source: str
    id: str
    data: Mapping[str, Any]

    @property
    def age(self) -> tuple[datetime, str, str]:
        """What orders the records of one entity: the greatest is the newest."""
        return self.time, self.source, self.id


def stream_of(event: CloudEvent) -> str:
    """Return the stream that an event belongs to: `retraction` also where it is written as `op: retract`."""
    if event.get("op") == "retract":
        return RETRACTION
    return str(event["type"]).removeprefix("minmai.").removesuffix(".v1")


def counted(events: Iterable[CloudEvent], known_at: datetime | None = None) -> list[CloudEvent]:
    """Return, of each (source, id) of a stream, the first event accepted; `events` in order of acceptance.

    With `known_at` only those count that were received until then: they need a `receivedtime`.
    """
    return list(_first(events, known_at).values())


def standing(
    events: Iterable[CloudEvent], zone: ZoneInfo, known_at: datetime | None = None, *, stream: str = ""
) -> list[Record]:
    """Return the records (of one stream, if asked) that count and that nobody has withdrawn, oldest first.

    A withdrawal holds for ever and whenever it came, also before its record; it reaches only records of its
    own source.
    """
    first = _first(events, known_at)
    withdrawn = {_withdrawn(event) for name, event in first.items() if name[0] == RETRACTION}
    records = [
        _record(name[0], event, zone)
        for name, event in first.items()
        if name[0] != RETRACTION and stream in ("", name[0]) and name not in withdrawn
    ]
    return sorted(records, key=lambda record: record.age)


def _first(events: Iterable[CloudEvent], known_at: datetime | None) -> dict[tuple[str, str, str], CloudEvent]:
    """By stream, source and id: the event that counts."""
    first: dict[tuple[str, str, str], CloudEvent] = {}
    for event in events:
        if known_at is None or datetime.fromisoformat(event["receivedtime"]) <= known_at:
            first.setdefault((stream_of(event), event["source"], event["id"]), event)
    return first


def last_of_each_day(records: Iterable[Record]) -> list[Record]:
    """Leave of each entity and day the newest record alone, of vouchers every step; `records` oldest first.

    A day is looked at from its end: what was overtaken on the same day has never been so.
    """
    left: dict[tuple[str, str, date, str], Record] = {}
    for record in records:
        step = f"{record.source}/{record.id}" if record.stream == "consumption-voucher" else ""
        left[record.stream, record.subject, record.day, step] = record
    return sorted(left.values(), key=lambda record: record.age)


def _withdrawn(event: CloudEvent) -> tuple[str, str, str]:
    """Return (stream, source, id) of the record that a retraction withdraws.

    An agency may write one as a record of stream `retraction`, or on the record's own stream as
    `op: retract`: with the id in `retracts`, or as the record itself once more.
    """
    if event.get("op") == "retract":
        stream = str(event["type"]).removeprefix("minmai.").removesuffix(".v1")
        return stream, event["source"], event.get("retracts") or event["id"]
    return event["data"]["stream"], event["source"], event["data"]["record"]


def _record(stream: str, event: CloudEvent, zone: ZoneInfo) -> Record:
    data = event["data"]
    if stream == "statistic":
        subject = f"{data['division']}/{data['measure']}/{data.get('dimension') or ''}"
    else:
        subject = str(data[_ENTITY[stream]])
    time = datetime.fromisoformat(event["time"]).astimezone(UTC)
    return Record(stream, subject, time, time.astimezone(zone).date(), event["source"], event["id"], data)
