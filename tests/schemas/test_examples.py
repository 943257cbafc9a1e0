"""The examples: each right by the contract and by the JSON Schema, and nothing left without one."""

from pathlib import Path
from typing import Any, get_args

import pytest

from schemas import examples
from schemas.consumption_voucher import Step
from schemas.envelope import Pushed, event_type
from schemas.facility import KINDS
from schemas.fitness_event import FitnessEvent
from schemas.statistic import MEASURES
from schemas.streams import STREAMS
from schemas.task_report import TaskStatus
from tests.schemas.validating import validator

EVENTS = examples.events()


@pytest.mark.parametrize(
    ("path", "event"),
    [
        pytest.param(path, event, id=f"{path.parent.name}/{path.stem}")
        for path, event in zip(examples.paths(), EVENTS, strict=True)
    ],
)
def test_it_is_right(path: Path, event: dict[str, Any]) -> None:
    stream = STREAMS[path.parent.name]
    assert event["type"] == event_type(stream.name)
    Pushed[stream.model].model_validate(event)  # type: ignore[name-defined]  # a type made from a value
    validator("event").validate(event)
    validator(stream.name).validate(event["data"])


def test_it_is_plainly_invented() -> None:
    ids = [event["id"] for event in EVENTS]
    assert len(set(ids)) == len(ids)
    assert {event["source"] for event in EVENTS} == {examples.SOURCE}
    for event in EVENTS:
        assert event["id"].startswith("EXAMPLE-")
        named = {name: value for name, value in event["data"].items() if name.endswith("_id")}
        assert all(value.startswith("EXAMPLE-") for value in named.values())


def told(stream: str, *fields: str) -> set[tuple[Any, ...]]:
    found = [event["data"] for event in EVENTS if event["type"] == event_type(stream)]
    return {tuple(data.get(field, "") for field in fields) for data in found}


def test_there_is_one_of_everything() -> None:
    assert {event["type"] for event in EVENTS} == {event_type(stream) for stream in STREAMS}
    assert told("facility", "kind") == {get_args(kind.model_fields["kind"].annotation) for kind in KINDS}
    assert told("statistic", "measure", "dimension") == {
        (name, dimension) for name, spec in MEASURES.items() for dimension in spec.dimensions or ("",)
    }
    assert told("consumption-voucher", "step") == {(step,) for step in get_args(Step)}
    statuses = get_args(FitnessEvent.model_fields["status"].annotation)
    assert told("fitness-event", "status") == {(status,) for status in statuses}
    assert told("task-report", "status") == {(status,) for status in get_args(TaskStatus)}
    [(stream, record)] = told("retraction", "stream", "record")
    assert record in {event["id"] for event in EVENTS if event["type"] == event_type(stream)}
