"""The streams: which contract, topic, subject and log table each one has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from schemas.childcare_place import ChildcarePlace
from schemas.consumption_voucher import ConsumptionVoucher
from schemas.envelope import Event, event_type, identity
from schemas.facility import KINDS, Facility
from schemas.fitness_event import FitnessEvent
from schemas.retraction import Retraction
from schemas.statistic import Statistic
from schemas.task_report import TaskReport


@dataclass(frozen=True)
class Stream:
    """One stream of records.

    `entity` are the fields that name the entity a record is about. `columns` are the columns of the log table
    that hold the record's own fields, named like them; `derived` are those that follow from the event.
    """

    name: str
    model: type[BaseModel]
    event: type[Event[Any]]
    entity: tuple[str, ...]
    columns: tuple[str, ...]
    derived: Mapping[str, Callable[[Event[Any]], Any]] = field(default_factory=dict, hash=False)

    @cached_property
    def topic(self) -> str:
        return event_type(self.name)

    @property
    def log_table(self) -> str:
        return self.name.replace("-", "_") + "_log"

    def subject(self, data: Mapping[str, Any]) -> str:
        """Return the entity a record is about, from its fields; it is the key on the topic."""
        return "/".join([str(data[name]) for name in self.entity])


def _fields(*models: type[BaseModel], without: str = "") -> tuple[str, ...]:
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    return tuple(name for name in names if name != without)


def _stream(name: str, model: type[BaseModel], entity: str, *kinds: type[BaseModel]) -> Stream:
    columns = _fields(*(kinds or (model,)), without=entity)
    return Stream(name, model, Event[model], (entity,), columns)  # type: ignore[valid-type]  # a type made from a value


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        _stream("facility", Facility, "facility_id", *KINDS),
        _stream("childcare-place", ChildcarePlace, "facility_id"),
        _stream("fitness-event", FitnessEvent, "event_id"),
        _stream("consumption-voucher", ConsumptionVoucher, "voucher_id"),
        Stream(
            *("statistic", Statistic, Event[Statistic]),
            ("division", "measure", "dimension"),
            _fields(Statistic),
        ),
        Stream("task-report", TaskReport, Event[TaskReport], ("task",), _fields(TaskReport)),
        Stream(
            *("retraction", Retraction, Event[Retraction]),
            ("stream", "record"),
            _fields(Retraction),
            {"retracted": lambda event: UUID(int=identity(event.source, event.data.record))},
        ),
    )
}

RETRACTION = STREAMS["retraction"]

DEAD_LETTER_TOPIC = "minmai.dead-letter.v1"
RECEIPT_TOPIC = "minmai.receipt.v1"
REFUSED_PUSH_TOPIC = "minmai.refused-push.v1"
INDICATOR_TOPIC = "minmai.indicator.v1"
ALERT_TOPIC = "minmai.alert.v1"


def feed_topic(agency: str) -> str:
    """Return the topic of an agency's own."""
    return f"minmai.feed.{agency}"
