"""The synthetic county: the same every time, what ingest accepts, and on its way to the targets."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import islice, takewhile

import pytest

from cli.sample.county import BEGIN, County, Pace, sample
from cli.sample.outbox import AGENCIES, Sent
from cli.sample.truth import counted, history
from cli.sample.vouchers import running
from schemas.envelope import Pushed
from schemas.streams import STREAMS
from services.platform.plan import Plan, load_plan
from tests.sample.conftest import YANSHAN

END = date(2025, 12, 31)
SIZE = 6_000


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(YANSHAN)


@pytest.fixture(scope="module")
def sent(plan: Plan) -> list[Sent]:
    return list(sample(plan, SIZE, seed=1, end=END))


def time_of(one: Sent) -> datetime:
    return datetime.fromisoformat(one.event["time"])


def test_the_same_seed_says_the_same_and_another_seed_something_else(plan: Plan, sent: list[Sent]) -> None:
    assert list(sample(plan, SIZE, seed=1, end=END)) == sent
    assert list(sample(plan, SIZE, seed=2, end=END)) != sent


def test_every_record_fits_its_contract_and_comes_from_the_agency_of_its_stream(sent: list[Sent]) -> None:
    for one in sent:
        stream = STREAMS[one.stream]
        event = Pushed[stream.model].model_validate(one.event)  # type: ignore[name-defined]
        assert (event.source, event.type) == (one.agency, stream.topic)
        assert event.subject == stream.subject(one.event["data"])
        assert one.stream in AGENCIES[one.agency]
    assert {(one.agency, one.stream) for one in sent} == {
        (agency, stream) for agency, streams in AGENCIES.items() for stream in streams
    }


def test_ids_name_one_record_each(sent: list[Sent]) -> None:
    assert len(counted(one.event for one in sent)) == len(sent)


def test_the_size_is_about_what_was_asked_for(plan: Plan, sent: list[Sent]) -> None:
    assert 0.95 * SIZE < len(sent) < 1.05 * SIZE
    assert 19_000 < sum(1 for _ in sample(plan, 20_000, end=END)) < 21_000


def test_records_leave_in_order_never_before_their_time_and_some_late(plan: Plan, sent: list[Sent]) -> None:
    moments = [one.moment for one in sent]
    assert moments == sorted(moments)
    assert moments[0].astimezone(plan.zone).date() >= BEGIN
    assert moments[-1].astimezone(plan.zone).date() <= END
    assert all(time_of(one) <= one.moment for one in sent)
    days_late = sum(one.moment - time_of(one) >= timedelta(days=1) for one in sent)
    assert 0.02 < days_late / len(sent) < 0.08


def test_targets_are_missed_at_first_and_reached_in_time(plan: Plan, sent: list[Sent]) -> None:
    events = [one.event for one in sent]
    seen = history(events, plan, [BEGIN, END])
    for indicator in (
        "childcare_places_per_1000",
        "community_childcare_coverage",
        "eldercare_nursing_bed_share",
        "sports_area_per_capita",
        "fitness_events_in_year",
    ):
        statuses = [seen[day][indicator, plan.county.county].status for day in (BEGIN, END)]
        assert statuses in (["below", "met"], ["no_data", "met"])


def test_facilities_open_are_suspended_and_close(sent: list[Sent]) -> None:
    statuses = Counter(one.event["data"]["status"] for one in sent if one.stream == "facility")
    assert set(statuses) == {"planned", "building", "open", "suspended", "closed"}


def test_a_voucher_takes_legal_steps(sent: list[Sent]) -> None:
    lives: dict[str, list[Sent]] = {}
    for one in sent:
        if one.stream == "consumption-voucher":
            lives.setdefault(one.event["data"]["voucher_id"], []).append(one)
    legal = {
        ("issued",),
        ("issued", "claimed"),
        ("issued", "expired"),
        ("issued", "claimed", "expired"),
        ("issued", "claimed", "redeemed"),
        ("issued", "claimed", "redeemed", "refunded"),
    }
    month_before = datetime(2025, 12, 1, tzinfo=sent[0].moment.tzinfo)  # what comes late is in by the end
    seen = set()
    for steps in lives.values():
        steps.sort(key=time_of)
        if time_of(steps[0]) < month_before:
            seen.add(tuple(one.event["data"]["step"] for one in steps))
    assert seen <= legal
    assert len(seen) >= 4


def test_campaigns_run_in_their_season_and_weekends_are_busier() -> None:
    assert running(date(2024, 2, 1)) is None
    spring, new_year = running(date(2024, 4, 1)), running(date(2024, 1, 2))
    assert spring is not None
    assert new_year is not None
    assert (spring[0].code, new_year[0].code) == ("qihua", "qixiang")
    saturday = running(date(2024, 4, 6))
    assert saturday is not None
    assert saturday[1] > spring[1]


def test_meals_are_the_busy_hours_of_restaurants(sent: list[Sent], plan: Plan) -> None:
    hours = Counter(
        time_of(one).astimezone(plan.zone).hour
        for one in sent
        if one.event["data"].get("sector") == "catering" and one.event["data"]["step"] == "redeemed"
    )
    assert hours[12] > hours[15] < hours[18]


def test_the_pace_changes_how_much_is_sent_never_how_facilities_grow(plan: Plan) -> None:
    def said(pace: Pace) -> set[str]:
        """What is said of facilities until March, wherever lateness puts it."""
        until_april = takewhile(
            lambda one: one.moment.date() < date(2023, 4, 30), County(plan, lambda _day: pace)
        )
        facilities = [one for one in until_april if one.stream == "facility"]
        return {one.event["id"] for one in facilities if time_of(one).date() < date(2023, 4, 1)}

    assert said(Pace(0, 30)) == said(Pace(3, 7))


def test_another_county_needs_no_code(small: Plan) -> None:
    for one in islice(County(small, lambda _day: Pace(5, 7), inhabitants=20_000), 2_000):
        division = one.event["data"].get("division", small.county.county)
        assert division in small.divisions
