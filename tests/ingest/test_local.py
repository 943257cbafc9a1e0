"""What the plan and the calendar say of a record."""

from typing import Any

import orjson
import pytest

from schemas import examples
from schemas.envelope import event_type
from tests.ingest.checking import COUNTY, accepted, agency, cloud, plain, refused

EXAMPLES = examples.events()


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event["id"])
def test_every_example_is_accepted_in_the_county(event: dict[str, Any]) -> None:
    checked = accepted(cloud(event, agency(name=examples.SOURCE)))
    assert event_type(checked.stream.name) == event["type"]


def test_tasks_are_those_of_the_plan() -> None:
    report = {"time": "2024-06-30T00:00:00+08:00", "percent": 10, "status": "on_schedule"}
    tasks = COUNTY.tasks
    for number in (min(tasks), max(tasks)):
        assert accepted(plain("task-report", report | {"task": number})).subject == str(number)
    assert refused(plain("task-report", report | {"task": max(tasks) + 1})) == ("unknown_task", "task")


@pytest.mark.parametrize(
    ("time", "status", "is_right"),
    [
        ("2024-05-01T00:00:00+08:00", "held", True),
        ("2024-04-30T16:00:00Z", "held", True),
        ("2024-04-30T23:59:59+08:00", "held", False),
        ("2024-04-30T23:59:59+08:00", "planned", True),
        ("2024-04-30T23:59:59+08:00", "cancelled", True),
    ],
)
def test_an_event_is_not_held_before_its_day_in_the_county(time: str, status: str, is_right: bool) -> None:
    [game] = [event["data"] for event in EXAMPLES if event["id"] == "EXAMPLE-fitness-event-held"]
    outcome = plain("fitness-event", game | {"time": time, "status": status, "day": "2024-05-01"})
    if is_right:
        accepted(outcome)
    else:
        assert refused(outcome) == ("invalid_field", "day")


@pytest.mark.parametrize("name", ["floor_area", "investment"])
@pytest.mark.parametrize("number", [300, "300", "300.00"])
def test_an_optional_amount_may_be_a_whole_number(name: str, number: object) -> None:
    [record] = [event["data"] for event in EXAMPLES if event["id"] == "EXAMPLE-facility-childcare"]
    content = record | {"time": "2024-03-01T00:00:00+08:00", name: number}
    assert orjson.loads(accepted(plain("facility", content)).data)[name] == "300.00"
    assert refused(plain("facility", content | {name: True})) == ("invalid_field", name)


@pytest.mark.parametrize("wrong", ["true", 1, 0, "yes", None])
def test_a_yes_or_no_is_true_or_false(wrong: object) -> None:
    [record] = [event["data"] for event in EXAMPLES if event["id"] == "EXAMPLE-facility-kindergarten"]
    content = record | {"time": "2024-03-01T00:00:00+08:00"}
    assert accepted(plain("facility", content | {"inclusive": False}))
    assert refused(plain("facility", content | {"inclusive": wrong})) == ("invalid_field", "inclusive")
