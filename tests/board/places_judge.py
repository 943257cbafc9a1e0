"""What plain Python finds of places in the records themselves: the judge of the board's answers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.board import ledger
from tests.board.county import plan

SEED = 20_241_126
COUNTY, TOWN = "532622", "532622101"
FACILITY_STREAMS = ("facility", "childcare-place")
MOVED, CORRECTED, PLACES_ALONE = "moved-1", "corrected-1", "places-alone-1"
NOON = datetime(2024, 2, 1, 4, tzinfo=UTC)
PAST = date(2023, 11, 30)
KNOWN = datetime(2023, 12, 15, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Moment:
    """A question's day and moment, and how it is asked."""

    day: date
    known_at: datetime | None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.day + timedelta(days=1), time(), plan().zone)

    def knows(self, event: ledger.Event) -> bool:
        return self.known_at is None or datetime.fromisoformat(event["receivedtime"]) <= self.known_at


NOW = Moment(ledger.LAST.date(), None)
MOMENTS = [
    NOW,
    Moment(PAST, None, {"as_of": str(PAST)}),
    Moment(PAST, KNOWN, {"as_of": str(PAST), "known_at": KNOWN.isoformat()}),
]
each_moment = pytest.mark.parametrize("moment", MOMENTS, ids=["now", "as_of", "known_at"])


def event(
    stream: str, id: str, data: dict[str, Any], *, at: datetime = NOON, source: str = "县民政局"
) -> ledger.Event:
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"minmai.{stream}.v1",
        "time": at.isoformat(),
        "receivedtime": (at + timedelta(minutes=1)).isoformat(),
        "receipt": f"receipt-{id}",
        "data": data,
    }


def canteen(facility: str, division: str, name: str) -> dict[str, Any]:
    said = {"facility_id": facility, "name": name, "kind": "elder_canteen", "division": division}
    return said | {"status": "open", "ownership": "public"}


def extra() -> list[ledger.Event]:
    """What the dice do not roll: a move to another township, a correction of a moment, places alone."""
    first, second = "532622101001", "532622102001"
    places = {"facility_id": PLACES_ALONE, "total": 30, "inclusive": 10, "enrolled": 7}
    return [
        event("facility", "m1", canteen(MOVED, first, "百味食堂")),
        event("facility", "m2", canteen(MOVED, second, "100%食堂"), at=NOON + timedelta(days=3)),
        event("facility", "c1", canteen(CORRECTED, first, "错名")),
        event("facility", "c2", canteen(CORRECTED, first, "正名")),
        event("childcare-place", "p1", places),
        event("childcare-place", "p2", places | {"enrolled": 9}, at=NOON + timedelta(days=1)),
        event("retraction", "w2", {"stream": "childcare-place", "record": "p2", "reason": "写错"}),
        event("retraction", "w3", {"stream": "childcare-place", "record": "p2", "reason": "又撤一次"}),
    ]


def all_events() -> list[ledger.Event]:
    """What the dice roll and what they do not, in the order in which it was received."""
    return ledger.Ledger(SEED).events() + extra()


def get(api: TestClient, path: str, **params: Any) -> Any:
    response = api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def listed(api: TestClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = get(api, "/v1/facilities", **params, **cursor)
        found += answer["facilities"]
        if answer["next"] is None:
            return found
        assert len(answer["facilities"]) == params["limit"]
        cursor = {"cursor": answer["next"]}


def stream_of(event: ledger.Event) -> str:
    return str(event["type"]).removeprefix("minmai.").removesuffix(".v1")


def age(event: ledger.Event) -> tuple[datetime, str, str]:
    return datetime.fromisoformat(event["time"]), event["source"], event["id"]


def withdrawals(
    events: Iterable[ledger.Event], moment: Moment
) -> dict[tuple[str, str, str], list[ledger.Event]]:
    """By stream, source and id of the record."""
    found: dict[tuple[str, str, str], list[ledger.Event]] = defaultdict(list)
    for event in events:
        if stream_of(event) == "retraction" and moment.knows(event):
            found[event["data"]["stream"], event["source"], event["data"]["record"]].append(event)
    return found


def known(events: Iterable[ledger.Event], moment: Moment, *streams: str) -> list[ledger.Event]:
    """The records of some streams that are looked at, withdrawn or not, oldest first."""
    return sorted(
        (
            event
            for event in events
            if stream_of(event) in streams and moment.knows(event) and age(event)[0] < moment.end
        ),
        key=age,
    )


def kept(events: list[ledger.Event], moment: Moment, *streams: str) -> list[ledger.Event]:
    gone = withdrawals(events, moment)
    return [
        event
        for event in known(events, moment, *streams)
        if (stream_of(event), event["source"], event["id"]) not in gone
    ]


def newest(events: list[ledger.Event], moment: Moment, stream: str) -> dict[str, ledger.Event]:
    return {event["data"]["facility_id"]: event for event in kept(events, moment, stream)}


def facilities(events: list[ledger.Event], moment: Moment) -> dict[str, dict[str, Any]]:
    """By id: what the newest record says, and the places of the newest childcare-place record."""
    offers = newest(events, moment, "childcare-place")
    return {
        id: {**event["data"], "places": offers[id]["data"] if id in offers else None, "age": age(event)}
        for id, event in newest(events, moment, "facility").items()
    }


def plain(value: Any) -> Any:
    """Numbers written as texts, and those with more decimals, are the same numbers."""
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value
