"""The API against a migrated database: what it answers is what the tables hold."""

import socket
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from schemas.indicator import Figure, FigureStatus
from services.board.app import create_app, serve
from services.board.pipeline import Board
from services.board.settings import BoardSettings
from services.platform import clickhouse as platform
from services.platform.errors import StartError
from services.platform.settings import Common
from tests.board.county import (
    HISTORY_DAYS,
    TODAY,
    figures,
    plan,
    voucher_columns,
    write_figures,
)

CHILDCARE = "childcare_places_per_1000"
TOWN = "532622101"


def application(settings: Common) -> TestClient:
    """The board's application, without the lifespan that follows the topic: it hears of no change, so it
    keeps no answer for who asks next."""
    settings = BoardSettings.model_validate(settings.model_dump() | {"synthetic": True})
    return TestClient(create_app(Board(settings, share_seconds=0)), settings.board_url)


@pytest.fixture
def api(county: Common) -> TestClient:
    """The API of the shared county."""
    return application(county)


@pytest.fixture
def own(settings: Common) -> TestClient:
    """The API of this test's own database."""
    return application(settings)


@pytest.fixture
def bare(settings: Common, database: str) -> TestClient:
    """The API of a database without tables."""
    return application(settings.model_copy(update={"clickhouse_database": database}))


def _read(api: TestClient, path: str) -> Any:
    response = api.get(path)
    assert response.status_code == 200, response.text
    return response.json()


def test_indicators_are_the_declarations_and_every_row(api: TestClient) -> None:
    answer = _read(api, "/v1/indicators")
    assert answer["county"]["document"] == "砚政办发〔2022〕187号"
    assert (answer["synthetic"], answer["as_of"]) == (True, "2024-05-31")
    assert [division["level"] for division in answer["divisions"]] == ["county"] + ["township"] * 11
    assert [entry["declaration"]["id"] for entry in answer["indicators"]] == list(plan().indicators)
    assert answer["indicators"][0]["declaration"]["numerator"][0]["from"] == "facility"
    found = [Figure.model_validate(row) for entry in answer["indicators"] for row in entry["figures"]]
    assert sorted(found, key=_place) == sorted(figures(), key=_place)


def _place(figure: Figure) -> tuple[str, str]:
    return figure.indicator, figure.division


def test_the_newest_version_of_a_row_counts(own: TestClient, tables: platform.ClickHouse) -> None:
    newer = figures()[0].model_copy(update={"version": 101, "value": 9.5, "status": "met"})
    write_figures(tables, "indicator_live", [newer])
    [row] = _read(own, f"/v1/indicators/{CHILDCARE}?division=532622")["figures"]
    assert Figure.model_validate(row) == newer


def test_one_indicator_in_all_divisions(api: TestClient) -> None:
    answer = _read(api, f"/v1/indicators/{CHILDCARE}")
    assert answer["declaration"]["id"] == CHILDCARE
    assert len(answer["figures"]) == 12


@pytest.mark.parametrize(
    "path",
    [
        "/v1/indicators/none",
        "/v1/indicators/none/history",
        f"/v1/indicators/{CHILDCARE}?division=110000",
        f"/v1/indicators/{CHILDCARE}/history?division=532622101001",
        "/v1/nothing",
    ],
)
def test_what_does_not_exist_is_a_problem_answer(api: TestClient, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


def test_a_wrong_day_is_a_problem_answer(api: TestClient) -> None:
    response = api.get(f"/v1/indicators/{CHILDCARE}/history?from=yesterday")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("from: ")


def test_history_has_every_change_up_to_today(api: TestClient) -> None:
    answer = _read(api, f"/v1/indicators/{CHILDCARE}/history")
    assert (answer["division"], answer["until"]) == ("532622", str(TODAY))
    days = [str(TODAY - timedelta(days=days)) for days in HISTORY_DAYS]
    assert [point["day"] for point in answer["points"]] == days
    assert Decimal(answer["points"][-1]["numerator"]) == Decimal(2134)


def test_history_carries_forward_what_held_on_the_first_day(api: TestClient) -> None:
    changes = _read(api, f"/v1/indicators/{CHILDCARE}/history?division={TOWN}")["points"]
    first, last = TODAY - timedelta(days=30), TODAY - timedelta(days=10)
    answer = _read(api, f"/v1/indicators/{CHILDCARE}/history?division={TOWN}&from={first}&to={last}")
    held = changes[HISTORY_DAYS.index(33)] | {"day": str(first)}
    within = [changes[HISTORY_DAYS.index(days)] for days in (21, 12)]
    assert answer["points"] == [held, *within]
    assert answer["until"] == str(last)


def test_a_day_with_a_change_stands_once_in_history(api: TestClient) -> None:
    first = TODAY - timedelta(days=21)
    points = _read(api, f"/v1/indicators/{CHILDCARE}/history?from={first}")["points"]
    assert [point["day"] for point in points] == [
        str(TODAY - timedelta(days=days)) for days in HISTORY_DAYS if days <= 21
    ]


def test_history_before_the_first_record_is_empty(api: TestClient) -> None:
    assert _read(api, f"/v1/indicators/{CHILDCARE}/history?to=2020-01-01")["points"] == []


def test_the_past_is_judged_as_of_its_day_like_the_present(api: TestClient) -> None:
    """The live figures were judged from every reading, those of a day from the rows of the history."""
    stamps = {"version", "updated_at"}
    answer = _read(api, f"/v1/indicators?as_of={TODAY}")
    found = [Figure.model_validate(row) for entry in answer["indicators"] for row in entry["figures"]]
    assert [one.model_dump(exclude=stamps) for one in found] == [
        one.model_dump(exclude=stamps) for one in figures()
    ]


def test_after_the_due_day_its_value_stands_beside_the_present_one(api: TestClient) -> None:
    path = "/v1/indicators/higher_vocational_majors"

    def value_on(day: str) -> float:
        return float(_read(api, f"{path}/history?from={day}&to={day}")["points"][0]["value"])

    [before] = _read(api, f"{path}?as_of=2022-11-30")["figures"]
    assert (before["status"], before["value_at_due"]) == ("off_track", None)
    [after] = _read(api, f"{path}?as_of=2024-05-01")["figures"]
    assert after["status"] == "missed"
    assert after["due"] == "2022-12-31"
    assert (after["value_at_due"], after["value"]) == (value_on("2022-12-31"), value_on("2024-05-01"))
    assert after["value"] > after["value_at_due"]


def test_before_the_first_record_there_is_no_data(api: TestClient) -> None:
    answer = _read(api, "/v1/indicators?as_of=2001-01-01&division=532622")
    statuses = {row["status"] for entry in answer["indicators"] for row in entry["figures"]}
    assert statuses == {"no_data"}


def test_vouchers_add_up(api: TestClient) -> None:
    columns = voucher_columns()
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    hourly: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = list(zip(*(columns[name] for name in ("hour", "campaign", "step", "face_value")), strict=True))
    newest = sorted({row[0] for row in rows})[-48:]  # type: ignore[type-var]
    for hour, campaign, step, face_value in rows:
        totals[str(campaign), str(step)] += Decimal(str(face_value))
        if hour in newest:
            hourly[str(campaign), str(step)] += Decimal(str(face_value))
    answer = _read(api, "/v1/vouchers")
    assert {(row["campaign"], row["step"]): Decimal(row["face_value"]) for row in answer["totals"]} == totals
    assert len({row["hour"] for row in answer["hours"]}) == 48
    shown: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in answer["hours"]:
        shown[row["campaign"], row["step"]] += Decimal(row["face_value"])
    assert shown == hourly


def test_alerts_without_a_log_are_not_called_quiet(bare: TestClient) -> None:
    assert _read(bare, "/v1/alerts") == {"available": False, "alerts": []}


def test_alerts_show_the_newest_state_of_each_rule(api: TestClient) -> None:
    answer = _read(api, "/v1/alerts")
    assert answer["available"] is True
    assert [(alert["rule"], alert["state"]) for alert in answer["alerts"]] == [
        ("forgotten_rule", "firing"),
        ("feed-stopped", "firing"),
        ("childcare_places_below_target", "firing"),
        ("nursing_beds_below_target", "resolved"),
    ]
    assert answer["alerts"][2]["name"]["zh"] == "每千人口托位数低于目标"
    assert answer["alerts"][0]["name"] == {"zh": "forgotten_rule", "en": "forgotten_rule"}


def test_of_alerts_that_fire_the_most_severe_stands_first(settings: Common, own: TestClient) -> None:
    pool = platform.ClickHouse(settings)
    rows = [("critical", "firing"), ("warning", "firing"), ("info", "firing"), ("critical", "resolved")]
    pool.insert(
        "alert_log",
        {
            "rule": ["childcare_full"] * len(rows),
            "indicator": ["childcare_occupancy"] * len(rows),
            "division": ["532622"] * len(rows),
            "subject": [f"TY10{number}" for number in range(len(rows))],
            "severity": [severity for severity, _state in rows],
            "state": [state for _severity, state in rows],
            "changed_at": [datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in range(len(rows))],
        },
    )
    pool.close()
    alerts = _read(own, "/v1/alerts")["alerts"]
    assert [(one["severity"], one["state"]) for one in alerts] == rows
    assert {one["kind"] for one in alerts} == {"childcare_full"}


def test_a_promised_feed_has_its_name(settings: Common, own: TestClient) -> None:
    pool = platform.ClickHouse(settings)
    pool.insert(
        "feed_live",
        {
            "source": ["health-bureau", "health-bureau"],
            "stream": ["childcare-place", "retraction"],
            "records": [3, 1],
            "newest_time": [datetime(2026, 5, 1, tzinfo=UTC)] * 2,
            "received_at": [datetime(2026, 5, 1, tzinfo=UTC)] * 2,
        },
    )
    pool.close()
    names = [feed["name"] for feed in _read(own, "/v1/feeds")]
    assert names == [
        {"zh": "县卫生健康局托位月报", "en": "Health Bureau's reports of childcare places"},
        None,
    ]


def test_the_alert_of_a_silent_feed_has_its_name(settings: Common, own: TestClient) -> None:
    pool = platform.ClickHouse(settings)
    subjects = ["health-bureau/childcare-place", "nobody/facility"]
    pool.insert(
        "alert_log",
        {
            "rule": ["feed_silent"] * 2,
            "division": ["532622"] * 2,
            "subject": subjects,
            "severity": ["warning"] * 2,
            "state": ["firing"] * 2,
            "changed_at": [datetime(2026, 5, 1, tzinfo=UTC)] * 2,
        },
    )
    pool.close()
    alerts = _read(own, "/v1/alerts")["alerts"]
    assert {one["subject"]: one["subject_name"] for one in alerts} == {
        subjects[0]: {"zh": "县卫生健康局托位月报", "en": "Health Bureau's reports of childcare places"},
        subjects[1]: None,
    }


def test_each_stopped_feed_is_an_alert_of_its_own(settings: Common, own: TestClient) -> None:
    pool = platform.ClickHouse(settings)
    rows = [("clinics", "firing", 1), ("sports", "firing", 2), ("sports", "resolved", 3)]
    pool.insert(
        "alert_log",
        {
            "rule": ["feed-stopped"] * 3,
            "indicator": [f"minmai.feed.{agency}" for agency, _state, _hour in rows],
            "division": ["532622"] * 3,
            "severity": ["critical"] * 3,
            "state": [state for _agency, state, _hour in rows],
            "changed_at": [datetime(2026, 5, 1, hour, tzinfo=UTC) for _agency, _state, hour in rows],
        },
    )
    pool.close()
    alerts = _read(own, "/v1/alerts")["alerts"]
    assert [(one["indicator"], one["state"]) for one in alerts] == [
        ("minmai.feed.clinics", "firing"),
        ("minmai.feed.sports", "resolved"),
    ]
    assert alerts[0]["name"]["zh"] == "上报通道停止"


def test_feeds_say_how_much_came_and_when(api: TestClient) -> None:
    feeds = {feed["source"]: feed for feed in _read(api, "/v1/feeds")}
    assert feeds["县商务局"]["records"] == 182_406
    assert feeds["县商务局"]["newest_time"] == "2024-05-31T06:30:00Z"


def test_a_new_database_has_declarations_and_no_figures(settings: Common, own: TestClient) -> None:
    answer = _read(own, "/v1/indicators")
    assert answer["as_of"] is None
    assert all(entry["figures"] == [] for entry in answer["indicators"])
    assert _read(own, "/v1/vouchers") == {"totals": [], "hours": [], "groups": []}
    assert _read(own, "/v1/vouchers/flags") == {"vouchers": [], "next": None}
    assert _read(own, "/v1/feeds") == []
    assert _read(own, f"/v1/indicators/{CHILDCARE}/history")["points"] == []


def test_readiness_names_what_is_missing(bare: TestClient) -> None:
    assert bare.get("/healthz").json() == {"status": "alive"}
    response = bare.get("/readyz")
    assert response.status_code == 503
    assert "indicator_live" in response.json()["detail"]


def test_readiness_needs_the_topic(api: TestClient) -> None:
    response = api.get("/readyz")  # nothing follows the topic here
    assert response.status_code == 503
    assert "topic" in response.json()["detail"]


def test_clickhouse_away_is_a_503_that_says_when_to_come_back(settings: Common) -> None:
    response = application(settings.model_copy(update={"clickhouse_port": 1})).get("/v1/indicators")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "ClickHouse" in response.json()["detail"]


def test_page_and_its_files_load_nothing_from_elsewhere(api: TestClient) -> None:
    page = api.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-cache"
    for path in ("/static/board.js", "/static/board.css", "/static/icon.svg"):
        assert path in page.text or path == "/static/icon.svg"
        assert api.get(path).status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")


def test_metrics_are_there(api: TestClient) -> None:
    text = api.get("/metrics").text
    assert "minmai_board_source_connected 0.0" in text
    assert "minmai_board_pages 0.0" in text


def test_the_shared_county_has_every_status(api: TestClient) -> None:
    answer = _read(api, "/v1/indicators")
    found = {row["status"] for entry in answer["indicators"] for row in entry["figures"]}
    assert found == set(get_args(FigureStatus))


def test_a_taken_port_is_named(county: Common) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        board = BoardSettings.model_validate(county.model_dump() | {"board_port": port})
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(board)
