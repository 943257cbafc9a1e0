"""What lies on the topics: the sample county's records as ingest writes them, and what goes wrong in life.

Repetitions in the same push, in another and long after, contradictions, withdrawals before and after their
records, records that come late, bytes that are none, and the rest of what ingest writes: receipts, dead
letters and refused pushes. All of it is drawn from one seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

import orjson

from cli.sample.county import County, Pace
from cli.sample.mistakes import SAY_OTHERWISE
from cli.sample.outbox import AGENCIES, Sent
from schemas.dead_letter import DeadLetter
from schemas.envelope import event_type
from schemas.receipt import Receipt
from schemas.refused_push import RefusedPushes
from schemas.streams import RETRACTION, STREAMS
from services.ingest.agencies import Agency
from services.ingest.check import Checked, Checker, Push
from services.ingest.message import Message, of_event, of_letter, of_receipt, of_refused_pushes
from services.ingest.records import Record
from services.platform.plan import Plan

Event = dict[str, Any]

VOUCHERS = STREAMS["consumption-voucher"]

_LATE, _TWICE, _CONTRADICTED, _WITHDRAWN, _GARBAGE = 0.08, 0.08, 0.04, 0.03, 0.03
_BYTES = (b"", b"\xff\xfe", b"not json", b"[]", b'{"specversion": "1.0"}')
_SIZES = (1, 5, 20, 40)
_LATELY = 200


@dataclass
class Load:
    """An endless supply of pushes, the same for the same seed."""

    plan: Plan
    seed: int
    _random: Random = field(init=False)
    _checker: Checker = field(init=False)
    _agencies: dict[str, Agency] = field(init=False)
    _county: Iterator[Sent] = field(init=False)
    _late: list[Event] = field(default_factory=list)
    _said: list[Event] = field(default_factory=list)
    _newest: datetime = datetime(1971, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._checker = Checker(self.plan)
        self._agencies = {
            name: Agency(
                name=name,
                streams=frozenset(streams),
                divisions=(self.plan.county.county,),
                keys=(),
                created=datetime(2022, 1, 1, tzinfo=UTC),
            )
            for name, streams in AGENCIES.items()
        }
        self._county = iter(County(self.plan, lambda _day: Pace(8, 30), seed=self.seed))

    def push(self) -> list[Message]:
        """Return the messages of the next push, in the order of writing."""
        random = self._random
        receipt = f"{random.getrandbits(128):032x}"
        messages = []
        for event in self._events(random.choice(_SIZES)):
            messages.append(self._as_ingest_writes(event, receipt))
            if random.random() < _GARBAGE:
                messages.append(self._garbage())
        records = len(messages)
        messages += [self._letter(receipt), self._receipt(receipt, records), self._refused_push()]
        return messages

    def _events(self, number: int) -> Iterator[Event]:
        random = self._random
        fresh = [sent.event for sent in islice(self._county, number)]
        self._newest = max([self._newest, *(datetime.fromisoformat(one["time"]) for one in fresh)])
        fresh.append(self._task_report())
        random.shuffle(fresh)
        for event in fresh:
            if random.random() < _LATE:
                self._late.append(event)
                continue
            yield event
            self._said.append(event)
            if random.random() < _TWICE:
                yield event
        known = self._said + self._late
        vouchers = [one for one in known[-_LATELY:] if one["type"] == VOUCHERS.topic]
        withdrawn = random.sample(known, round(len(fresh) * _WITHDRAWN) or random.randrange(2))
        for event in [*withdrawn, *random.sample(vouchers, min(1, len(vouchers)))]:
            if event["type"] != RETRACTION.topic:
                yield self._withdrawal(event)
        for event in random.sample(known, round(len(fresh) * _CONTRADICTED) or random.randrange(2)):
            yield self._otherwise(event)
        yield from random.sample(self._said, round(len(fresh) * _TWICE))
        random.shuffle(self._late)
        for _ in range(len(self._late) // 3):
            late = self._late.pop()
            self._said.append(late)
            yield late

    def _task_report(self) -> Event:
        random = self._random
        data = {
            "task": random.choice(list(self.plan.tasks)),
            "percent": random.randrange(101),
            "status": random.choice(["on_schedule", "delayed", "done"]),
            "note": "按计划推进",
        }
        return self._event("task-report", "government-office", data)

    def _withdrawal(self, event: Event) -> Event:
        stream = event["type"].removeprefix("minmai.").removesuffix(".v1")
        said = {"stream": stream, "record": event["id"], "reason": "误报"}
        return self._event(RETRACTION.name, event["source"], said)

    def _event(self, stream: str, source: str, data: dict[str, Any]) -> Event:
        return {
            "specversion": "1.0",
            "id": f"{self._random.getrandbits(64):x}",
            "source": source,
            "type": event_type(stream),
            "time": self._newest.isoformat(),
            "data": data,
        }

    def _otherwise(self, event: Event) -> Event:
        """The record once more, saying something else; a withdrawal cannot."""
        stream = event["type"].removeprefix("minmai.").removesuffix(".v1")
        if stream not in SAY_OTHERWISE:
            return event
        return {**event, "data": SAY_OTHERWISE[stream](event["data"])}

    def _as_ingest_writes(self, event: Event, receipt: str) -> Message:
        received = self._newest + timedelta(seconds=1)
        agency = self._agencies[event["source"]]
        push = Push(agency, receipt, received)
        [checked] = self._checker.events(push, [Record(0, b"", event)])
        assert isinstance(checked, Checked), f"ingest would refuse {event}: {checked}"
        return of_event(push, checked, received)

    def _garbage(self) -> Message:
        """What no ingest writes, under a number, so that no two are alike."""
        random = self._random
        value = random.choice(_BYTES)
        if value:
            value += f" {random.getrandbits(64):x}".encode()
        topic = random.choice(list(STREAMS.values())).topic
        return Message(topic, random.getrandbits(128), b"", value)

    def _letter(self, receipt: str) -> Message:
        letter = DeadLetter(
            id=f"{self._random.getrandbits(128):032x}",
            time=self._newest,
            service="ingest",
            stream="facility",
            source="health-bureau",
            record_id="",
            receipt=receipt,
            place=f"push/{receipt}/0",
            code="not_json",
            field="",
            message="不是 JSON · no JSON",
            encoding="utf-8",
            raw="{",
        )
        return of_letter(letter)

    def _receipt(self, receipt: str, records: int) -> Message:
        return of_receipt(
            Receipt(
                receipt=receipt,
                agency="health-bureau",
                stream="",
                kind="http",
                received_at=self._newest,
                remote="127.0.0.1",
                user_agent="",
                received=records + 1,
                accepted=records,
                duplicate=0,
                rejected=1,
                faults=[],
            )
        )

    def _refused_push(self) -> Message:
        return of_refused_pushes(
            RefusedPushes(
                id=UUID(int=self._random.getrandbits(128)),
                agency="",
                key="",
                method="POST",
                stream="",
                status=401,
                code="unauthorized",
                remote="127.0.0.1",
                user_agent="",
                pushes=1,
                bytes=0,
                first_at=self._newest,
                last_at=self._newest,
            )
        )


def read(message: Message) -> Event | None:
    """The event on a stream topic as plain JSON; None if it is none."""
    try:
        event = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) and "fingerprint" in event else None
