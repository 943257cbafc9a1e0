"""The judge, judged: every case here was counted by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cli.sample.truth import Count, HourSum, figures, history, today, voucher_hourly
from services.platform.plan import Plan

COUNTY, TOWN, TOWNSHIP = "100000", "100000101", "100000201"
EAST, WEST, SOUTH, NORTH = "100000101001", "100000101002", "100000101201", "100000201201"
DAY = date(2024, 6, 30)

_ids = count(1)


def event(stream: str, time: str, source: str = "a", id: str = "", **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id or f"e{next(_ids):04}",
        "source": source,
        "type": f"minmai.{stream}.v1",
        "time": time,
        "data": data,
    }


def childcare(name: str, division: str, time: str, status: str = "open", **more: Any) -> dict[str, Any]:
    return event(
        "facility", time, facility_id=name, kind="childcare", division=division, status=status, **more
    )


def places(name: str, total: int, time: str, **envelope: str) -> dict[str, Any]:
    return event("childcare-place", time, facility_id=name, total=total, inclusive=0, enrolled=0, **envelope)


def residents(division: str, value: int | str, time: str = "2024-01-01T00:00:00+08:00") -> dict[str, Any]:
    return event(
        "statistic", time, division=division, measure="resident_population", dimension="", value=value
    )


def fitness(name: str, division: str, day: str, status: str, time: str) -> dict[str, Any]:
    return event("fitness-event", time, event_id=name, division=division, day=day, status=status)


def voucher(step: str, face: str, time: str, division: str = TOWN, **more: Any) -> dict[str, Any]:
    return event(
        "consumption-voucher",
        time,
        voucher_id="v",
        campaign="qihua",
        sector="catering",
        step=step,
        face_value=face,
        division=division,
        **more,
    )


def one(events: list[dict[str, Any]], plan: Plan, indicator: str, division: str, day: date = DAY) -> Count:
    return figures(events, plan, day)[indicator, division]


def test_childcare_places_per_1000(small: Plan) -> None:
    events = [
        residents(TOWN, 8000),
        residents(TOWNSHIP, "2000.0000"),
        childcare("k1", EAST, "2024-02-01T09:00:00+08:00"),
        places("k1", 30, "2024-02-01T09:00:00+08:00"),
        childcare("k2", NORTH, "2024-02-01T09:00:00+08:00"),
        places("k2", 9, "2024-02-01T09:00:00+08:00"),
        childcare("k3", SOUTH, "2024-02-01T09:00:00+08:00", status="suspended"),
        places("k3", 500, "2024-02-01T09:00:00+08:00"),
        childcare("k4", SOUTH, "2024-02-01T09:00:00+08:00"),  # open, its places not told yet
        places("k5", 700, "2024-02-01T09:00:00+08:00"),  # no such facility
    ]
    indicator = "childcare_places_per_1000"
    assert one(events, small, indicator, COUNTY) == Count(Decimal(39), Decimal(10000), 3.9, "below")
    assert one(events, small, indicator, TOWN) == Count(Decimal(30), Decimal(8000), 3.75, "below")
    assert one(events, small, indicator, TOWNSHIP) == Count(Decimal(9), Decimal(2000), 4.5, "met")


def test_population_is_unknown_until_every_township_has_reported(small: Plan) -> None:
    events = [childcare("k1", EAST, "2024-02-01T09:00:00+08:00"), residents(TOWN, 8000)]
    indicator = "childcare_places_per_1000"
    assert one(events, small, indicator, COUNTY) == Count(Decimal(0), None, None, "no_data")
    assert one(events, small, indicator, TOWN) == Count(Decimal(0), Decimal(8000), 0.0, "below")
    assert one(events, small, indicator, TOWNSHIP) == Count(Decimal(0), None, None, "no_data")


def test_a_kind_never_reported_is_no_data_and_a_kind_reported_elsewhere_is_nought(small: Plan) -> None:
    sports = event(
        "facility",
        "2024-02-01T09:00:00+08:00",
        facility_id="s1",
        kind="sports_venue",
        division=EAST,
        status="open",
        sports_area="4600.50",
    )
    events = [residents(TOWN, 2000), residents(TOWNSHIP, 0), sports]
    assert one(events, small, "childcare_places_per_1000", TOWN).status == "no_data"
    area = one(events, small, "sports_area_per_capita", TOWN)
    assert area == Count(Decimal("4600.50"), Decimal(2000), 2.30025, "met")
    empty = one(events, small, "sports_area_per_capita", TOWNSHIP)
    assert empty == Count(Decimal(0), Decimal(0), None, "not_applicable")
    before = one(events, small, "sports_area_per_capita", TOWN, date(2024, 1, 31))
    assert before == Count(None, Decimal(2000), None, "no_data")


def test_urban_communities_with_childcare(small: Plan) -> None:
    events = [
        childcare("k1", EAST, "2024-02-01T09:00:00+08:00"),
        childcare("k2", EAST, "2024-02-01T09:00:00+08:00"),
        childcare("k3", SOUTH, "2024-02-01T09:00:00+08:00"),  # a rural community
        childcare("k4", WEST, "2024-02-01T09:00:00+08:00", status="planned"),
    ]
    indicator = "community_childcare_coverage"
    assert one(events, small, indicator, COUNTY) == Count(Decimal(1), Decimal(2), 50.0, "met")
    assert one(events, small, indicator, TOWNSHIP) == Count(Decimal(0), Decimal(0), None, "not_applicable")


def test_a_facility_is_where_and_what_its_newest_record_says(small: Plan) -> None:
    events = [
        childcare("k1", WEST, "2024-05-01T09:00:00+08:00"),
        childcare("k1", EAST, "2024-02-01T09:00:00+08:00"),  # arrives later, is older
    ]
    seen = history(events, small, [date(2024, 1, 31), date(2024, 2, 1), date(2024, 5, 1)])
    numerators = [found["community_childcare_coverage", TOWN].numerator for found in seen.values()]
    assert numerators == [None, Decimal(1), Decimal(1)]
    closed = [*events, childcare("k1", WEST, "2024-06-01T09:00:00+08:00", status="closed")]
    assert one(closed, small, "community_childcare_coverage", TOWN).numerator == 0


def test_equal_times_are_settled_by_source_and_then_id_whatever_came_first(small: Plan) -> None:
    time = "2024-02-01T09:00:00+08:00"
    base = [residents(TOWN, 1000), childcare("k1", EAST, time)]
    by_id = [places("k1", 2, time, id="b"), places("k1", 1, time, id="a")]
    by_source = [places("k1", 4, time, source="b", id="a"), places("k1", 3, time, source="a", id="z")]
    for later, wanted in ((by_id, 2), (by_source, 4)):
        for order in (later, later[::-1]):
            figure = one([*base, *order], small, "childcare_places_per_1000", TOWN)
            assert figure.numerator == wanted


def test_nursing_beds(small: Plan) -> None:
    def home(name: str, beds: int, nursing: int, status: str = "open") -> dict[str, Any]:
        return event(
            "facility",
            "2024-02-01T09:00:00+08:00",
            facility_id=name,
            kind="elder_care",
            division=EAST,
            status=status,
            beds=beds,
            nursing_beds=nursing,
        )

    events = [home("h1", 60, 40), home("h2", 40, 11), home("h3", 100, 100, "closed")]
    indicator = "eldercare_nursing_bed_share"
    assert one(events, small, indicator, COUNTY) == Count(Decimal(51), Decimal(100), 51.0, "met")
    assert one(events, small, indicator, TOWNSHIP).status == "not_applicable"


def test_fitness_events_of_the_year(small: Plan) -> None:
    events = [
        fitness("f1", TOWN, "2024-03-01", "planned", "2024-02-01T09:00:00+08:00"),
        fitness("f1", TOWN, "2024-03-01", "held", "2024-03-01T20:00:00+08:00"),
        fitness("f2", COUNTY, "2024-12-31", "held", "2024-12-31T20:00:00+08:00"),
        fitness("f3", SOUTH, "2024-04-01", "cancelled", "2024-03-30T20:00:00+08:00"),
        fitness("f4", NORTH, "2023-12-31", "held", "2024-01-02T08:00:00+08:00"),  # told too late for its year
    ]
    days = [date(2024, 1, 2), date(2024, 2, 29), date(2024, 3, 1), date(2024, 12, 31), date(2025, 1, 1)]
    seen = history(events, small, days)
    indicator = "fitness_events_in_year"
    assert [found[indicator, COUNTY].numerator for found in seen.values()] == [0, 0, 1, 2, 0]
    assert [found[indicator, TOWN].numerator for found in seen.values()] == [0, 0, 1, 1, 0]
    assert seen[days[-1]][indicator, COUNTY] == Count(Decimal(0), None, 0.0, "below")
    assert seen[days[2]][indicator, TOWN] == Count(Decimal(1), None, 1.0, "watched")
    assert figures(events, small, date(2024, 1, 1))[indicator, TOWN] == Count(None, None, None, "no_data")


def test_voucher_money_counts_every_accepted_step(small: Plan) -> None:
    events = [
        voucher("issued", "18.88", "2024-05-01T08:00:00+08:00"),
        voucher("issued", "11.12", "2024-05-01T08:00:00+08:00"),
        voucher("redeemed", "18.88", "2024-05-02T08:00:00+08:00", order_amount="60.10"),
        voucher("issued", "100", "2024-07-01T00:00:00+08:00"),  # 16:00 UTC on 30 June: July in the county
    ]
    assert one(events, small, "voucher_issued_value", TOWN) == Count(Decimal("30.00"), None, 30.0, "watched")
    rate = one(events, small, "voucher_redemption_rate", COUNTY)
    assert (rate.numerator, rate.denominator, rate.status) == (Decimal("18.88"), Decimal("30.00"), "watched")
    assert rate.value == pytest.approx(62.93333333333333, rel=1e-15)
    assert one(events, small, "voucher_redemption_rate", TOWNSHIP).status == "not_applicable"
    assert one(events, small, "voucher_issued_value", COUNTY, date(2024, 4, 30)).status == "no_data"
    assert today(events, small) == date(2024, 7, 1)


def test_voucher_hourly(small: Plan) -> None:
    events = [
        voucher("redeemed", "20.00", "2024-05-02T12:00:00+08:00", order_amount="60.10"),
        voucher("redeemed", "20.05", "2024-05-02T12:59:59.999+08:00", order_amount="0.90"),
        voucher("issued", "20.05", "2024-05-02T13:00:00+08:00"),
    ]
    noon = datetime(2024, 5, 2, 4, tzinfo=UTC)
    assert voucher_hourly(events) == {
        ("qihua", "catering", TOWN, noon, "redeemed"): HourSum(2, Decimal("40.05"), Decimal("61.00")),
        ("qihua", "catering", TOWN, noon.replace(hour=5), "issued"): HourSum(1, Decimal("20.05"), Decimal(0)),
    }


def test_an_id_counts_once_and_the_first_wins(small: Plan) -> None:
    time = "2024-05-01T08:00:00+08:00"
    first = voucher("issued", "10.00", time)
    conflict = first | {"data": first["data"] | {"face_value": "99.00"}}
    other_agency = conflict | {"source": "b"}
    events = [first, conflict, first, other_agency]
    assert one(events, small, "voucher_issued_value", COUNTY).numerator == Decimal("109.00")
