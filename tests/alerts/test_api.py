"""`GET /v1/alerts`: what is not at rest, a page at a time, however many standings there are."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.alerts import api
from services.alerts.ledger import Ledger
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.settings import Common
from tests.alerts.timeline import Timeline, rule

SHOPS = 10_000
FIRING = 250


@pytest.fixture
def pool(settings: Common) -> Iterator[Pool]:
    made = Pool(settings)
    yield made
    made.close()


def asking(line: Timeline, pool: Pool) -> TestClient:
    app = FastAPI()
    app.include_router(api.routes(lambda: line.watch, Ledger(pool)))
    return TestClient(app)


def many() -> Timeline:
    """Ten thousand merchants that have had an alert, most of them none any more."""
    line = Timeline.of(rule(id="peak", severity="critical"), rule(id="calm", severity="info"))
    line.at("0h", 4.2, rule="peak", subject="shop-00000")
    line.at("1h", 4.9, rule="peak", subject="shop-00000")
    fired, over = line.changes
    for number in range(1, SHOPS):
        newest = fired if number < FIRING else over
        line.changes.append(newest.model_copy(update={"subject": f"shop-{number:05}"}))
    line.live.clear()
    line.restart()
    line.at("2h", 4.2, rule="calm")
    return line


def test_the_default_list_has_what_is_on_and_not_what_was(pool: Pool) -> None:
    line = many()
    assert line.watch.firing == FIRING
    client = asking(line, pool)
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    sizes = []
    while True:
        answer = client.get("/v1/alerts", params=cursor).json()
        assert answer["total"] == FIRING
        found += answer["alerts"]
        sizes.append(len(answer["alerts"]))
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert sizes == [100, 100, 50]
    assert found[0]["severity"] == "critical"
    assert found[-1]["rule"] == "calm"
    assert len({one["subject"] for one in found}) == FIRING
    assert client.get("/v1/alerts?state=resolved&limit=1").json()["total"] == SHOPS - FIRING + 1


def test_filters_must_all_hold_and_a_wrong_one_is_named(pool: Pool) -> None:
    line = Timeline.of(rule(), rule(id="other", severity="info", levels=["township"]))
    line.at("0h", 4.2)
    line.at("1h", "no_data")
    line.at("1h", 4.2, rule="other", division="532622101")
    client = asking(line, pool)

    def shown(query: str) -> list[str]:
        return [one["rule"] for one in client.get(f"/v1/alerts?{query}").json()["alerts"]]

    assert shown("") == ["lag", "other"]
    assert shown("state=no_data") == ["lag"]
    assert shown("state=firing") == ["other"]
    assert shown("division=532622101&severity=info") == ["other"]
    assert shown("division=532622101&severity=critical") == []
    assert shown("rule=lag&rule=other&kind=lag") == ["lag", "other"]
    [held] = client.get("/v1/alerts?state=no_data").json()["alerts"]
    assert (held["condition"], held["held"], held["value"]) == ("no_data", "firing", None)
    assert client.get("/v1/alerts?state=burning").status_code == 422
    assert client.get("/v1/alerts?colour=red").status_code == 422
    assert client.get("/v1/alerts?cursor=nonsense").status_code == 400
