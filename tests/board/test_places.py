"""The map, divisions and their facilities: what is answered is what plain Python finds in the records."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from schemas.facility import KINDS
from schemas.parts import PER_RESIDENT, PLACE_FIELDS
from schemas.streams import STREAMS
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.settings import Common
from tests.board import ledger
from tests.board import places_judge as judge
from tests.board.county import plan
from tests.board.places_judge import COUNTY, MOVED, PAST, TOWN, Moment, each_moment
from tests.board.test_api import application

pytestmark = pytest.mark.long


@each_moment
@pytest.mark.parametrize("division", [COUNTY, TOWN, "532622102"])
def test_the_facilities_of_a_division_are_the_newest_records(
    placed: TestClient, placed_events: list[ledger.Event], moment: Moment, division: str
) -> None:
    found = {one["id"]: one for one in judge.listed(placed, division=division, limit=1000, **moment.params)}
    expected = {
        id: said
        for id, said in judge.facilities(placed_events, moment).items()
        if said["division"].startswith(division)
    }
    assert found.keys() == expected.keys()
    assert len(found) > (60 if division == COUNTY else 0)
    for id, one in found.items():
        said = expected[id]
        for name in ("kind", "name", "division", "status", "ownership"):
            assert one[name] == said[name]
        township = plan().divisions[said["division"][:9]].name
        assert one["division_name"] == township + plan().divisions[said["division"]].name
        own = {name: value for name, value in said.items() if name in one["fields"]}
        assert {name: judge.plain(value) for name, value in one["fields"].items()} == {
            name: judge.plain(value) for name, value in own.items()
        }
        offer = said["places"]
        assert (one["places"] is None) == (offer is None)
        if offer:
            assert {name: one["places"][name] for name in ("total", "inclusive", "enrolled")} == {
                name: offer[name] for name in ("total", "inclusive", "enrolled")
            }


def test_pages_are_the_whole_list_cut_up(placed: TestClient) -> None:
    whole = judge.listed(placed, limit=1000)
    assert [one["id"] for one in whole] == sorted(one["id"] for one in whole)
    for size in (40, len(whole)):
        assert judge.listed(placed, limit=size, division=COUNTY) == whole, size
    canteens = [one for one in whole if one["kind"] == "elder_canteen"]
    assert len(canteens) > 5
    assert judge.listed(placed, limit=1, kind="elder_canteen") == canteens


@each_moment
def test_a_sheet_has_every_facility_with_all_that_it_says(placed: TestClient, moment: Moment) -> None:
    for narrowed in ({}, {"kind": "medical", "division": TOWN}):
        whole = judge.listed(placed, limit=1000, **narrowed, **moment.params)
        answer = placed.get("/v1/facilities", params={"format": "csv", **narrowed, **moment.params})
        assert answer.status_code == 200, answer.text
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
        assert [row["编号 · id"] for row in rows] == [one["id"] for one in whole]
        for row, one in zip(rows, whole, strict=True):
            said = {name.rpartition(" · ")[2]: cell for name, cell in row.items() if cell}
            assert said["division code"] == one["division"]
            assert said["kind"].endswith(one["kind"])
            expected = {**one["fields"], **(one["places"] or {})}
            for name in ("beds", "nursing_beds", "children", "physicians", "total", "enrolled"):
                assert said.get(name) == (str(expected[name]) if name in expected else None), (one, name)


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"kind": "childcare"}, lambda one: one["kind"] == "childcare"),
        ({"status": "closed"}, lambda one: one["status"] == "closed"),
        (
            {"kind": "medical", "status": "open"},
            lambda one: (one["kind"], one["status"]) == ("medical", "open"),
        ),
        ({"find": "食堂"}, lambda one: "食堂" in one["name"]),
        ({"find": "100%"}, lambda one: one["id"] == MOVED),
        ({"find": "MEDICAL-0"}, lambda one: one["id"].startswith("medical-0")),
        ({"find": "name 1"}, lambda one: "name 1" in one["name"]),
        ({"find": "it's none"}, lambda _one: False),
    ],
)
def test_a_list_is_narrowed_down(
    placed: TestClient, params: dict[str, str], wanted: Callable[[dict[str, Any]], bool]
) -> None:
    whole = judge.listed(placed, limit=1000)
    expected = [one for one in whole if wanted(one)]
    assert judge.listed(placed, limit=1000, **params) == expected
    assert expected or "none" in params["find"]


@each_moment
def test_a_division_adds_up_its_facilities(
    placed: TestClient, placed_events: list[ledger.Event], moment: Moment
) -> None:
    for division in (COUNTY, TOWN):
        groups: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for said in judge.facilities(placed_events, moment).values():
            if not said["division"].startswith(division):
                continue
            sums = groups[said["kind"], said["status"]]
            sums["facilities"] += 1
            for name in ("beds", "nursing_beds", "children"):
                sums[name] += said.get(name) or 0
            offer = said["places"] or {}
            for name, field_ in (
                ("places", "total"),
                ("inclusive_places", "inclusive"),
                ("enrolled", "enrolled"),
            ):
                sums[name] += offer.get(field_, 0)
        answer = judge.get(placed, f"/v1/divisions/{division}", **moment.params)
        found = {(row.pop("kind"), row.pop("status")): Counter(row) for row in answer["facilities"]}
        assert found == groups
        assert list(found) == sorted(found)


@each_moment
def test_a_divisions_feeds_are_who_has_told_of_it(
    placed: TestClient, placed_events: list[ledger.Event], moment: Moment
) -> None:
    for division in (COUNTY, TOWN):
        here = {
            event["data"]["facility_id"]
            for event in judge.known(placed_events, moment, "facility")
            if event["data"]["division"].startswith(division)
        }
        expected: dict[tuple[str, str], list[ledger.Event]] = defaultdict(list)
        streams = ("facility", "childcare-place", "fitness-event", "consumption-voucher", "statistic")
        for event in judge.kept(placed_events, moment, *streams):
            data = event["data"]
            inside = (
                data["division"].startswith(division) if "division" in data else data["facility_id"] in here
            )
            if inside:
                expected[event["source"], judge.stream_of(event)].append(event)
        feeds = judge.get(placed, f"/v1/divisions/{division}", **moment.params)["feeds"]
        assert {(one["source"], one["stream"]): one["records"] for one in feeds} == {
            key: len(told) for key, told in expected.items()
        }
        for one in feeds:
            told = expected[one["source"], one["stream"]]
            assert datetime.fromisoformat(one["newest_time"]) == max(judge.age(event)[0] for event in told)
            received = max(datetime.fromisoformat(event["receivedtime"]) for event in told)
            assert datetime.fromisoformat(one["received_at"]) == received
        assert [one["received_at"] for one in feeds] == sorted(
            (one["received_at"] for one in feeds), reverse=True
        )


def test_a_feed_that_is_promised_has_the_plans_name(settings: Common, tables: Pool) -> None:
    said = judge.canteen("C1", "532622101001", "食堂")
    ledger.write(tables, [judge.event("facility", "n1", said, source="civil-affairs-bureau")])
    [feed] = judge.get(application(settings), f"/v1/divisions/{TOWN}")["feeds"]
    assert feed["name"] == plan().feeds["civil-affairs-bureau/facility"].name.model_dump()


def test_a_division_names_what_lies_in_it(placed: TestClient) -> None:
    county, town = (judge.get(placed, f"/v1/divisions/{code}") for code in (COUNTY, TOWN))
    assert [one["level"] for one in county["inside"]] == ["township"] * 11
    assert {one["parent"] for one in town["inside"]} == {TOWN}
    assert {one["setting"] for one in town["inside"]} == {"urban", "rural"}


def test_the_map_has_a_tile_for_each_township(placed: TestClient) -> None:
    answer = judge.get(placed, "/v1/schematic")
    assert answer["declared"] is True
    townships = {one.code for one in plan().divisions.values() if one.level == "township"}
    assert {tile["division"] for tile in answer["tiles"]} == townships
    assert len({(tile["column"], tile["row"]) for tile in answer["tiles"]}) == len(townships)
    assert all((tile["column"] + tile["row"]) % 2 == 0 for tile in answer["tiles"])


def test_every_field_and_value_has_words(placed: TestClient) -> None:
    words = judge.get(placed, "/v1/words")
    assert list(words) == list(STREAMS)
    fields = words["facility"]["fields"]
    own = {name for kind in KINDS for name in kind.model_fields}
    assert set(fields) == own | set(PLACE_FIELDS) | set(PER_RESIDENT)
    assert fields["kind"]["words"]["elder_canteen"] == {"zh": "老年幸福食堂", "en": "canteen for the elderly"}
    assert fields["status"]["words"]["suspended"] == {"zh": "暂停", "en": "suspended"}
    assert fields["floor_area"] == {
        "name": {"zh": "建筑面积", "en": "floor area"},
        "unit": {"zh": "平方米", "en": "m²"},
        "words": {},
    }
    measures = words["statistic"]["fields"]["measure"]["words"]
    assert measures["households"]["zh"] == "户数"
    for stream in words.values():
        for one in stream["fields"].values():
            for said in (one["name"], *one["words"].values()):
                assert any("\u4e00" <= character <= "\u9fff" for character in said["zh"]), said
                assert said["en"].isascii() or said["en"].count("m²")


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("facilities/nobody", 404, "没有机构 nobody 的记录"),
        (f"facilities/{MOVED}?as_of=2024-01-31", 404, f"没有机构 {MOVED} 的记录"),
        ("divisions/1", 404, "没有区划 1 的数字"),
        ("facilities?division=1", 404, "没有区划 1 的数字"),
        ("facilities?kind=school", 422, "kind: 没有 school，可用：childcare"),
        ("facilities?status=shut", 422, "status: 没有 shut，可用：planned"),
        ("facilities?limit=1001", 422, "limit: 太大"),
        ("facilities?cursor=nonsense", 422, "cursor: 游标不属于这个查询"),
        ("divisions/532622?as_of=2024-06-01", 422, "as_of: 2024-06-01 不在"),
        (f"facilities/{MOVED}?known_at=yesterday", 422, "known_at: 'yesterday' 不是日期或时刻"),
    ],
)
def test_what_cannot_be_answered_is_named(placed: TestClient, path: str, status: int, detail: str) -> None:
    response = placed.get(f"/v1/{path}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)


def test_a_cursor_is_good_for_its_own_question_alone(placed: TestClient) -> None:
    cursor = judge.get(placed, "/v1/facilities", limit=2)["next"]
    for other in ({"kind": "childcare"}, {"division": TOWN}, {"find": "a"}, {"as_of": str(PAST)}):
        params = {"limit": 2, "cursor": cursor, **other}
        assert placed.get("/v1/facilities", params=params).status_code == 422, other
