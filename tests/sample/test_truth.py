"""The judge, judged: every case here was counted by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count, permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.sample.truth import (
    MEANINGS,
    Expected,
    Steps,
    figures,
    history,
    month_ends,
    tasks,
    today,
    voucher_hourly,
    write,
)
from services.platform.plan import Plan, load_plan
from tests.e2e.small_county import COUNTY, EAST, NORTH, SOUTH, TOWN, TOWNSHIP, WEST
from tests.support.services import YANSHAN

JANUARY, FEBRUARY = "2024-01-01T00:00:00+08:00", "2024-02-01T09:00:00+08:00"
DAY = date(2024, 6, 30)

Event = dict[str, Any]

_ids = count(1)


def event(stream: str, time: str, /, source: str = "a", id: str = "", **data: Any) -> Event:
    return {
        "specversion": "1.0",
        "id": id or f"e{next(_ids):04}",
        "source": source,
        "type": f"minmai.{stream}.v1",
        "time": time,
        "data": data,
    }


def facility(
    name: str, kind: str, division: str, time: str = FEBRUARY, status: str = "open", **more: Any
) -> Event:
    ownership = more.pop("ownership", "public")
    return event(
        "facility",
        time,
        facility_id=name,
        kind=kind,
        division=division,
        status=status,
        ownership=ownership,
        **more,
    )


def childcare(name: str, division: str, time: str = FEBRUARY, status: str = "open") -> Event:
    return facility(name, "childcare", division, time, status)


def medical(name: str, division: str, category: str, **more: Any) -> Event:
    amounts = {"beds": 0, "nursing_beds": 0, "physicians": 0, "nurses": 0}
    return facility(name, "medical", division, category=category, **{**amounts, **more})


def home(name: str, division: str, beds: int = 0, nursing: int = 0, **more: Any) -> Event:
    return facility(name, "elder_care", division, beds=beds, nursing_beds=nursing, **more)


def places(
    name: str, total: int, time: str = FEBRUARY, inclusive: int = 0, enrolled: int = 0, **envelope: str
) -> Event:
    return event(
        "childcare-place",
        time,
        facility_id=name,
        total=total,
        inclusive=inclusive,
        enrolled=enrolled,
        **envelope,
    )


def told(
    measure: str, division: str, value: int | str, time: str = JANUARY, dimension: str = "", **envelope: str
) -> Event:
    more = {"dimension": dimension} if dimension else {}
    return event("statistic", time, division=division, measure=measure, value=value, **more, **envelope)


def residents(division: str, value: int | str, time: str = JANUARY) -> Event:
    return told("resident_population", division, value, time)


def fitness(name: str, division: str, day: str, status: str, time: str, **more: Any) -> Event:
    level = more.pop("level", "county")
    return event(
        "fitness-event", time, event_id=name, division=division, day=day, status=status, level=level, **more
    )


def voucher(step: str, face: str, time: str, division: str = TOWN, **more: Any) -> Event:
    campaign = more.pop("campaign", "qihua")
    return event(
        "consumption-voucher",
        time,
        voucher_id="v",
        campaign=campaign,
        sector="catering",
        step=step,
        face_value=face,
        division=division,
        **more,
    )


def retraction(of: Event, source: str = "a", **more: str) -> Event:
    stream = of["type"].removeprefix("minmai.").removesuffix(".v1")
    return event("retraction", "2024-06-01T09:00:00+08:00", source, stream=stream, record=of["id"], **more)


def received(event: Event, moment: str) -> Event:
    return {**event, "receivedtime": moment}


def one(events: list[Event], plan: Plan, indicator: str, division: str = COUNTY, day: date = DAY) -> Expected:
    return figures(plan, events, day)[indicator, division]


def ratio(figure: Expected) -> tuple[int | Decimal | None, int | Decimal | None, str]:
    return figure.numerator, figure.denominator, figure.status


# The list and the plan folder


def test_every_indicator_of_the_plan_folder_is_counted_and_promises_what_the_list_promises() -> None:
    declared = load_plan(YANSHAN).indicators
    assert set(MEANINGS) == set(declared)
    for name, meaning in MEANINGS.items():
        one = declared[name]
        assert (name, one.scale, tuple(one.levels)) == (name, meaning.scale, meaning.levels)
        assert (name, bool(one.denominator)) == (name, meaning.denominator is not None)
        promised = one.target and (
            one.target.direction,
            one.target.value,
            one.target.due,
            *(level for level in one.levels if one.target_at(level)),
        )
        wanted = meaning.promise and (
            meaning.promise.direction,
            meaning.promise.value,
            meaning.promise.due,
            *(level for level in meaning.levels if level in meaning.promise.levels),
        )
        assert (name, promised) == (name, wanted)
    assert sum(meaning.promise is not None for meaning in MEANINGS.values()) == 37


def test_figures_are_kept_for_the_county_and_where_the_list_says_for_townships(small: Plan) -> None:
    found = figures(small, [], DAY)
    assert {division for name, division in found if name == "teacher_rotation_rate"} == {COUNTY}
    assert {division for name, division in found if name == "oversized_classes"} == {COUNTY, TOWN, TOWNSHIP}


def test_with_no_record_at_all_nothing_is_known(small: Plan) -> None:
    assert {figure.status for figure in figures(small, [], DAY).values()} == {"no_data"}
    coverage = one([], small, "urban_community_facility_coverage", TOWN)
    assert ratio(coverage) == (None, 2, "no_data")
    # Where there is no urban community either, what is not known goes before what does not apply.
    assert ratio(one([], small, "urban_community_facility_coverage", TOWNSHIP)) == (None, 0, "no_data")


# Childcare


def test_childcare_places_per_1000(small: Plan) -> None:
    events = [
        residents(TOWN, 8000),
        residents(TOWNSHIP, "2000.0000"),
        childcare("k1", EAST),
        places("k1", 30),
        childcare("k2", NORTH),
        places("k2", 9),
        childcare("k3", SOUTH, status="suspended"),
        places("k3", 500),
        childcare("k4", SOUTH),  # open, its places not told yet
        places("k5", 700),  # no such facility
        facility("k6", "mother_room", EAST),
        places("k6", 900),  # not a childcare facility
    ]
    indicator = "childcare_places_per_1000"
    assert one(events, small, indicator, COUNTY) == Expected(Decimal(39), Decimal(10000), 3.9, "below")
    assert one(events, small, indicator, TOWN) == Expected(Decimal(30), Decimal(8000), 3.75, "below")
    assert one(events, small, indicator, TOWNSHIP) == Expected(Decimal(9), Decimal(2000), 4.5, "met")


def test_places_told_before_their_facility_count_from_its_day_on(small: Plan) -> None:
    events = [
        *(residents(TOWN, 1000), residents(TOWNSHIP, 1000)),
        places("k", 10, "2024-01-05T09:00:00+08:00"),
        childcare("k", EAST, "2024-03-05T09:00:00+08:00"),
        places("k", 12, "2024-04-05T09:00:00+08:00"),
        childcare("k", NORTH, "2024-05-05T09:00:00+08:00"),  # moved, with its places
    ]
    days = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 4, 5), date(2024, 5, 5)]
    seen = history(small, events, days)
    indicator = "childcare_places_per_1000"
    assert [seen[day][indicator, TOWN].numerator for day in days] == [None, 10, 12, 0]
    assert [seen[day][indicator, TOWNSHIP].numerator for day in days] == [None, 0, 0, 12]


def test_occupancy_and_inclusive_places(small: Plan) -> None:
    events = [
        childcare("k1", EAST),
        places("k1", 40, inclusive=10, enrolled=50),
        childcare("k2", EAST, status="closed"),
        places("k2", 100, inclusive=100, enrolled=100),
        childcare("k3", NORTH),
    ]
    assert one(events, small, "childcare_occupancy", TOWN) == Expected(
        Decimal(50), Decimal(40), 125.0, "watched"
    )
    assert ratio(one(events, small, "inclusive_childcare_place_share")) == (10, 40, "watched")
    assert ratio(one(events, small, "childcare_occupancy", TOWNSHIP)) == (0, 0, "not_applicable")


def test_urban_communities_with_childcare(small: Plan) -> None:
    events = [
        childcare("k1", EAST),
        childcare("k2", EAST),
        childcare("k3", SOUTH),  # a rural community
        childcare("k4", WEST, status="planned"),
    ]
    indicator = "community_childcare_coverage"
    assert one(events, small, indicator, COUNTY) == Expected(Decimal(1), Decimal(2), 50.0, "met")
    assert one(events, small, indicator, TOWNSHIP) == Expected(Decimal(0), Decimal(0), None, "not_applicable")


def test_complete_communities(small: Plan) -> None:
    events = [
        told("complete_community", EAST, 1),
        told("complete_community", WEST, 1),
        told("complete_community_childcare", EAST, 1),
        told("complete_community", SOUTH, 0),
    ]
    indicator = "complete_community_childcare_compliance"
    assert one(events, small, indicator) == Expected(Decimal(1), Decimal(2), 50.0, "below")
    # Known everywhere from the county's first report on: nobody there says that it is complete.
    assert ratio(one(events, small, indicator, TOWNSHIP)) == (0, 0, "not_applicable")
    assert ratio(one(events[:2], small, indicator, TOWN)) == (None, 2, "no_data")


# New estates


def test_new_estates(small: Plan) -> None:
    def estate(name: str, division: str = EAST, status: str = "open", **more: Any) -> Event:
        return facility(name, "estate", division, status=status, **{"new": True, "residents": 3, **more})

    events = [
        estate("just", elder_care_area="0.30", indoor_sports_area="0.30", childcare_provided=True),
        estate("hardly", elder_care_area="0.29", indoor_sports_area="0.29", outdoor_sports_area="0.90"),
        estate("nothing", NORTH),
        estate("nobody", residents=0, elder_care_area="5", outdoor_sports_area="5"),
        estate("old", new=False, elder_care_area="9", indoor_sports_area="9", childcare_provided=True),
        estate("unbuilt", status="building", elder_care_area="9", childcare_provided=True),
    ]
    found = figures(small, events, DAY)
    assert ratio(found["new_estate_childcare_coverage", COUNTY]) == (1, 4, "below")
    assert ratio(found["new_estate_eldercare_compliance", COUNTY]) == (1, 4, "below")
    assert ratio(found["new_estate_sports_compliance", COUNTY]) == (2, 4, "below")
    assert ratio(found["new_estate_sports_compliance", TOWNSHIP]) == (0, 1, "below")
    assert ratio(one(events[:1], small, "new_estate_eldercare_compliance")) == (1, 1, "met")
    assert ratio(one(events[4:], small, "new_estate_eldercare_compliance")) == (0, 0, "not_applicable")


# Kindergartens and schools


def test_kindergartens(small: Plan) -> None:
    def kindergarten(name: str, children: int, ownership: str, division: str = EAST, **more: Any) -> Event:
        return facility(name, "kindergarten", division, ownership=ownership, children=children, **more)

    events = [
        kindergarten("g1", 50, "public"),
        kindergarten("g2", 35, "private", inclusive=True),
        kindergarten("g3", 15, "private", NORTH),
        kindergarten("g4", 99, "public", status="closed"),
        told("population_3_5", TOWN, 100),
    ]
    found = figures(small, events, DAY)
    assert ratio(found["public_kindergarten_share", COUNTY]) == (50, 100, "met")
    assert ratio(found["inclusive_kindergarten_coverage", COUNTY]) == (85, 100, "met")
    assert ratio(found["inclusive_kindergarten_coverage", TOWNSHIP]) == (0, 15, "below")
    assert found["preschool_gross_enrolment", TOWN] == Expected(Decimal(85), Decimal(100), 85.0, "below")
    assert ratio(found["preschool_gross_enrolment", COUNTY]) == (100, None, "no_data")


def test_oversized_classes_are_known_when_every_township_has_reported(small: Plan) -> None:
    first, second = told("oversized_classes", TOWN, 3), told("oversized_classes", TOWNSHIP, 0)
    indicator = "oversized_classes"
    assert one([first], small, indicator).status == "no_data"
    assert one([first], small, indicator, TOWN) == Expected(Decimal(3), None, 3.0, "below")
    assert one([first, second], small, indicator).numerator == 3
    assert one([first, second], small, indicator, TOWNSHIP) == Expected(Decimal(0), None, 0.0, "met")
    mended = told("oversized_classes", TOWN, 0, "2025-02-01T00:00:00+08:00")  # no yearly figure: it holds on
    days = [date(2025, 1, 31), date(2025, 2, 1)]
    seen = history(small, [first, second, mended], days)
    assert [seen[day][indicator, COUNTY].status for day in days] == ["below", "met"]


def test_teacher_rotation_lapses_with_the_year(small: Plan) -> None:
    events = [
        told("teachers_eligible", COUNTY, 200, "2023-09-01T08:00:00+08:00"),
        told("teachers_rotated", COUNTY, 20, "2023-10-01T08:00:00+08:00"),
        told("teachers_rotated", COUNTY, 7, "2024-03-01T08:00:00+08:00"),
        told("teachers_eligible", COUNTY, 210, "2024-04-01T08:00:00+08:00"),
    ]
    days = [date(2023, 9, 30), date(2023, 12, 31), date(2024, 1, 1), date(2024, 3, 1), date(2024, 4, 1)]
    seen = history(small, events, days)
    assert [ratio(seen[day]["teacher_rotation_rate", COUNTY]) for day in days] == [
        (None, 200, "no_data"),
        (20, 200, "met"),
        (None, None, "no_data"),
        (7, None, "no_data"),
        (7, 210, "below"),
    ]


# Medical institutions


def test_medical_institutions(small: Plan) -> None:
    general = {"grade": "secondary", "beds": 50, "nursing_beds": 40, "physicians": 20, "nurses": 30}
    events = [
        *(residents(TOWN, 8000), residents(TOWNSHIP, 2000)),
        medical("h1", EAST, "general_hospital", **general, age_friendly=True, no_health_code_channel=True),
        medical(
            *("h2", WEST, "tcm_hospital"),
            **{"grade": "tertiary", "ownership": "private", "mobile_booking": True},
        ),
        medical("c1", EAST, "community_health_centre", beds=10, nursing_beds=3, green_channel=True),
        medical("c2", NORTH, "township_health_centre", beds=12, nursing_beds=3, physicians=6, nurses=6),
        medical("v1", NORTH, "village_clinic", mobile_booking=True, age_friendly=True),
        medical("x1", EAST, "general_hospital", **general, status="closed"),
    ]
    found = figures(small, events, DAY)

    def county(indicator: str) -> tuple[int | Decimal | None, int | Decimal | None, str]:
        return ratio(found[indicator, COUNTY])

    assert county("physicians_per_1000") == (26, 10_000, "met")
    assert county("nurses_per_1000") == (36, 10_000, "below")
    assert county("medical_beds_per_1000") == (72, 10_000, "met")
    assert found["medical_beds_per_1000", COUNTY].value == 7.2
    assert county("primary_care_nursing_bed_share") == (6, 22, "below")
    assert ratio(found["primary_care_nursing_bed_share", TOWN]) == (3, 10, "met")
    assert county("age_friendly_institutions") == (1, 3, "below")
    assert county("elderly_green_channel") == (1, 4, "below")
    assert county("mobile_booking_coverage") == (1, 4, "below")
    assert county("no_health_code_channel") == (1, 2, "below")
    assert county("hospice_pilot_secondary") == (0, 1, "below")
    assert county("hospice_pilot_tertiary") == (0, 0, "not_applicable")
    tertiary = medical("h3", NORTH, "general_hospital", grade="tertiary", hospice_pilot=True)
    assert ratio(one([*events, tertiary], small, "hospice_pilot_tertiary")) == (1, 1, "met")
    assert ratio(one([*events, tertiary], small, "hospice_pilot_secondary")) == (1, 2, "below")


def test_integrated_care_is_known_from_the_first_medical_or_elder_care_record_on(small: Plan) -> None:
    events = [home("h1", EAST)]
    assert ratio(one(events, small, "integrated_care_units")) == (0, None, "below")
    assert ratio(one(events, small, "township_integrated_care_demos")) == (0, 2, "below")
    events += [
        home("h2", EAST, integrated_care_unit=True, integrated_care_demo=True),
        medical("c1", WEST, "community_health_centre", integrated_care_demo=True),
        medical("c2", NORTH, "clinic", integrated_care_unit=True, integrated_care_demo=True, status="closed"),
    ]
    assert ratio(one(events, small, "integrated_care_units")) == (1, None, "met")
    assert ratio(one(events, small, "township_integrated_care_demos")) == (1, 2, "below")
    events.append(medical("c3", NORTH, "clinic", integrated_care_demo=True))
    assert ratio(one(events, small, "township_integrated_care_demos")) == (2, 2, "met")


# Elder care


def test_elder_care(small: Plan) -> None:
    events = [
        home("h1", EAST, 60, 40, comprehensive=True, medical_contract=True),
        home("h2", WEST, 40, 11, comprehensive=True),
        home("h3", NORTH, 100, 100, status="closed", comprehensive=True, medical_contract=True),
    ]
    found = figures(small, events, DAY)
    share = "eldercare_nursing_bed_share"
    assert found[share, COUNTY] == Expected(Decimal(51), Decimal(100), 51.0, "met")
    assert ratio(found[share, TOWNSHIP]) == (0, 0, "not_applicable")
    assert ratio(found["medical_eldercare_contract_rate", COUNTY]) == (1, 2, "below")
    assert ratio(found["township_eldercare_coverage", COUNTY]) == (1, 2, "below")


# Communities


def test_community_service_facilities(small: Plan) -> None:
    def service(name: str, division: str, area: str, activity: str = "0", **more: Any) -> Event:
        return facility(name, "community_service", division, floor_area=area, activity_area=activity, **more)

    events = [
        service("s1", EAST, "400.50", "240.30"),
        service("s2", EAST, "99.50", "59.70"),
        service("s3", SOUTH, "100"),
        service("s4", WEST, "900", "900", status="building"),
        told("households", TOWN, 1500),
        told("commercial_floor_area", TOWN, "600"),
        told("community_floor_area", TOWN, "12000"),
        told("community_floor_area", TOWNSHIP, "0"),
    ]
    found = figures(small, events, DAY)
    assert ratio(found["urban_community_facility_coverage", COUNTY]) == (1, 2, "below")
    assert ratio(found["urban_community_facility_coverage", TOWNSHIP]) == (0, 0, "not_applicable")
    assert ratio(found["rural_community_facility_coverage", COUNTY]) == (1, 2, "below")
    assert ratio(found["rural_community_facility_coverage", TOWN]) == (1, 1, "met")
    assert ratio(found["community_facility_area_per_100_households", TOWN]) == (600, 1500, "met")
    assert ratio(found["community_facility_area_per_100_households", COUNTY]) == (600, None, "no_data")
    assert ratio(found["community_activity_area_share", COUNTY]) == (300, 600, "below")
    assert ratio(found["community_service_area_share", TOWN]) == (1200, 12000, "met")
    # A sum is unknown while one of its parts is, and what is unknown goes before a denominator of nought.
    assert ratio(found["community_service_area_share", TOWNSHIP]) == (None, 0, "no_data")


def test_watched_facilities(small: Plan) -> None:
    def service(name: str, status: str, area: str, **more: Any) -> Event:
        return facility(
            name, "community_service", EAST, status=status, floor_area=area, activity_area="0", **more
        )

    events = [
        facility("c1", "convenience_centre", EAST, quarter_hour_circle=True),
        facility("c2", "convenience_centre", EAST),
        facility("e1", "elder_canteen", NORTH),
        facility("m1", "mother_room", NORTH, status="planned"),
        facility("p1", "culture_point", EAST, category="city_study"),
        facility("p2", "culture_point", EAST, category="culture_station", status="suspended"),
        facility("i1", "idle_site", EAST, site_area="10", service_use="culture"),
        facility("i2", "idle_site", EAST, site_area="10"),
        service("s1", "planned", "300.00"),
        service("s2", "building", "300.01"),
        service("s3", "open", "900", investment="300000.00"),
        service("s4", "closed", "10", investment="10"),
    ]
    found = figures(small, events, DAY)
    wanted = {
        "convenience_centres": 2,
        "quarter_hour_circles": 1,
        "elder_canteens": 1,
        "mother_rooms": 0,
        "culture_points_city_study": 1,
        "culture_points_culture_station": 0,
        "idle_sites_in_use": 1,
        "simplified_fire_filing_facilities": 2,
    }
    assert {name: found[name, COUNTY].numerator for name in wanted} == wanted
    assert found["elder_canteens", TOWN] == Expected(Decimal(0), None, 0.0, "watched")


# What holds for all facilities


def test_a_kind_never_reported_is_no_data_and_a_kind_reported_elsewhere_is_nought(small: Plan) -> None:
    sports = facility("s1", "sports_venue", EAST, sports_area="4600.50")
    events = [residents(TOWN, 2000), residents(TOWNSHIP, 0), sports]
    assert one(events, small, "childcare_places_per_1000", TOWN).status == "no_data"
    area = one(events, small, "sports_area_per_capita", TOWN)
    assert area == Expected(Decimal("4600.50"), Decimal(2000), 2.30025, "met")
    empty = one(events, small, "sports_area_per_capita", TOWNSHIP)
    assert empty == Expected(Decimal(0), Decimal(0), None, "not_applicable")
    before = one(events, small, "sports_area_per_capita", TOWN, date(2024, 1, 31))
    assert before == Expected(None, Decimal(2000), None, "no_data")


def test_a_facility_is_where_and_what_its_newest_record_says(small: Plan) -> None:
    events = [
        childcare("k1", WEST, "2024-05-01T09:00:00+08:00"),
        childcare("k1", EAST, "2024-02-01T09:00:00+08:00"),  # arrives later, is older
    ]
    days = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 5, 1)]
    seen = history(small, events, days)
    assert [seen[day]["community_childcare_coverage", TOWN].numerator for day in days] == [None, 1, 1]
    closed = [*events, childcare("k1", WEST, "2024-06-01T09:00:00+08:00", status="closed")]
    assert one(closed, small, "community_childcare_coverage", TOWN).numerator == 0


def test_a_facility_may_become_another_kind(small: Plan) -> None:
    events = [
        childcare("f", EAST),
        facility("f", "elder_canteen", EAST, "2024-03-01T09:00:00+08:00"),
    ]
    assert one(events, small, "community_childcare_coverage", TOWN).numerator == 0
    assert one(events, small, "elder_canteens", TOWN).numerator == 1


def test_what_was_overtaken_on_the_same_day_was_never_so(small: Plan) -> None:
    wrong = facility("f", "elder_canteen", EAST, "2024-03-01T09:00:00+08:00")
    right = facility("f", "mother_room", EAST, "2024-03-01T09:30:00+08:00")
    assert one([right, wrong], small, "elder_canteens").status == "no_data"
    assert one([right, wrong, retraction(right)], small, "elder_canteens").numerator == 1


def test_a_day_is_the_countys_day(small: Plan) -> None:
    events = [
        childcare("k1", EAST, "2024-02-01T15:59:59.999999Z"),
        childcare("k1", NORTH, "2024-02-01T16:00:00Z"),
    ]
    days = [date(2024, 2, 1), date(2024, 2, 2)]
    seen = history(small, events, days)
    assert [seen[day]["community_childcare_coverage", COUNTY].numerator for day in days] == [1, 0]


def test_equal_times_are_settled_by_source_and_then_id_whatever_came_first(small: Plan) -> None:
    base = [residents(TOWN, 1000), childcare("k1", EAST)]
    by_id = [places("k1", 2, id="b"), places("k1", 1, id="a")]
    by_source = [places("k1", 4, source="b", id="a"), places("k1", 3, source="a", id="z")]
    for later, wanted in ((by_id, 2), (by_source, 4)):
        for order in (later, later[::-1]):
            figure = one([*base, *order], small, "childcare_places_per_1000", TOWN)
            assert figure.numerator == wanted


# Statistics


def test_population_is_unknown_until_every_township_has_reported(small: Plan) -> None:
    events = [childcare("k1", EAST), residents(TOWN, 8000)]
    indicator = "childcare_places_per_1000"
    assert one(events, small, indicator, COUNTY) == Expected(Decimal(0), None, None, "no_data")
    assert one(events, small, indicator, TOWN) == Expected(Decimal(0), Decimal(8000), 0.0, "below")
    assert one(events, small, indicator, TOWNSHIP) == Expected(Decimal(0), None, None, "no_data")


def test_the_newest_report_of_a_division_counts(small: Plan) -> None:
    events = [
        facility("s1", "sports_venue", EAST, sports_area="100"),
        residents(TOWN, 60, "2024-03-31T23:59:59+08:00"),
        residents(TOWN, 50, "2024-03-01T00:00:00+08:00"),
    ]
    days = [date(2024, 3, 1), date(2024, 3, 31)]
    seen = history(small, events, days)
    assert [seen[day]["sports_area_per_capita", TOWN].denominator for day in days] == [50, 60]


def test_reported_figures_of_the_county(small: Plan) -> None:
    events = [
        told("basic_service_measures", COUNTY, 79),
        told("quality_vocational_majors", COUNTY, 3),
        told("higher_vocational_majors", COUNTY, 1),
        told("schools_with_care_majors", COUNTY, 6),
        told("persons_trained", COUNTY, 120),
        told("institutions_rated", COUNTY, 4, dimension="childcare"),
        told("startup_loans", COUNTY, 11, dimension="personal"),
        told("startup_loan_amount", COUNTY, "1650000.50", dimension="personal"),
        told("startup_loan_largest", COUNTY, "200000", dimension="personal"),
        told("startup_loans_beyond_caps", COUNTY, 1, dimension="personal"),
        told("startup_loans_beyond_caps", COUNTY, 2, dimension="small_enterprise"),
    ]
    found = figures(small, events, DAY)
    assert found["basic_service_measures_rate", COUNTY] == Expected(Decimal(79), Decimal(80), 98.75, "below")
    wanted: dict[str, tuple[int | str | None, str]] = {
        "quality_vocational_majors": (3, "met"),
        "higher_vocational_majors": (1, "below"),
        "schools_with_care_majors": (6, "met"),
        "persons_trained": (120, "watched"),
        "institutions_rated_childcare": (4, "watched"),
        "institutions_rated_elder_care": (None, "no_data"),  # the measure is reported, this sector is not
        "startup_loans_personal": (11, "watched"),
        "startup_loan_amount_personal": ("1650000.50", "watched"),
        "startup_loan_largest_personal": (200_000, "watched"),
        "startup_loan_largest_small_enterprise": (None, "no_data"),
        "startup_loans_beyond_caps": (3, "watched"),
    }
    for name, (value, status) in wanted.items():
        amount = None if value is None else Decimal(value)
        assert (name, found[name, COUNTY].numerator, found[name, COUNTY].status) == (name, amount, status)
    assert one(events, small, "persons_trained", day=date(2025, 1, 1)).status == "no_data"
    assert one(events, small, "basic_service_measures_rate", day=date(2025, 1, 1)).numerator == 79


def test_visits_and_showings_of_the_year(small: Plan) -> None:
    events = [
        told("opera_visits", TOWN, 2, "2024-03-01T08:00:00+08:00"),
        told("opera_visits", TOWNSHIP, 0, "2024-03-01T08:00:00+08:00"),
        told("film_showings", NORTH, 1, "2024-03-01T08:00:00+08:00"),
        told("film_showings", EAST, 5, "2024-03-01T08:00:00+08:00"),  # no village
    ]
    days = [date(2024, 2, 29), date(2024, 12, 31), date(2025, 1, 1)]
    seen = history(small, events, days)
    opera, films = "townships_with_opera_visits", "villages_with_film_showings"
    assert [seen[day][opera, COUNTY].numerator for day in days] == [None, 1, 0]
    assert [seen[day][opera, TOWNSHIP].numerator for day in days] == [None, 0, 0]
    assert [seen[day][films, COUNTY].numerator for day in days] == [None, 1, 0]
    assert [seen[day][films, TOWN].numerator for day in days] == [None, 0, 0]


# Fitness events


def test_fitness_events_of_the_year(small: Plan) -> None:
    events = [
        fitness("f1", TOWN, "2024-03-01", "planned", "2024-02-01T09:00:00+08:00"),
        fitness("f1", TOWN, "2024-03-01", "held", "2024-03-01T20:00:00+08:00"),
        fitness("f2", COUNTY, "2024-12-31", "held", "2024-12-31T20:00:00+08:00"),
        fitness("f3", SOUTH, "2024-04-01", "cancelled", "2024-03-30T20:00:00+08:00"),
        fitness("f4", NORTH, "2023-12-31", "held", "2024-01-02T08:00:00+08:00"),  # told too late for its year
    ]
    days = [date(2024, 1, 2), date(2024, 2, 29), date(2024, 3, 1), date(2024, 12, 31), date(2025, 1, 1)]
    seen = history(small, events, days)
    indicator = "fitness_events_in_year"
    assert [seen[day][indicator, COUNTY].numerator for day in days] == [0, 0, 1, 2, 0]
    assert [seen[day][indicator, TOWN].numerator for day in days] == [0, 0, 1, 1, 0]
    assert seen[days[-1]][indicator, COUNTY] == Expected(Decimal(0), None, 0.0, "below")
    assert seen[days[2]][indicator, TOWN] == Expected(Decimal(1), None, 1.0, "watched")
    before = figures(small, events, date(2024, 1, 1))
    assert before[indicator, TOWN] == Expected(None, None, None, "no_data")


def test_a_fitness_event_counts_from_its_day_and_from_the_day_it_was_told(small: Plan) -> None:
    events = [
        fitness("early", TOWN, "2024-05-10", "held", "2024-05-01T09:00:00+08:00", participants=30),
        fitness(
            *("late", NORTH, "2024-05-10", "held", "2024-05-20T09:00:00+08:00"),
            level="township",
            participants=12,
        ),
        fitness("late", NORTH, "2024-05-10", "cancelled", "2024-06-20T09:00:00+08:00"),
    ]
    days = [date(2024, 5, 9), date(2024, 5, 10), date(2024, 5, 20), date(2024, 6, 20)]
    seen = history(small, events, days)

    def numerators(indicator: str, division: str = COUNTY) -> list[Decimal | None]:
        return [seen[day][indicator, division].numerator for day in days]

    assert numerators("fitness_events_in_year") == [0, 1, 2, 1]
    assert numerators("fitness_events_in_year_county") == [0, 1, 1, 1]
    assert numerators("fitness_events_in_year_township", TOWNSHIP) == [0, 0, 1, 0]
    assert numerators("fitness_participants_in_year") == [0, 30, 42, 30]


# Vouchers


def test_voucher_money_counts_every_accepted_step(small: Plan) -> None:
    events = [
        voucher("issued", "18.88", "2024-05-01T08:00:00+08:00"),
        voucher("issued", "11.12", "2024-05-01T08:00:00+08:00"),
        voucher("redeemed", "18.88", "2024-05-02T08:00:00+08:00", order_amount="60.10"),
        voucher("issued", "100", "2024-07-01T00:00:00+08:00"),  # 16:00 UTC on 30 June: July in the county
    ]
    issued = one(events, small, "voucher_issued_value", TOWN)
    assert issued == Expected(Decimal("30.00"), None, 30.0, "watched")
    assert one(events, small, "voucher_issued_count", TOWN).numerator == 2
    rate = one(events, small, "voucher_redemption_rate", COUNTY)
    assert ratio(rate) == (Decimal("18.88"), 30, "watched")
    assert rate.value == pytest.approx(62.93333333333333, rel=1e-15)
    assert one(events, small, "voucher_redemption_rate", TOWNSHIP).status == "not_applicable"
    assert one(events, small, "voucher_issued_value", COUNTY, date(2024, 4, 30)).status == "no_data"
    assert today(small, events) == date(2024, 7, 1)


def test_a_voucher_may_be_redeemed_in_part(small: Plan) -> None:
    day = "2024-05-02T08:00:00+08:00"
    events = [
        voucher("redeemed", "20", day, order_amount="45.00", redeemed_value="12.50"),
        voucher("redeemed", "20", day, order_amount="20", campaign="qixiang", division=TOWNSHIP),
        voucher("refunded", "20", day, order_amount="45.00", redeemed_value="12.50"),
        voucher("claimed", "20", day),
        voucher("expired", "30", day),
        told("campaign_budget", COUNTY, "100", dimension="qihua"),
    ]
    found = figures(small, events, DAY)
    assert found["voucher_redeemed_value", COUNTY].numerator == Decimal("32.50")
    assert ratio(found["voucher_leverage", COUNTY]) == (65, Decimal("32.50"), "watched")
    assert found["voucher_leverage", COUNTY].value == 2.0
    assert found["voucher_refunded_value", TOWN].numerator == Decimal("12.50")
    assert found["voucher_claimed_value", COUNTY].numerator == 20
    assert found["voucher_expired_value", COUNTY].numerator == 30
    assert found["voucher_refunded_count", COUNTY].numerator == 1
    assert found["voucher_budget_used", COUNTY].value == 32.5
    assert found["voucher_budget_used_qihua", COUNTY].value == 12.5
    assert ratio(found["voucher_budget_used_qixiang", COUNTY]) == (20, None, "no_data")


def test_voucher_hourly() -> None:
    events = [
        voucher("redeemed", "20.00", "2024-05-02T12:00:00+08:00", order_amount="60.10"),
        voucher(
            "redeemed", "20.05", "2024-05-02T12:59:59.999+08:00", order_amount="0.90", redeemed_value="0.90"
        ),
        voucher("issued", "20.05", "2024-05-02T13:00:00+08:00"),
    ]
    noon = datetime(2024, 5, 2, 4, tzinfo=UTC)
    twelve = Steps(2, Decimal("40.05"), Decimal("61.00"), Decimal("20.90"))
    assert voucher_hourly(events) == {
        ("qihua", "catering", TOWN, noon, "redeemed"): twelve,
        ("qihua", "catering", TOWN, noon.replace(hour=5), "issued"): Steps(1, Decimal("20.05")),
    }


# Which records count


def test_an_id_counts_once_and_the_first_wins(small: Plan) -> None:
    time = "2024-05-01T08:00:00+08:00"
    first = voucher("issued", "10.00", time)
    conflict = first | {"data": first["data"] | {"face_value": "99.00"}}
    other_agency = conflict | {"source": "b"}
    other_stream = childcare("k1", EAST) | {"id": first["id"]}
    events = [first, conflict, first, other_agency, other_stream]
    assert one(events, small, "voucher_issued_value", COUNTY).numerator == Decimal("109.00")
    assert one(events, small, "community_childcare_coverage", COUNTY).numerator == 1


def test_a_withdrawn_record_never_was_whichever_comes_first(small: Plan) -> None:
    right = childcare("k1", EAST, "2024-02-01T09:00:00+08:00")
    wrong = childcare("k1", EAST, "2024-03-01T09:00:00+08:00", status="closed")
    days = [date(2024, 2, 1), date(2024, 3, 1), date(2024, 7, 1)]
    for events in permutations([right, wrong, retraction(wrong, reason="误报")]):
        seen = history(small, events, days)
        assert [seen[day]["community_childcare_coverage", TOWN].numerator for day in days] == [1, 1, 1]


def test_only_its_own_source_withdraws_a_record_and_only_in_its_stream(small: Plan) -> None:
    record = voucher("issued", "10", "2024-05-01T08:00:00+08:00")
    in_other_stream = retraction(childcare("k1", EAST) | {"id": record["id"]})
    events = [record, retraction(record, source="b"), in_other_stream]
    assert one(events, small, "voucher_issued_value").numerator == 10


def test_a_withdrawal_may_be_written_in_three_ways(small: Plan) -> None:
    record = voucher("issued", "10", "2024-05-01T08:00:00+08:00")
    by_id = {**event("consumption-voucher", FEBRUARY), "op": "retract", "retracts": record["id"]}
    repeated = {**record, "op": "retract", "reason": "误报"}
    for way in (retraction(record), by_id, repeated):
        for events in ([record, way], [way, record]):
            kept = voucher("issued", "7", "2024-05-02T08:00:00+08:00")
            assert one([*events, kept], small, "voucher_issued_value").numerator == 7


def test_what_was_withdrawn_makes_nothing_known(small: Plan) -> None:
    for record, indicator in (
        (childcare("k1", EAST), "community_childcare_coverage"),
        (voucher("issued", "10", FEBRUARY), "voucher_issued_value"),
        (fitness("f1", TOWN, "2024-03-01", "planned", FEBRUARY), "fitness_events_in_year"),
        (told("opera_visits", TOWN, 2), "townships_with_opera_visits"),
        (told("oversized_classes", TOWN, 2), "oversized_classes"),
    ):
        assert one([record], small, indicator, TOWN).status != "no_data"
        assert one([record, retraction(record)], small, indicator, TOWN).status == "no_data"


def test_a_withdrawn_id_cannot_be_used_again_but_the_record_can_come_under_a_new_one(small: Plan) -> None:
    record = voucher("issued", "10", "2024-05-01T08:00:00+08:00")
    changed = record | {"data": record["data"] | {"face_value": "12"}}
    again = record | {"id": "again"}
    assert (
        one([record, retraction(record), changed, record], small, "voucher_issued_value").status == "no_data"
    )
    assert one([record, retraction(record), again], small, "voucher_issued_value").numerator == 10


def test_what_was_known_at_a_moment(small: Plan) -> None:
    first = received(voucher("issued", "10", "2024-03-01T08:00:00+08:00"), "2024-03-01T00:00:05Z")
    late = received(voucher("issued", "5", "2024-03-02T08:00:00+08:00"), "2024-04-01T00:00:00Z")
    withdrawn = received(retraction(first), "2024-05-01T00:00:00Z")
    events = [first, late, withdrawn]

    def known(moment: str) -> Decimal | None:
        found = figures(small, events, DAY, known_at=datetime.fromisoformat(moment))
        return found["voucher_issued_value", COUNTY].numerator

    assert known("2024-03-01T00:00:04Z") is None
    assert known("2024-03-31T00:00:00Z") == 10
    assert known("2024-04-01T00:00:00Z") == 15
    assert known("2024-05-01T00:00:00Z") == 5


# Tasks, months and the file


def test_the_newest_report_on_a_task_counts(small: Plan) -> None:
    def report(task: int, percent: int, time: str) -> Event:
        return event("task-report", time, task=task, percent=percent, status="on_schedule")

    wrong = report(4, 99, "2024-04-01T08:00:00+08:00")
    events = [
        report(4, 30, "2024-03-01T08:00:00+08:00"),
        report(4, 20, "2024-02-01T08:00:00+08:00"),
        report(35, 5, "2024-02-01T08:00:00+08:00"),
        wrong,
        retraction(wrong),
    ]
    found = tasks(small, events, DAY)
    assert {task: one.data["percent"] for task, one in found.items()} == {4: 30, 35: 5}
    assert {task: one.data["percent"] for task, one in tasks(small, events, date(2024, 2, 29)).items()} == {
        4: 20,
        35: 5,
    }


def test_month_ends_are_those_days_figures(small: Plan) -> None:
    events = [childcare("k1", EAST, "2024-02-15T09:00:00+08:00"), residents(TOWN, 1000), places("k1", 9)]
    months = month_ends(small, events, date(2023, 12, 3), date(2024, 3, 30))
    assert list(months) == [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29)]
    for day, found in months.items():
        assert found == figures(small, events, day)


def test_the_file_holds_each_months_end_and_the_last_day(small: Plan, tmp_path: Path) -> None:
    events = [
        voucher("issued", "10.50", "2024-02-03T08:00:00+08:00"),
        voucher("redeemed", "10.50", "2024-03-03T08:00:00+08:00", order_amount="21"),
    ]
    write(small, events, tmp_path / "truth.json", date(2024, 3, 5))
    told = orjson.loads((tmp_path / "truth.json").read_bytes())
    assert told["through"] == "2024-03-05"
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["figures"]]
    assert len(rows) == 2 * len(figures(small, events, DAY))
    rates = [row for row in rows if (row["indicator"], row["division"]) == ("voucher_redemption_rate", TOWN)]
    common = {"indicator": "voucher_redemption_rate", "division": TOWN, "denominator": "10.50"}
    assert rates == [
        {**common, "day": "2024-02-29", "numerator": "0", "value": 0.0, "status": "watched"},
        {**common, "day": "2024-03-05", "numerator": "10.50", "value": 100.0, "status": "watched"},
    ]
