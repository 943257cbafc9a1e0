"""The board says by which definition a figure is, and shows what a former one came to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.platform import clickhouse as platform
from services.platform.settings import Common
from tests.aggregate.test_definitions import redefined
from tests.aggregate.test_keeper import COUNTY, DAY, ISSUED, count, keeper, voucher
from tests.board.county import plan
from tests.board.test_api import application

FIRST, SECOND = plan(), redefined(plan())
BY_FIRST, BY_SECOND = (one.indicators[ISSUED].definition_id for one in (FIRST, SECOND))
BEFORE = {"known_at": "2026-02-15"}


@pytest.fixture
async def api(settings: Common) -> TestClient:
    """A board whose plan has the first definition, of tables that an aggregator has brought to the second."""
    pool = platform.ClickHouse(settings)
    await count(pool, "consumption-voucher", voucher(1), voucher(2))  # received on 1 January 2026
    keeper(pool, FIRST).refresh(DAY, datetime(2026, 2, 1, tzinfo=UTC))
    keeper(pool, SECOND).refresh(DAY, datetime(2026, 3, 1, tzinfo=UTC))
    pool.close()
    return application(settings)


def get(api: TestClient, path: str, **asked: str) -> Any:
    response = api.get(f"/v1/indicators{path}", params=asked)
    assert response.status_code == 200, response.text
    return response.json()


def numbers(api: TestClient, **asked: str) -> list[tuple[str, str, bool]]:
    """The county's figure as the routes tell it: numerator, definition, whether it counts records."""
    [listed] = [one for one in get(api, "", **asked)["indicators"] if one["declaration"]["id"] == ISSUED]
    found = []
    for answer in (listed, get(api, f"/{ISSUED}", **asked)):
        [figure] = [one for one in answer["figures"] if one["division"] == COUNTY]
        counts = answer["declaration"]["numerator"][0]["count"]
        found.append((figure["numerator"], figure["definition"], counts))
    records = get(api, f"/{ISSUED}/records", **asked)
    assert sum(float(one["amount"]) for one in records["records"]) == float(records["total"])
    assert records["total"] == found[0][0]
    return found


async def test_figures_and_what_is_said_of_them_are_by_one_definition(api: TestClient) -> None:
    assert numbers(api) == [("2", BY_SECOND, True)] * 2
    assert numbers(api, as_of=str(DAY)) == [("2", BY_SECOND, True)] * 2


async def test_what_was_known_before_the_change_is_by_the_definition_of_then(api: TestClient) -> None:
    [first, second] = numbers(api, **BEFORE)
    assert first == second
    assert (float(first[0]), *first[1:]) == (40.0, BY_FIRST, False)
    [point] = get(api, f"/{ISSUED}/history", **BEFORE)["points"]
    assert float(point["numerator"]) == 40.0


async def test_the_history_by_a_former_definition_stays(api: TestClient) -> None:
    def history(**asked: str) -> list[tuple[str, float]]:
        points = get(api, f"/{ISSUED}/history", **asked)["points"]
        return [(point["day"], float(point["numerator"])) for point in points]

    assert history() == [(str(DAY), 2.0)]
    assert history(definition=BY_SECOND) == [(str(DAY), 2.0)]
    assert history(definition=BY_FIRST) == [(str(DAY), 40.0)]
    assert api.get(f"/v1/indicators/{ISSUED}/history", params={"definition": "3.x"}).status_code == 404


async def test_the_definitions_of_an_indicator_are_listed(api: TestClient) -> None:
    held = get(api, f"/{ISSUED}/definitions")
    assert [(one["definition"], one["since"][:10]) for one in held] == [
        (BY_SECOND, "2026-03-01"),
        (BY_FIRST, "2026-02-01"),
    ]
    assert [one["declaration"]["numerator"][0]["count"] for one in held] == [True, False]
    assert api.get("/v1/indicators/nothing/definitions").status_code == 404
