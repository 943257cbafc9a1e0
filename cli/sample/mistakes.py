"""What agencies get wrong: records that ingest must refuse, contradictions, and records sent twice."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

from cli.sample.outbox import Sent

Event = dict[str, Any]

_WRONG, _TWICE, _CONTRADICTED = 0.004, 0.006, 0.001

SAY_OTHERWISE: dict[str, Callable[[Event], Event]] = {
    "facility": lambda data: {**data, "name": f"{data['name']}（新）"},
    "childcare-place": lambda data: {**data, "enrolled": data["enrolled"] + 1},
    "fitness-event": lambda data: {**data, "participants": data["participants"] + 7},
    "consumption-voucher": lambda data: {**data, "face_value": f"{float(data['face_value']) + 0.01:.2f}"},
    "statistic": lambda data: {**data, "value": "1"},
    "task-report": lambda data: {**data, "note": f"{data['note']}（补充）"},
}


def with_mistakes(sent: Iterator[Sent], random: Random) -> Iterator[Sent]:
    """Put mistakes among what is sent, in the order of sending.

    A record that must be refused has its code in `wrong`. A contradiction says something else under the id
    of a record sent before, and a repetition the same: neither counts, and both are accepted (unless they
    lie in one push with the first: then ingest refuses the contradiction as `conflict`).
    """
    waiting: list[tuple[Any, int, Sent]] = []
    order = count()

    def later(one: Sent) -> None:
        moment = one.moment + timedelta(hours=random.expovariate(1 / 24))
        heapq.heappush(waiting, (moment, next(order), replace(one, moment=moment)))

    for one in sent:
        while waiting and waiting[0][0] <= one.moment:
            yield heapq.heappop(waiting)[2]
        yield one
        if random.random() < _WRONG and one.stream in _SPOIL:
            later(_spoiled(one, random))
        if random.random() < _TWICE:
            later(one)
        if random.random() < _CONTRADICTED and one.stream in SAY_OTHERWISE:
            said = SAY_OTHERWISE[one.stream](one.event["data"])
            later(replace(one, event={**one.event, "data": said}))


def _spoiled(one: Sent, random: Random) -> Sent:
    """The record with a mistake, under an id of its own; refused as an event and as a plain record alike."""
    code, spoil = random.choice(_SPOIL[one.stream])
    event = spoil({**one.event, "data": dict(one.event["data"])})
    return replace(one, event={**event, "id": f"{one.event['id']}x"}, wrong=code)


def _with(**changes: Any) -> Callable[[Event], Event]:
    return lambda event: {**event, "data": {**event["data"], **changes}}


def _without(name: str) -> Callable[[Event], Event]:
    return lambda event: {
        **event,
        "data": {key: value for key, value in event["data"].items() if key != name},
    }


_TIMES: tuple[tuple[str, Callable[[Event], Event]], ...] = (
    ("time_out_of_range", lambda event: {**event, "time": "2099-01-01T00:00:00+08:00"}),
    ("time_out_of_range", lambda event: {**event, "time": "1969-12-31T09:00:00+08:00"}),
    ("invalid_field", lambda event: {**event, "time": "2024年5月1日"}),
)

_SPOIL: dict[str, tuple[tuple[str, Callable[[Event], Event]], ...]] = {
    "facility": (
        *_TIMES,
        ("invalid_field", _with(status="opened")),
        ("invalid_field", _with(floor_area="约300")),
        ("unknown_field", _with(remark="新建")),
        ("unknown_division", _with(division="999999999999")),
        ("missing_field", _without("name")),
    ),
    "childcare-place": (
        *_TIMES,
        ("invalid_field", lambda event: _with(inclusive=event["data"]["total"] + 1)(event)),
        ("missing_field", _without("enrolled")),
    ),
    "fitness-event": (
        *_TIMES,
        ("invalid_field", _with(participants=-5)),
        ("invalid_field", _with(day="2024-02-30")),
    ),
    "consumption-voucher": (
        *_TIMES,
        ("invalid_field", _with(face_value="20.005")),
        ("invalid_field", _with(step="used")),
        ("unknown_division", _with(division="999999999")),
        ("missing_field", _without("sector")),
    ),
    "statistic": (
        ("invalid_field", _with(value="-1")),
        ("invalid_field", _with(measure="happiness")),
        ("missing_field", _without("value")),
    ),
    "task-report": (
        ("invalid_field", _with(percent=101)),
        ("unknown_task", _with(task=99)),
        ("missing_field", _without("status")),
    ),
}
