"""What the agencies of the proof push: the sample shuffled, partly twice, with mistakes in between."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from cli.sample.outbox import Sent

Event = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One record of a push. `wrong` is the code ingest must refuse it with; empty: it must be taken."""

    content: Any
    wrong: str = ""


def _data(event: Event, **changes: Any) -> Event:
    return {**event, "data": {**event["data"], **changes}}


# Each makes of a right record of its stream a wrong one.
_MISTAKES: tuple[tuple[str, str, Callable[[Event], Any]], ...] = (
    ("consumption-voucher", "invalid_field", lambda one: _data(one, face_value="-0.01")),
    ("consumption-voucher", "invalid_field", lambda one: _data(one, face_value="20.005")),
    ("consumption-voucher", "invalid_field", lambda one: _data(one, step="lost")),
    ("consumption-voucher", "unknown_division", lambda one: _data(one, division="532622999")),
    ("consumption-voucher", "time_out_of_range", lambda one: {**one, "time": "2999-01-01T00:00:00Z"}),
    ("facility", "invalid_field", lambda one: _data(one, floor_area="wide")),
    ("facility", "unknown_field", lambda one: _data(one, colour="red")),
    ("facility", "invalid_field", lambda one: _data(one, kind="castle")),
    ("childcare-place", "invalid_field", lambda one: _data(one, inclusive=one["data"]["total"] + 1)),
    (
        "childcare-place",
        "missing_field",
        lambda one: {**one, "data": {"facility_id": one["data"]["facility_id"]}},
    ),
    ("childcare-place", "wrong_source", lambda one: {**one, "source": "civil-affairs-bureau"}),
    ("fitness-event", "invalid_field", lambda one: {**one, "time": "2024-05-01T09:00:00"}),
    ("fitness-event", "invalid_field", lambda one: {**one, "subject": "another"}),
    ("statistic", "unknown_type", lambda one: {**one, "type": "minmai.weather.v1"}),
    ("statistic", "invalid_field", lambda one: _data(one, division="5326221011")),
    ("task-report", "unknown_task", lambda one: _data(one, task=36)),
    ("retraction", "invalid_field", lambda one: _data(one, reason="")),
    ("statistic", "not_object", lambda one: f"{one['id']} as a text"),
)

# Each says something else under the same id.
_CONTRADICTIONS: dict[str, Callable[[Event], Event]] = {
    "consumption-voucher": lambda one: _data(one, sector="retail", merchant_id="M-other"),
    "facility": lambda one: _data(one, status="closed"),
    "childcare-place": lambda one: _data(one, total=one["data"]["total"] + 1),
    "fitness-event": lambda one: _data(one, status="cancelled", participants=7),
    "statistic": lambda one: {**one, "time": f"{one['time'][:10]}T00:00:07+08:00"},
    "task-report": lambda one: _data(one, note="又及"),
}


def pushes(sent: Sequence[Sent], seed: int) -> dict[str, list[list[Item]]]:
    """Return each agency's pushes, in order.

    Of the records a tenth comes twice (half of those copies written differently), thirty come again with
    other content under the same id, and each kind of mistake is made several times.
    """
    random = Random(seed)
    events: defaultdict[str, list[Item]] = defaultdict(list)
    by_stream: defaultdict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        events[one.agency].append(Item(one.event))
        by_stream[one.stream].append(one)
    for one in random.sample(sent, len(sent) // 10):
        events[one.agency].append(Item(one.event if random.random() < 0.5 else _rewritten(one.event)))
    for stream, contradict in _CONTRADICTIONS.items():
        for one in random.sample(by_stream[stream], 6):
            events[one.agency].append(Item(contradict(one.event)))
    for number, (stream, code, spoil) in enumerate(_MISTAKES):
        for one in random.sample(by_stream[stream], 5):
            wrong = spoil({**one.event, "id": f"{one.event['id']}-wrong-{number}"})
            events[one.agency].append(Item(wrong, code))
    return {agency: list(_cut(random, items)) for agency, items in sorted(events.items())}


def _cut(random: Random, items: list[Item]) -> Iterator[list[Item]]:
    random.shuffle(items)
    while items:
        size = random.choice((1, 7, 60, 200, 400))
        yield items[:size]
        items = items[size:]


def _rewritten(event: Event) -> Event:
    """The same said otherwise: another zone, another order of fields, no subject."""
    time = datetime.fromisoformat(event["time"]).astimezone(UTC).isoformat()
    same = {**event, "time": time, "data": dict(reversed(event["data"].items()))}
    del same["subject"]
    return same
