"""Tasks, grouped voucher money, and vouchers whose steps cannot be in order."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from schemas.envelope import identity
from services.board.tables import vouchers
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common
from tests.board.county import figures, plan, voucher_columns
from tests.board.ledger import Event, write
from tests.board.test_api import application

NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)


@pytest.fixture
def own(settings: Common, tables: ClickHouse) -> TestClient:
    """The API of this test's own database, filled with the county."""
    return application(settings)


@pytest.fixture
def shared(county: Common) -> TestClient:
    """The API of the shared county."""
    return application(county)


def _get(api: TestClient, path: str, **params: Any) -> Any:
    response = api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_tasks_are_the_plans_with_report_and_figures(own: TestClient, tables: ClickHouse) -> None:
    number, silent, withdrawn = sorted(plan().tasks)[:3]
    tables.insert(
        "task_live",
        {
            "task": [number, number, withdrawn],
            "percent": [40, 60, None],
            "status": ["delayed", "on_schedule", None],
            "note": ["", "已开工", ""],
            "reported_at": [NOON, NOON + timedelta(days=1), None],
            "source": ["县民政局", "县民政局", ""],
            "record_id": ["a", "b", ""],
            "version": [1, 2, 3],
            "updated_at": [NOON] * 3,
        },
    )
    answer = _get(own, "/v1/tasks")
    assert [task["number"] for task in answer] == sorted(plan().tasks)
    tasks = {task["number"]: task for task in answer}
    assert tasks[number]["report"] == {
        **{"percent": 60, "status": "on_schedule", "note": "已开工"},
        **{"time": "2024-05-02T04:00:00Z", "source": "县民政局", "id": "b"},
    }
    assert tasks[silent]["report"] is None
    assert tasks[withdrawn]["report"] is None
    live = {one.indicator: one for one in figures() if one.division == "532622"}
    measured = 0
    for task in answer:
        declared = plan().tasks[task["number"]]
        assert task["lead"] == declared.lead
        assert task["title"]["zh"] == declared.title.zh
        assert [one["id"] for one in task["indicators"]] == declared.indicators
        for one in task["indicators"]:
            measured += 1
            assert one["name"] == plan().indicators[one["id"]].name.model_dump()
            assert (one["status"], one["value"]) == (live[one["id"]].status, live[one["id"]].value)
    assert measured > 30


@pytest.mark.parametrize("by", [["campaign"], ["sector", "division"], ["day", "campaign"]])
def test_voucher_money_by_group_is_the_sum_of_its_hours(shared: TestClient, by: list[str]) -> None:
    columns = voucher_columns()
    names = list(columns)
    expected: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(names, values, strict=True))
        row["day"] = row["hour"].astimezone(plan().zone).date()
        expected[tuple(str(row[name]) for name in (*by, "step"))] += Decimal(str(row["face_value"]))
    answer = _get(shared, "/v1/vouchers", by=by)
    found = {tuple(row[name] for name in (*by, "step")): row for row in answer["groups"]}
    assert {key: Decimal(row["face_value"]) for key, row in found.items()} == expected
    others = {"campaign", "sector", "division", "day"} - set(by)
    assert all(row[name] is None for row in answer["groups"] for name in others)


def test_voucher_groups_of_one_township_between_two_days(shared: TestClient) -> None:
    days = {"from": "2024-05-29", "to": "2024-05-30"}
    groups = _get(shared, "/v1/vouchers", by=["day", "division"], division="532622102", **days)["groups"]
    assert {row["day"] for row in groups} == {"2024-05-29", "2024-05-30"}
    assert {row["division"] for row in groups} == {"532622102"}


def test_too_many_voucher_groups_are_refused(shared: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "GROUPS", 4)
    assert _get(shared, "/v1/vouchers", by="campaign")["groups"]
    response = shared.get("/v1/vouchers", params={"by": "day"})
    assert response.status_code == 422
    assert response.json()["detail"].startswith("by: 超过")


@pytest.mark.parametrize("query", ["by=merchant_id", "by=day&from=today", "by=day&division=1"])
def test_what_vouchers_cannot_be_grouped_by_is_named(shared: TestClient, query: str) -> None:
    response = shared.get(f"/v1/vouchers?{query}")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"


class Steps:
    """Voucher records, made by hand."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def voucher(self, name: str, *steps: tuple[str, int], **changed: str) -> None:
        """A voucher with (step, hour) records; `changed` are fields that only the last of them has."""
        for place, (step, hour) in enumerate(steps):
            data = {
                **{"voucher_id": name, "campaign": "qihua", "step": step, "face_value": "50.00"},
                **{"sector": "retail", "division": "532622101"},
                **(changed if place == len(steps) - 1 else {}),
            }
            if step in ("redeemed", "refunded"):
                data |= {"order_amount": "120.00", "merchant_id": "M1"}
            self._add("consumption-voucher", f"{name}-{place}", hour, data)

    def withdraw(self, record: str) -> None:
        said = {"stream": "consumption-voucher", "record": record, "reason": "错报"}
        self._add("retraction", f"gone-{record}", 90, said)

    def _add(self, stream: str, id: str, hour: int, data: dict[str, str]) -> None:
        moment = (NOON + timedelta(hours=hour)).isoformat()
        self.events.append(
            {
                **{"specversion": "1.0", "id": id, "source": "县商务局", "type": f"minmai.{stream}.v1"},
                **{"time": moment, "receivedtime": moment, "receipt": "r", "data": data},
            }
        )


FINE = [
    ("fine-1", [("issued", 0), ("claimed", 1), ("redeemed", 2), ("refunded", 3)]),
    ("fine-2", [("issued", 0), ("claimed", 1), ("expired", 2)]),
    ("late-1", [("redeemed", 2)]),  # what came before may still come in
    ("late-2", [("redeemed", 2), ("issued", 0)]),
    ("spent", [("issued", 0), ("claimed", 1), ("redeemed", 2), ("expired", 3)]),
]
WRONG = {
    "w1-twice": ([("issued", 0), ("issued", 1)], ["step_twice"]),
    "w2-expired": ([("expired", 1), ("redeemed", 2)], ["spent_after_expired"]),
    "w3-refunded": (
        [("redeemed", 0), ("expired", 1), ("refunded", 2)],
        ["spent_after_expired"],
    ),
    "w4-claimed": ([("claimed", 3), ("redeemed", 2)], ["redeemed_before_claimed"]),
    "w5-refund": ([("issued", 0), ("refunded", 2)], ["refund_without_redemption"]),
    "w6-two": (
        [("claimed", 3), ("redeemed", 2), ("redeemed", 4)],
        ["step_twice", "redeemed_before_claimed"],
    ),
}


@pytest.fixture
def steps(tables: ClickHouse) -> Steps:
    """Vouchers in order and out of it, in the test's own database."""
    made = Steps()
    for name, order in FINE:
        made.voucher(name, *order)
    for name, (order, _faults) in WRONG.items():
        made.voucher(name, *order)
    made.voucher("w7-face", ("issued", 0), ("claimed", 1), face_value="60.00")
    made.voucher("w8-campaign", ("issued", 0), ("claimed", 1), campaign="qixiang")
    made.voucher("mended", ("issued", 0), ("issued", 1))
    made.withdraw("mended-1")
    write(tables, made.events)
    return made


def test_only_vouchers_out_of_order_are_flagged(own: TestClient, steps: Steps) -> None:
    answer = _get(own, "/v1/vouchers/flags")
    found = {one["voucher_id"]: [flag["fault"] for flag in one["flags"]] for one in answer["vouchers"]}
    expected = {name: faults for name, (_order, faults) in WRONG.items()}
    assert found == expected | {"w7-face": ["changed"], "w8-campaign": ["changed"]}
    assert answer["next"] is None
    [twice] = [one for one in answer["vouchers"] if one["voucher_id"] == "w1-twice"]
    assert [step["id"] for step in twice["steps"]] == ["w1-twice-0", "w1-twice-1"]
    assert twice["flags"][0]["reason"]["zh"] == "同一环节有两条不同编号的记录"
    assert twice["steps"][0]["time"] == "2024-05-01T04:00:00Z"


def test_flags_page_by_voucher(own: TestClient, steps: Steps) -> None:
    whole = _get(own, "/v1/vouchers/flags")["vouchers"]
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = _get(own, "/v1/vouchers/flags", limit=3, **cursor)
        found += answer["vouchers"]
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert found == whole
    assert len(whole) == 8
    assert own.get("/v1/vouchers/flags?cursor=other").status_code == 422


def test_identities_are_those_of_the_envelope(tables: ClickHouse, steps: Steps) -> None:
    """The retraction of the test names the record as the aggregator does."""
    [(found,)] = tables.query("SELECT retracted FROM retraction_log")
    assert found == UUID(int=identity("县商务局", "mended-1"))
