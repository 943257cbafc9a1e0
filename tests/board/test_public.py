"""What the public is told: every figure that may be, and nothing of whom the records are about."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from schemas.indicator import Figure
from schemas.parts import RecordsPart
from schemas.statistic import MEASURES, ONE
from services.board.tables.disclosure import INSTITUTIONS, PEOPLE, Behind, hidden
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board import ledger
from tests.board.county import PLAN, TODAY, UPDATED, figures, plan, write_figures
from tests.board.test_api import application
from tests.support.clickhouse import ClickHouse

COUNTY = "532622"
TOWNS = [one.code for one in plan().shown_divisions if one.level == "township"]
SEED = 20_240_611
SILENT = "health-bureau/childcare-place"
SECRET = re.compile(r"geheim-[a-z]+")
"""What stands in every text of a record that names somebody or something. None of it may come out."""


def marked(event: ledger.Event) -> ledger.Event:
    """Return an event whose names all can be told."""
    data = dict(event["data"])
    for field in ("facility_id", "event_id", "voucher_id", "merchant_id", "name", "note", "reason"):
        if data.get(field):
            data[field] = f"geheim-{field.replace('_', '')} {data[field]}"
    for field in ("facility_id", "event_id", "voucher_id", "merchant_id"):
        if data.get(field):
            data[field] = data[field].replace(" ", "-")
    if "record" in data:
        data["record"] = f"geheim-record-{data['record']}"
    return event | {
        "data": data,
        "id": f"geheim-record-{event['id']}",
        "source": f"geheim-agency-{ledger.SOURCES.index(event['source'])}",
        "receipt": f"geheim-receipt-{event['receipt']}",
    }


@pytest.fixture(scope="module")
def told(
    clickhouse: ClickHouse,
) -> Iterator[tuple[TestClient, platform.ClickHouse, dict[str, Any]]]:
    """The board of a county whose records all bear names, its tables, and what it tells the public."""
    name = "board_public"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {name}")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=name, plan=PLAN)
    migrate(settings)
    tables = platform.ClickHouse(settings)
    ledger.write(tables, [marked(event) for event in ledger.Ledger(SEED).events()])
    api = application(settings)
    known = api.get(f"/v1/indicators?as_of={TODAY}&known_at={TODAY}").json()
    write_figures(
        tables,
        "indicator_live",
        [Figure.model_validate(row) for one in known["indicators"] for row in one["figures"]],
    )
    write_letters(tables)
    write_silence(tables)
    answer = api.get("/v1/public/indicators")
    assert answer.status_code == 200, answer.text
    yield api, tables, answer.json()
    tables.close()


def write_letters(tables: platform.ClickHouse) -> None:
    """Two refused facilities, one of which has been mended."""
    names = ["geheim-letter-1", "geheim-letter-2"]
    columns: dict[str, list[object]] = {
        column: ["geheim-letters"] * 2 for column in ("receipt", "place", "field", "message", "raw")
    }
    columns |= {
        "id": list(names),
        "time": [UPDATED] * 2,
        "service": ["ingest"] * 2,
        "stream": ["facility"] * 2,
        "source": ["geheim-agency-0"] * 2,
        "record_id": list(names),
        "code": ["wrong_value"] * 2,
        "encoding": ["utf-8"] * 2,
    }
    tables.insert("dead_letter", columns)
    settled = {
        "letter": names[0],
        "outcome": "counted",
        "receipt": "",
        "code": "",
        "field": "",
        "message": "",
    }
    tables.insert("dead_letter_replayed", {name: [value] for name, value in settled.items()})


def write_silence(tables: platform.ClickHouse) -> None:
    """The feed of places is silent."""
    [rule] = [id for id, one in plan().rules.items() if one.kind == "feed_silent"]
    fired = {
        "alert_id": UUID(int=1),
        "rule": rule,
        "indicator": SILENT,
        "division": COUNTY,
        "subject": SILENT,
        "severity": "warning",
        "state": "firing",
        "condition": "firing",
        "value": 12.0,
        "threshold": Decimal(10),
        "as_of": TODAY,
        "figure_version": 1,
        "reason": "geheim-reason",
        "changed_at": UPDATED,
    }
    tables.insert("alert_log", {name: [value] for name, value in fired.items()})


def by_place(answer: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["id"], row["division"]): row for one in answer["indicators"] for row in one["figures"]}


def test_nothing_of_whom_the_records_are_about(
    told: tuple[TestClient, platform.ClickHouse, dict[str, Any]],
) -> None:
    api, tables, _answer = told
    text = api.get("/v1/public/indicators").text
    assert SECRET.findall(text) == []
    # Every name that the tables hold of a record, whatever it looks like.
    names: set[str] = set()
    for table in ("facility", "childcare_place", "fitness_event", "consumption_voucher", "statistic"):
        for row in tables.query(f"SELECT source, id, receipt FROM {table}_log"):
            names |= set(row)
    for column, table in (
        ("name", "facility"),
        ("name", "fitness_event"),
        ("ifNull(merchant_id, id)", "consumption_voucher"),
    ):
        names |= {name for (name,) in tables.query(f"SELECT {column} FROM {table}_log")}
    assert len(names) > 1_000
    assert [name for name in names if name in text] == []
    # The same board tells its staff: the test would see them.
    staff = api.get("/v1/indicators/childcare_places_per_1000/records").text
    assert {"geheim-agency", "geheim-facilityid", "geheim-name", "geheim-receipt", "geheim-record"} <= set(
        SECRET.findall(staff)
    )


def test_every_indicator_is_told_with_what_it_is(
    told: tuple[TestClient, platform.ClickHouse, dict[str, Any]],
) -> None:
    _api, _tables, answer = told
    assert [one["id"] for one in answer["indicators"]] == list(plan().indicators)
    assert (answer["document"], answer["synthetic"]) == ("砚政办发〔2022〕187号", True)
    one = answer["indicators"][0]
    assert one["definition"] == plan().indicators[one["id"]].definition.model_dump()
    assert one["source"]["numerator"]["zh"] == "设施〔托育机构、开放〕的托位总数之和"
    assert one["source"]["denominator"]["en"] == "reported “resident population”"
    assert one["source"]["department"] == "县卫生健康局"
    senders = " ".join(sender["zh"] for sender in one["source"]["senders"])
    assert re.search("托育主管部门.*各行业主管部门.*统计部门", senders)
    for one in answer["indicators"]:
        declared = plan().indicators[one["id"]]
        for row in one["figures"]:
            assert (row["value"] is None) or not row["withheld"]
            assert (row["status"] is None) == row["withheld"]
            if row["value"] is not None and row["target"] is None:
                assert round(row["value"], declared.decimals) == row["value"]


def test_no_figure_tells_of_a_few_institutions(
    told: tuple[TestClient, platform.ClickHouse, dict[str, Any]],
) -> None:
    """Held against the records that staff are shown behind each figure."""
    api, _tables, answer = told
    rows = by_place(answer)
    withheld = 0
    for declared in plan().indicators.values():
        for side in ("numerator", "denominator"):
            parts = [part for part in getattr(declared, side) if isinstance(part, RecordsPart)]
            if not parts or parts[0].from_ != "facility" or parts[0].having:
                continue
            many = behind(api, declared.id, side)
            for division in [COUNTY, *TOWNS]:
                row = rows.get((declared.id, division))
                promised = division == COUNTY and declared.target is not None and parts[0].count
                if row is None or promised or not 0 < many[division] < INSTITUTIONS:
                    continue
                assert row["withheld"], (declared.id, division, many[division])
                withheld += 1
    assert withheld > 20


def behind(api: TestClient, indicator: str, part: str) -> Counter[str]:
    """How many facilities stand behind one side of a figure, in the county and each township."""
    many: Counter[str] = Counter()
    asked = f"/v1/indicators/{indicator}/records?part={part}&limit=1000&as_of={TODAY}"
    answer = api.get(asked).json()
    assert answer["next"] is None
    for record in answer["records"]:
        if record["stream"] == "facility":
            many[record["division"][:9]] += 1
            many[COUNTY] += 1
    return many


def test_money_of_few_is_not_told(told: tuple[TestClient, platform.ClickHouse, dict[str, Any]]) -> None:
    _api, tables, answer = told
    rows = by_place(answer)
    assert tables.query("SELECT uniq(merchant_id) FROM consumption_voucher_log WHERE merchant_id != ''") == [
        (1,)
    ]
    assert all(rows["voucher_issued_value", town]["withheld"] for town in TOWNS)
    assert rows["voucher_redeemed_value", COUNTY]["withheld"]  # all of it one merchant's
    assert not rows["voucher_issued_value", COUNTY]["withheld"]
    for kind in ("personal", "small_enterprise"):
        assert rows[f"startup_loan_largest_{kind}", COUNTY]["withheld"]
        assert not rows[f"startup_loan_amount_{kind}", COUNTY]["withheld"]
    assert not rows["childcare_places_per_1000", COUNTY]["withheld"]


def test_one_loan_is_nobody_elses_matter(own: TestClient, tables: platform.ClickHouse) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "bank",
        "type": "minmai.statistic.v1",
        "time": UPDATED.isoformat(),
        "receivedtime": UPDATED.isoformat(),
        "receipt": "1",
    }
    said = {"division": COUNTY, "dimension": "personal"}
    loans = [
        event | {"id": measure, "data": said | {"measure": measure, "value": value}}
        for measure, value in (("startup_loans", "1.0000"), ("startup_loan_amount", "150000.0000"))
    ]
    ledger.write(tables, loans)
    rows = by_place(own.get("/v1/public/indicators").json())
    assert rows["startup_loan_amount_personal", COUNTY] == {
        "division": COUNTY,
        "value": None,
        "target": None,
        "due": None,
        "status": None,
        "withheld": True,
    }
    assert rows["startup_loans_personal", COUNTY]["withheld"]


@pytest.fixture
def own(settings: Common) -> TestClient:
    """The API of this test's own database."""
    return application(settings)


def test_quality_says_what_was_refused_and_who_is_silent(
    told: tuple[TestClient, platform.ClickHouse, dict[str, Any]],
) -> None:
    _api, tables, answer = told
    found = {one["id"]: one["quality"] for one in answer["indicators"]}
    [(kept,)] = tables.query("SELECT sum(records) FROM feed_live WHERE stream = 'facility'")
    assert found["elder_canteens"]["refused"] == round(100 / (kept + 1), 1)
    assert found["voucher_issued_count"]["refused"] == 0
    assert found["childcare_places_per_1000"]["feeds"] == 3
    assert found["childcare_places_per_1000"]["silent"] == 1
    assert found["physicians_per_1000"]["silent"] == 0


def test_the_answer_is_shared_and_has_a_tag(
    told: tuple[TestClient, platform.ClickHouse, dict[str, Any]],
) -> None:
    api, _tables, answer = told
    again = api.get("/v1/public/indicators")
    assert again.json()["made_at"] == answer["made_at"]
    known = api.get("/v1/public/indicators", headers={"If-None-Match": again.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_a_value_that_just_misses_is_not_its_target(own: TestClient, tables: platform.ClickHouse) -> None:
    [before] = [row for row in figures() if (row.indicator, row.division) == ("physicians_per_1000", COUNTY)]
    assert before.target is not None
    close = before.model_copy(update={"value": float(before.target) - 0.0008, "version": 900})
    write_figures(tables, "indicator_live", [close])
    row = by_place(own.get("/v1/public/indicators").json())["physicians_per_1000", COUNTY]
    assert row["value"] == pytest.approx(float(before.target) - 0.001)
    assert row["status"] == close.status


def test_measures_of_people_say_who_counts_them() -> None:
    for spec in MEASURES.values():
        assert spec.people in ("", ONE) or MEASURES[spec.people].people == spec.people
    assert MEASURES["startup_loan_largest"].people == ONE


LIMITS = st.sampled_from([INSTITUTIONS, PEOPLE])


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from(TOWNS), st.integers(0, 30)), LIMITS), min_size=1, max_size=3
    )
)
def test_who_takes_the_others_from_the_whole_learns_nothing(parts: list[tuple[dict[str, int], int]]) -> None:
    sides = [Behind(many, limit) for many, limit in parts]
    found = hidden(TOWNS, sides)
    assert found >= {town for town in TOWNS if any(side.few(town) for side in sides)}
    left = [town for town in TOWNS if town not in found and any(side.many.get(town) for side in sides)]
    if not found:
        assert not any(side.few(town) for side in sides for town in TOWNS)
    elif left:
        assert len(found) > 1
        assert all(side.covers(found) for side in sides)
