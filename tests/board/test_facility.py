"""From a facility to one record: what is answered is what plain Python finds in the records."""

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient

from tests.board import ledger
from tests.board import places_judge as judge
from tests.board.county import plan
from tests.board.places_judge import (
    CORRECTED,
    FACILITY_STREAMS,
    MOVED,
    NOW,
    PLACES_ALONE,
    TOWN,
    Moment,
    each_moment,
)

pytestmark = pytest.mark.long


@each_moment
def test_every_record_of_a_facility_says_what_became_of_it(
    placed: TestClient, placed_events: list[ledger.Event], moment: Moment
) -> None:
    gone = judge.withdrawals(placed_events, moment)
    by_facility: dict[str, list[ledger.Event]] = defaultdict(list)
    for event in judge.known(placed_events, moment, *FACILITY_STREAMS):
        by_facility[event["data"]["facility_id"]].append(event)
    seen: Counter[str] = Counter()
    some = [
        *list(by_facility)[:: 4 if moment is NOW else 12],
        *({MOVED, CORRECTED, PLACES_ALONE} & {*by_facility}),
    ]
    for id in some:
        told = by_facility[id]
        answer = judge.get(placed, f"/v1/facilities/{id}", **moment.params)
        assert answer["total"] == len(answer["records"]) == len(told)
        times = [datetime.fromisoformat(one["time"]) for one in answer["records"]]
        assert times == sorted(times, reverse=True)
        records = {(one["stream"], one["source"], one["id"]): one for one in answer["records"]}
        assert len(records) == len(told)
        for stream in FACILITY_STREAMS:
            mine = [event for event in told if judge.stream_of(event) == stream]
            kept = [event for event in mine if (stream, event["source"], event["id"]) not in gone]
            for event in mine:
                found = records[stream, event["source"], event["id"]]
                later = [other for other in kept if judge.age(other) > judge.age(event)]
                standing = "holds"
                if event not in kept:
                    standing, later = "withdrawn", []
                elif later:
                    standing = "corrected" if judge.age(later[0])[0] == judge.age(event)[0] else "followed"
                assert found["standing"] == standing
                seen[standing] += 1
                next_ = found["next"]
                assert (next_ and (next_["source"], next_["id"])) == (
                    (later[0]["source"], later[0]["id"]) if later else None
                )
                assert found["receipt"] == event["receipt"]
                assert datetime.fromisoformat(found["received_at"]) == datetime.fromisoformat(
                    event["receivedtime"]
                )
                said = {
                    name: judge.plain(value) for name, value in event["data"].items() if name != "facility_id"
                }
                assert (
                    said.items()
                    <= {name: judge.plain(value) for name, value in found["fields"].items()}.items()
                )
                assert sorted(one["id"] for one in found["withdrawals"]) == sorted(
                    one["id"] for one in gone.get((stream, event["source"], event["id"]), [])
                )
    assert set(seen) == {"holds", "followed", "withdrawn", "corrected"} or moment is not NOW


def test_a_facility_that_moved_is_in_one_place_and_its_records_tell_of_both(placed: TestClient) -> None:
    for division, there in ((TOWN, False), ("532622102", True)):
        ids = {one["id"] for one in judge.listed(placed, division=division, limit=1000)}
        assert (MOVED in ids) is there
    records = judge.get(placed, f"/v1/facilities/{MOVED}")["records"]
    assert [one["division_name"][:3] for one in records] == ["平远镇", "江那镇"]
    assert [one["fields"]["division"][:9] for one in records] == ["532622102", TOWN]
    before = judge.get(placed, "/v1/facilities", division=TOWN, find=MOVED, as_of="2024-02-02")
    assert [one["name"] for one in before["facilities"]] == ["百味食堂"]


def test_a_correction_of_a_moment_leaves_no_trace_but_in_the_records(placed: TestClient) -> None:
    answer = judge.get(placed, f"/v1/facilities/{CORRECTED}")
    assert answer["facility"]["name"] == "正名"
    assert [(one["id"], one["standing"]) for one in answer["records"]] == [
        ("c2", "holds"),
        ("c1", "corrected"),
    ]


def test_withdrawals_say_why_each_of_them(placed: TestClient) -> None:
    answer = judge.get(placed, f"/v1/facilities/{PLACES_ALONE}")
    assert (answer["facility"], answer["counted"]) == (None, [])  # nobody has told of the facility itself
    withdrawn, holds = answer["records"]
    assert (withdrawn["standing"], holds["standing"]) == ("withdrawn", "holds")
    assert [one["reason"] for one in withdrawn["withdrawals"]] == ["写错", "又撤一次"]


def test_the_newest_records_alone_when_so_many_are_asked_for(placed: TestClient) -> None:
    whole = judge.get(placed, f"/v1/facilities/{PLACES_ALONE}")
    part = judge.get(placed, f"/v1/facilities/{PLACES_ALONE}", limit=1)
    assert (part["total"], part["records"]) == (2, whole["records"][:1])


@each_moment
def test_what_a_facility_counts_in_is_what_lists_its_records(placed: TestClient, moment: Moment) -> None:
    listed: dict[str, dict[tuple[str, str], Decimal]] = defaultdict(dict)
    some = [one for one in plan().indicators.values() if "childcare" in one.id or "kindergarten" in one.id]
    for indicator in some:
        for side in ("numerator", "denominator"):
            parts = getattr(indicator, side)
            if not any(getattr(part, "from_", "") == "facility" for part in parts):
                continue
            path = f"/v1/indicators/{indicator.id}/records"
            answer = judge.get(placed, path, part=side, limit=1000, **moment.params)
            assert answer["next"] is None
            for record in answer["records"]:
                if record["stream"] in FACILITY_STREAMS:
                    amounts = listed[record["subject"]]
                    key = (indicator.id, side)
                    amounts[key] = amounts.get(key, Decimal(0)) + Decimal(record["amount"])
    assert len(listed) > 10
    for one in judge.listed(placed, limit=1000, **moment.params):
        if one["kind"] not in ("childcare", "kindergarten")[: 2 if moment is NOW else 1]:
            continue
        counted = judge.get(placed, f"/v1/facilities/{one['id']}", **moment.params)["counted"]
        mine = {(row["indicator"], row["part"]): row["amount"] for row in counted}
        mine = {key: amount for key, amount in mine.items() if key[0] in {other.id for other in some}}
        assert mine.keys() == listed[one["id"]].keys()
        for key, amount in mine.items():
            assert amount is None or Decimal(amount) == listed[one["id"]][key]
