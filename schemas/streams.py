"""The streams: which contract, topic, subject and log table each one has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from schemas.childcare_place import ChildcarePlace
from schemas.consumption_voucher import ConsumptionVoucher
from schemas.envelope import Event, event_type
from schemas.facility import Facility
from schemas.fitness_event import FitnessEvent
from schemas.statistic import Statistic


@dataclass(frozen=True)
class Stream:
    """One stream of records.

    `subject` gives the entity a record is about, from the record as a plain dict; it is the key on the topic.
    """

    name: str
    model: type[BaseModel]
    event: type[Event[Any]]
    subject: Callable[[dict[str, Any]], str]

    @property
    def topic(self) -> str:
        return event_type(self.name)

    @property
    def log_table(self) -> str:
        return self.name.replace("-", "_") + "_log"


def _statistic_subject(data: dict[str, Any]) -> str:
    return "/".join((data["division"], data["measure"], data["dimension"]))


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        Stream("facility", Facility, Event[Facility], lambda data: str(data["facility_id"])),
        Stream(
            "childcare-place", ChildcarePlace, Event[ChildcarePlace], lambda data: str(data["facility_id"])
        ),
        Stream("fitness-event", FitnessEvent, Event[FitnessEvent], lambda data: str(data["event_id"])),
        Stream(
            "consumption-voucher",
            ConsumptionVoucher,
            Event[ConsumptionVoucher],
            lambda data: str(data["voucher_id"]),
        ),
        Stream("statistic", Statistic, Event[Statistic], _statistic_subject),
    )
}

DEAD_LETTER_TOPIC = "minmai.dead-letter.v1"
INDICATOR_TOPIC = "minmai.indicator.v1"
ALERT_TOPIC = "minmai.alert.v1"
