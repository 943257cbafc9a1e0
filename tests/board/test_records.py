"""What is listed is exactly what is counted: against the sample's independent count, for the whole plan."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from cli.sample import truth
from schemas.declaration import Indicator
from schemas.indicator import Figure, Standing
from schemas.parts import RecordsPart, StatisticPart
from services.board.sheets import records
from services.board.tables.breakdown import fields_of
from services.figures.standing import Reading, read
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board import ledger
from tests.board.county import PLAN, TODAY, figure, kept, plan, target, write_figures, write_history
from tests.board.test_api import application
from tests.support.clickhouse import ClickHouse

SEED = 20_240_531
COUNTY, TOWN = "532622", "532622101"
PAST = date(2023, 11, 30)
KNOWN = datetime(2023, 12, 15, 10, tzinfo=UTC)
DAYS = [date(2023, month, 1) - timedelta(days=1) for month in range(2, 13)]
DAYS += [date(2024, month, 1) - timedelta(days=1) for month in range(1, 7)]


@pytest.fixture(scope="module")
def events() -> list[ledger.Event]:
    return ledger.Ledger(SEED).events()


@pytest.fixture(scope="module")
def api(clickhouse: ClickHouse, events: list[ledger.Event]) -> TestClient:
    """The board of a county with the ledger's records, and the tables they must have come to."""
    name = "board_ledger"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name, plan=PLAN, clock="event")
    migrate(settings)
    pool = Pool(settings)
    ledger.write(pool, events)
    for day, figures in truth.history(plan(), events, DAYS).items():
        write_history(pool, ((*where, day, _reading(*where, told)) for where, told in figures.items()))
    # Which definition's history is shown is what the live figures say: these are there before their values.
    write_figures(
        pool,
        "indicator_live",
        [figure(one, place, version=0) for one, place in kept(plan().indicators.values())],
    )
    board = application(settings)
    live = _get(board, "/v1/indicators", as_of=str(TODAY))
    rows = [Figure.model_validate(row) for one in live["indicators"] for row in one["figures"]]
    write_figures(pool, "indicator_live", rows)
    pool.close()
    return board


def _reading(indicator: str, division: str, told: truth.Expected) -> Reading:
    """The row that the aggregator must have written, which divides in floats."""
    declared = plan().indicators[indicator]
    reading = read(declared, target(declared, plan().divisions[division]), told.numerator, told.denominator)
    assert (reading.status, reading.value) == (told.status, pytest.approx(told.value))
    return reading


def _get(api: TestClient, path: str, **params: Any) -> Any:
    response = api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def _sides(
    indicators: Iterable[Indicator], divisions: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], str]]:
    for indicator in indicators:
        for code in divisions:
            if plan().divisions[code].level in indicator.levels:
                yield (indicator.id, code), "numerator"
                if indicator.denominator:
                    yield (indicator.id, code), "denominator"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _pages(api: TestClient, indicator: str, **params: Any) -> tuple[list[dict[str, Any]], Any]:
    """All pages of a listing, and the last answer."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = _get(api, f"/v1/indicators/{indicator}/records", **params, **cursor)
        found += answer["records"]
        if answer["next"] is None:
            return found, answer
        assert len(answer["records"]) == params["limit"]
        cursor = {"cursor": answer["next"]}


def test_the_ledger_has_something_of_everything(events: list[ledger.Event]) -> None:
    figures = truth.figures(plan(), events, TODAY)
    assert {one.status for one in figures.values()} == set(get_args(Standing))
    empty = {name for (name, code), one in figures.items() if code == "532622" and not one.numerator}
    assert len(empty) < 5, f"nothing counts in {empty}"


@pytest.mark.parametrize(
    ("params", "day", "known_at", "divisions"),
    [
        ({}, TODAY, None, (COUNTY, TOWN)),
        ({"as_of": str(PAST)}, PAST, None, (COUNTY,)),
        ({"as_of": str(PAST), "known_at": KNOWN.isoformat()}, PAST, KNOWN, (COUNTY,)),
    ],
    ids=["now", "as_of", "known_at"],
)
def test_amounts_add_up_to_every_figure(
    api: TestClient,
    events: list[ledger.Event],
    *,
    params: dict[str, str],
    day: date,
    known_at: datetime | None,
    divisions: tuple[str, ...],
) -> None:
    expected = truth.figures(plan(), events, day, known_at)
    listed = 0
    some = list(plan().indicators.values())[:: 3 if params else 1]
    for where, part in _sides(some, divisions):
        total = getattr(expected[where], part)
        records, answer = _pages(api, where[0], **params, part=part, division=where[1], limit=1000)
        assert _decimal(answer["total"]) == total, (where, part)
        if total is not None:
            assert sum(Decimal(one["amount"]) for one in records) == total, (where, part)
        assert all(one["division"].startswith(where[1]) for one in records if one["division"])
        listed += len(records)
    assert listed > 100


def test_pages_are_the_whole_listing_cut_up(api: TestClient) -> None:
    some = list(plan().indicators.values())[::6]
    for where, part in _sides(some, (COUNTY,)):
        whole, _ = _pages(api, where[0], part=part, limit=1000)
        size = max(len(whole) // 3, 1)
        assert _pages(api, where[0], part=part, limit=size)[0] == whole, (where, part)


def test_a_listing_of_single_records_skips_and_repeats_nothing(api: TestClient) -> None:
    for indicator in ("childcare_places_per_1000", "community_childcare_coverage"):
        whole, _ = _pages(api, indicator, limit=1000)
        assert len(whole) > 5
        assert _pages(api, indicator, limit=1)[0] == whole


def test_a_sheet_has_every_record_with_all_that_it_says(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_PAGE", 50)  # of several pages
    some = list(plan().indicators.values())[::5]
    for indicator in (*some, plan().indicators["voucher_redeemed_value"]):
        for part in ("numerator", *(["denominator"] if indicator.denominator else [])):
            listed, answer = _pages(api, indicator.id, part=part, limit=1000)
            params = {"part": part, "format": "csv"}
            response = api.get(f"/v1/indicators/{indicator.id}/records", params=params)
            assert response.status_code == 200, response.text
            [head, *lines] = csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline=""))
            rows = [dict(zip(head, line, strict=True)) for line in lines]
            assert [row["记录编号 · record"] for row in rows] == [one["id"] for one in listed]
            if answer["total"] is not None:
                assert sum(Decimal(row["计入 · adds"]) for row in rows) == Decimal(answer["total"])
            names = [title.rpartition(" · ")[2] for title in head[11:]]
            for row, one in zip(lines, listed, strict=True):
                filled = {name for name, cell in zip(names, row[11:], strict=True) if cell}
                if one["stream"] not in ("division", "constant"):
                    assert filled == {name for name, value in one["fields"].items() if value != ""}, one
    assert "餐饮 · catering" in api.get("/v1/indicators/voucher_redeemed_value/records?format=csv").text


def test_figures_of_any_day_are_the_independent_count(api: TestClient, events: list[ledger.Event]) -> None:
    for params, day, known_at in (
        ({"as_of": str(PAST)}, PAST, None),
        ({"known_at": "2023-12-15T18:00:00+08:00"}, KNOWN.date(), KNOWN),
        ({"as_of": str(PAST), "known_at": "2023-12-15T10:00:00Z"}, PAST, KNOWN),
    ):
        expected = truth.figures(plan(), events, day, known_at)
        answer = _get(api, "/v1/indicators", **params)
        found = {
            (row["indicator"], row["division"]): row
            for entry in answer["indicators"]
            for row in entry["figures"]
        }
        assert answer["as_of"] == str(day)
        assert found.keys() == expected.keys()
        for key, row in found.items():
            told = expected[key]
            assert (_decimal(row["numerator"]), _decimal(row["denominator"])) == (
                told.numerator,
                told.denominator,
            ), (key, params)
            assert row["value"] == pytest.approx(told.value), key
            looks_ahead = {"on_track", "behind", "off_track", "cannot_say", "missed", "met"}
            same = (
                row["status"] in looks_ahead
                if told.status in ("met", "below")
                else row["status"] == told.status
            )
            assert same, (key, row["status"], told.status)


def test_history_and_records_give_one_status(api: TestClient) -> None:
    """From the history's rows, and computed anew from records of which all are known."""
    for day in (PAST, date(2024, 4, 30)):
        kept = _get(api, "/v1/indicators", as_of=str(day))["indicators"]
        anew = _get(api, "/v1/indicators", as_of=str(day), known_at="2030-01-01")["indicators"]
        for one, other in zip(kept, anew, strict=True):
            assert list(map(_said, one["figures"])) == list(map(_said, other["figures"]))


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return Figure.model_validate(row).model_dump(exclude={"version", "updated_at"})


def test_a_day_known_means_its_very_end(api: TestClient) -> None:
    """The ledger has a record received half a second before midnight in the county."""
    path = "/v1/indicators/community_facility_area_per_100_households/records"
    asked = {"part": "denominator", "division": TOWN}
    for known_at, counts in (
        ("2023-12-20", True),
        ("2023-12-20T23:59:59.5", True),
        ("2023-12-20T15:59:59.500Z", True),
        ("2023-12-20T23:59:59.499999+08:00", False),
        ("2023-12-19", False),
    ):
        answer = _get(api, path, **asked, known_at=known_at)
        [record] = answer["records"]
        assert (Decimal(record["amount"]) == ledger.LAST_MINUTE) == counts, known_at
        assert Decimal(answer["total"]) == Decimal(record["amount"])


def test_history_as_known_ends_with_the_figure_as_known(api: TestClient) -> None:
    path = "/v1/indicators/childcare_places_per_1000"
    history = _get(api, f"{path}/history", known_at=KNOWN.isoformat(), division="532622101")
    [figure] = _get(api, path, known_at=KNOWN.isoformat(), division="532622101")["figures"]
    assert history["until"] == figure["as_of"] == "2023-12-15"
    assert history["points"][-1]["numerator"] == figure["numerator"]
    days = [point["day"] for point in history["points"]]
    assert days == sorted(set(days))
    assert days[-1] <= "2023-12-15"


def test_places_are_counted_once_with_all_their_facilities(api: TestClient) -> None:
    records, answer = _pages(api, "community_childcare_coverage", limit=1000)
    places: dict[str, list[str]] = defaultdict(list)
    for record in records:
        places[record["division"]].append(record["amount"])
    assert len(places) == int(Decimal(answer["total"]))
    assert any(len(amounts) > 1 for amounts in places.values())
    for amounts in places.values():
        assert [Decimal(one) for one in amounts] == [1, *[0] * (len(amounts) - 1)]


def test_places_come_with_the_record_that_says_them(api: TestClient) -> None:
    records, _ = _pages(api, "childcare_places_per_1000", limit=1000)
    by_stream = defaultdict(list)
    for record in records:
        by_stream[record["stream"]].append(record)
    facilities = {record["subject"]: record for record in by_stream["facility"]}
    assert by_stream["childcare-place"]
    for record in by_stream["childcare-place"]:
        assert Decimal(record["amount"]) == record["fields"]["total"]
        assert record["name"] == facilities[record["subject"]]["name"]
    assert all(Decimal(record["amount"]) == 0 for record in by_stream["facility"])
    assert {"source", "id", "time", "received_at", "receipt"} <= records[0].keys()


def test_breakdowns_add_up_to_the_figure(api: TestClient) -> None:
    for indicator in list(plan().indicators.values())[::5]:
        having = any(isinstance(one, RecordsPart) and one.having for one in indicator.numerator)
        for by in sorted(frozenset().union(*(fields_of(one) for one in indicator.numerator))):
            groups = _get(api, f"/v1/indicators/{indicator.id}/breakdown", by=by)
            [figure] = _get(api, f"/v1/indicators/{indicator.id}", division=COUNTY)["figures"]
            keys = [group["key"] for group in groups]
            assert keys == sorted(set(keys))
            numbers = [Decimal(group["numerator"]) for group in groups]
            if not having or by == "division":
                assert sum(numbers) == Decimal(figure["numerator"]), (indicator.id, by)
            else:
                assert sum(numbers) >= Decimal(figure["numerator"]), (indicator.id, by)
            if indicator.denominator:
                below = [Decimal(group["denominator"]) for group in groups]
                whole = Decimal(figure["denominator"])
                apart = any(by in fields_of(one) for one in indicator.denominator)
                assert (sum(below) if apart else {whole, *below}) == (whole if apart else {whole})


def test_a_breakdown_by_division_is_the_townships_figures(api: TestClient) -> None:
    path = "/v1/indicators/childcare_places_per_1000"
    figures = {row["division"]: row for row in _get(api, path)["figures"]}
    for group in _get(api, f"{path}/breakdown", by="division"):
        assert group["value"] == pytest.approx(figures[group["key"]]["value"])


@pytest.mark.parametrize("size", [3, 1_000])
def test_withdrawn_records_are_not_listed(api: TestClient, events: list[ledger.Event], size: int) -> None:
    gone = {(one["source"], one["data"]["record"]) for one in events if "retraction" in one["type"]}
    records, _ = _pages(api, "voucher_issued_count", limit=size)
    assert not gone & {(record["source"], record["id"]) for record in records}


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("records?limit=0", "limit: 太小"),
        ("records?limit=1001", "limit: 太大"),
        ("records?part=both", "part: 不在可选值之内"),
        ("records?cursor=nonsense", "cursor: 游标不属于这个查询"),
        ("records?as_of=2024-06-01", "as_of: 2024-06-01 不在"),
        ("records?as_of=1970-12-31", "as_of: 1970-12-31 不在"),
        ("records?as_of=31.5.2024", "as_of: 不是日期"),
        ("records?known_at=yesterday", "known_at: 'yesterday' 不是日期或时刻"),
        ("records?known_at=2024-02-30", "known_at: '2024-02-30' 不是日期或时刻"),
        ("records?known_at=0001-01-01", "known_at: '0001-01-01' 太早或太晚"),
        ("breakdown", "by: 缺少此参数"),
        ("breakdown?by=name", "by: childcare_places_per_1000 可按这些字段细分：division"),
        ("history?from=2024-02-01&to=2024-01-01", "from: 2024-02-01 晚于"),
    ],
)
def test_what_cannot_be_asked_is_named(api: TestClient, path: str, detail: str) -> None:
    response = api.get(f"/v1/indicators/childcare_places_per_1000/{path}")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)


def test_a_cursor_is_good_for_its_own_question_alone(api: TestClient) -> None:
    path = "/v1/indicators/childcare_places_per_1000/records"
    cursor = _get(api, path, limit=2)["next"]
    for other in ({"part": "denominator"}, {"division": "532622101"}, {"as_of": str(PAST)}):
        response = api.get(path, params={"limit": 2, "cursor": cursor, **other})
        assert response.status_code == 422, other
    assert _get(api, path, limit=3, cursor=cursor)["records"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("teacher_rotation_rate/records?division=532622101", "指标 teacher_rotation_rate 没有"),
        ("fitness_events_in_year/records?part=denominator", "指标 fitness_events_in_year 没有分母"),
        ("nothing/records", "没有指标 nothing"),
        ("childcare_places_per_1000/records?division=1", "没有区划 1 的数字"),
    ],
)
def test_what_there_is_not_is_named(api: TestClient, path: str, detail: str) -> None:
    response = api.get(f"/v1/indicators/{path}")
    assert response.status_code == 404
    assert response.json()["detail"].startswith(detail)


def test_statistics_of_a_year_lapse_with_it(api: TestClient) -> None:
    [part] = plan().indicators["persons_trained"].numerator
    assert isinstance(part, StatisticPart)
    records, _ = _pages(api, "persons_trained", as_of="2023-12-31", limit=1000)
    assert all(
        record["time"] < datetime.combine(date(2024, 1, 1), time(), plan().zone).isoformat()
        for record in records
    )


def test_every_route_is_documented_with_an_example_that_works(api: TestClient) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    examples = re.findall(r"curl.* 'http://127\.0\.0\.1:8101(/[^']*)'", text)
    routes = {re.sub(r"\{\w+\}", r"[a-z_0-9-]+", path) for path in _get(api, "/openapi.json")["paths"]}
    undocumented = {one for one in routes if not any(re.fullmatch(rf"{one}(\?.*)?", url) for url in examples)}
    assert not undocumented
    # Those that change something are tried in test_access.py. The stream does not end, and nothing follows
    # the topic here.
    reading = re.findall(r"curl(?! -X).* 'http://127\.0\.0\.1:8101(/[^']*)'", text)
    for url in set(reading) - {"/v1/stream", "/readyz"}:
        assert api.get(url).status_code == 200, url
