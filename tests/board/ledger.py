"""A county's records: every kind and measure, with corrections, late ones and withdrawals, from dice.

They go into the log tables as the aggregator's own code writes them. What they must come to is told by the
sample's independent count, not by anything the board uses.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from schemas.consumption_voucher import SPENT, ConsumptionVoucher
from schemas.envelope import event_type, fingerprint
from schemas.facility import KINDS
from schemas.fitness_event import FitnessEvent
from schemas.statistic import CODE_LENGTH, MEASURES
from schemas.streams import STREAMS
from services.aggregate.blocks import Block, Place
from services.aggregate.records import decode, insert
from services.platform.clickhouse import ClickHouse
from tests.aggregate.support import Message
from tests.board.county import plan

FIRST = datetime(2023, 1, 2, 1, tzinfo=UTC)
LAST = datetime(2024, 5, 31, 6, 30, tzinfo=UTC)
LAST_MINUTE = Decimal(7_777)
"""Households that were reported half a second before the end of 20 December 2023."""
SOURCES = ("县卫生健康局", "县民政局", "县教育体育局")

Event = dict[str, Any]


class Ledger:
    """Rolls the records; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._events: list[Event] = []
        self._places = [
            code
            for setting in ("urban", "rural")
            for code in self._dice.sample(
                [one.code for one in plan().divisions.values() if one.setting == setting], 8
            )
        ]

    def events(self) -> list[Event]:
        """All records in the order in which they were received; the newest by time is of LAST."""
        for kind in KINDS:
            self._facilities(kind)
        for number in range(120):
            for moment in self._moments(2):
                self._add("fitness-event", moment, self._fields(FitnessEvent, event_id=f"E{number:03}"))
        for number in range(150):
            self._voucher(f"V{number:04}")
        for measure, spec in MEASURES.items():
            places = [code for code in plan().divisions if len(code) == CODE_LENGTH[spec.level]]
            if spec.level == "community":
                rural = [code for code in self._places if plan().divisions[code].setting == "rural"]
                places = rural if measure == "film_showings" else self._places  # films go to the villages
            for place in places:
                moments = [FIRST, FIRST + timedelta(days=370), *self._moments(1)]
                if measure == "persons_trained":  # nobody has reported this year yet
                    moments = [FIRST]
                for dimension in spec.dimensions or ("",):
                    for moment in moments:
                        value = Decimal(self._dice.randint(0, int(spec.maximum or 5_000)))
                        said: dict[str, Any] = {"division": place, "measure": measure, "dimension": dimension}
                        self._add("statistic", moment, said | {"value": value})
        for number in range(1, 20):
            for moment in self._moments(2):
                said = {"task": number, "percent": self._dice.randint(0, 100), "status": "on_schedule"}
                self._add("task-report", moment, said)
        self._withdraw()
        households = {"division": "532622101", "measure": "households", "dimension": ""}
        noon = datetime(2023, 12, 20, 4, tzinfo=UTC)
        late = timedelta(hours=12) - timedelta(seconds=0.5)
        self._add("statistic", noon, households | {"value": LAST_MINUTE}, late=late)
        self._add("statistic", LAST, households | {"value": Decimal(4_321)}, late=timedelta())
        return sorted(self._events, key=lambda event: event["receivedtime"])

    def _facilities(self, kind: type[BaseModel]) -> None:
        [name] = get_args(kind.model_fields["kind"].annotation)
        for number in range(30 if name == "medical" else 14):
            for moment in self._moments(3):
                said = self._fields(kind, facility_id=f"{name}-{number:02}", kind=name)
                said["status"] = self._dice.choice(["open"] * 4 + ["closed", "building"])
                self._add("facility", moment, said)
            if name == "childcare":
                for moment in self._moments(2):
                    total = self._dice.randint(10, 90)
                    said = {"facility_id": f"{name}-{number:02}", "total": total}
                    said |= {field: self._dice.randint(0, total) for field in ("inclusive", "enrolled")}
                    self._add("childcare-place", moment, said)

    def _voucher(self, name: str) -> None:
        moments = sorted(self._moments(3))
        issued = self._fields(ConsumptionVoucher, voucher_id=name, step="issued")
        issued |= {"order_amount": None, "redeemed_value": None, "merchant_id": None}
        issued["division"] = self._dice.choice(self._places)[:9]
        self._add("consumption-voucher", moments[0], issued)
        steps = ("claimed", self._dice.choice(["redeemed", "expired", "refunded"]))
        for step, moment in zip(steps, moments[1:], strict=False):
            said = issued | {"step": step}
            if step in SPENT:
                said |= {"order_amount": issued["face_value"] * 2, "merchant_id": "M1"}
                said["redeemed_value"] = issued["face_value"] - Decimal("0.50")
            self._add("consumption-voucher", moment, said)

    def _withdraw(self) -> None:
        for event in self._dice.sample(self._events, len(self._events) // 15):
            said = {"stream": _stream(event), "record": event["id"], "reason": "重复上报"}
            moment = datetime.fromisoformat(event["time"]) + timedelta(days=self._dice.randint(0, 60))
            self._add("retraction", min(moment, LAST), said, source=event["source"])

    def _moments(self, most: int) -> list[datetime]:
        seconds = int((LAST - FIRST).total_seconds())
        return [
            FIRST + timedelta(seconds=self._dice.randrange(seconds))
            for _ in range(self._dice.randint(1, most))
        ]

    def _add(
        self,
        stream: str,
        moment: datetime,
        said: dict[str, Any],
        *,
        source: str = "",
        late: timedelta | None = None,
    ) -> None:
        delay = timedelta(seconds=self._dice.choice([1, 60, 86_400 * self._dice.randint(1, 90)]))
        data = {name: value for name, value in said.items() if value is not None}
        self._events.append(
            {
                "specversion": "1.0",
                "id": f"r{len(self._events):05}",
                "source": source or self._dice.choice(SOURCES),
                "type": event_type(stream),
                "time": moment.isoformat(),
                "receivedtime": (moment + (delay if late is None else late)).isoformat(),
                "receipt": f"receipt-{len(self._events) // 50}",
                "data": STREAMS[stream].model.model_validate(data).model_dump(mode="json", exclude_none=True),
            }
        )

    def _fields(self, model: type[BaseModel], **given: Any) -> dict[str, Any]:
        """Roll a record of a model, within what its own checks ask."""
        said = {
            name: self._value(name, field.annotation)
            for name, field in model.model_fields.items()
            if name not in given
        }
        for less, more in (("nursing_beds", "beds"), ("activity_area", "floor_area")):
            if less in said:
                said[less] = min(said[less], said[more])
        return said | given

    def _value(self, name: str, annotation: Any) -> Any:
        dice = self._dice
        kinds = [one for one in get_args(annotation) if one is not type(None)]
        if get_origin(annotation) in (Union, UnionType, Annotated):
            return self._value(name, kinds[0])
        if get_origin(annotation) is Literal:
            return dice.choice(kinds)
        if name == "division":
            return dice.choice(self._places)
        roll: dict[type, Callable[[], Any]] = {
            bool: lambda: dice.random() < 0.6,
            int: lambda: dice.randint(0, 60),
            Decimal: lambda: Decimal(dice.randint(1_000, 90_000)) / 100,
            date: lambda: FIRST.date() + timedelta(days=dice.randrange(570)),
            str: lambda: f"{name} {dice.randint(1, 99)}",
        }
        return roll[annotation]()


def _stream(event: Event) -> str:
    return str(event["type"]).removeprefix("minmai.").removesuffix(".v1")


def write(clickhouse: ClickHouse, events: list[Event], *, first: int = 0) -> None:
    """Insert the records into the log tables; the views follow.

    `first`: the offset of each stream's first record, since a block that was written before counts once.
    """
    for name, stream in STREAMS.items():
        messages = list(_messages(name, [event for event in events if _stream(event) == name], first))
        block = Block(Place(stream.topic, UUID(int=1), 0), first, first + len(messages) - 1)
        records, refused = decode(stream, block.place, messages)
        assert not refused, refused[0]
        insert(clickhouse, stream, block, records)


def _messages(name: str, events: list[Event], first: int) -> Iterator[Message]:
    stream = STREAMS[name]
    for offset, event in enumerate(events, first):
        data: Any = stream.model.model_validate(event["data"])
        full = {
            **event,
            "subject": stream.subject(data.model_dump()),
            "fingerprint": fingerprint(event["type"], "", LAST, data),
        }
        yield Message(offset, stream.event.model_validate(full).model_dump_json().encode())
