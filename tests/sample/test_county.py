"""The synthetic county: the same every time, what ingest accepts, and on its way to the targets."""

from collections import Counter
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice, takewhile
from typing import get_args

import pytest

from cli.sample import truth
from cli.sample.county import BEGIN, END, County, Pace, sample
from cli.sample.outbox import AGENCIES, Sent
from cli.sample.vouchers import running
from schemas.declaration import Indicator
from schemas.envelope import Pushed
from schemas.facility import KINDS
from schemas.indicator import FigureStatus
from schemas.statistic import MEASURES
from schemas.streams import STREAMS
from services.figures.prospect import month_ends, prospect
from services.figures.standing import Reading
from services.platform.plan import Plan, load_plan
from tests.support.services import YANSHAN

SIZE = 20_000


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
        assert not one.wrong
        pushed = one.event["data"]["stream"] if one.stream == "retraction" else one.stream
        assert pushed in AGENCIES[one.agency]
    assert {(one.agency, one.stream) for one in sent if one.stream != "retraction"} == {
        (agency, stream) for agency, streams in AGENCIES.items() for stream in streams
    }


def test_ids_name_one_record_each(sent: list[Sent]) -> None:
    assert len(truth.counted([one.event for one in sent])) == len(sent)


def test_the_size_is_about_what_was_asked_for(plan: Plan, sent: list[Sent]) -> None:
    assert 0.95 * SIZE < len(sent) < 1.05 * SIZE
    twice = sum(1 for _ in sample(plan, scale=0.2, end=date(2023, 6, 30)))
    once = sum(1 for _ in sample(plan, scale=0.1, end=date(2023, 6, 30)))
    assert once < twice < 2 * once


def test_records_leave_in_order_never_before_their_time_and_some_late(plan: Plan, sent: list[Sent]) -> None:
    moments = [one.moment for one in sent]
    assert moments == sorted(moments)
    assert moments[0].astimezone(plan.zone).date() >= BEGIN
    assert moments[-1].astimezone(plan.zone).date() <= END
    assert all(time_of(one) <= one.moment for one in sent)
    vouchers = [one for one in sent if one.stream == "consumption-voucher"]
    days_late = sum(one.moment - time_of(one) >= timedelta(days=1) for one in vouchers)
    assert 0.02 < days_late / len(vouchers) < 0.08


def test_everything_the_plan_measures_is_told(sent: list[Sent]) -> None:
    assert {one.event["data"]["kind"] for one in sent if one.stream == "facility"} == {
        get_args(kind.model_fields["kind"].annotation)[0] for kind in KINDS
    }
    told = {
        (one.event["data"]["measure"], one.event["data"]["dimension"])
        for one in sent
        if one.stream == "statistic"
    }
    assert told == {(name, one) for name, spec in MEASURES.items() for one in spec.dimensions or ("",)}


def test_most_targets_are_reached_some_are_missed_and_one_cannot_apply(plan: Plan, sent: list[Sent]) -> None:
    events = [one.event for one in sent]
    seen = truth.history(plan, events, [date(2023, 1, 31), date(2024, 12, 31), END])
    county = plan.county.county
    promised = [name for name, one in plan.indicators.items() if one.target]
    then, before, due = (Counter(found[name, county].status for name in promised) for found in seen.values())
    assert then["met"] <= 4
    assert before["met"] < 12 < before["below"]
    assert due["met"] > 28
    assert due["not_applicable"] == 1
    assert "no_data" not in due
    assert {
        "nurses_per_1000",
        "mobile_booking_coverage",
        "township_integrated_care_demos",
        "new_estate_eldercare_compliance",
        "community_service_area_share",
    } == {name for name in promised if seen[END][name, county].status == "below"} - {
        "hospice_pilot_secondary"  # due in 2035
    }
    missing = seen[date(2024, 12, 31)]["community_service_area_share", county]
    assert missing.status == "no_data"


def test_the_board_of_the_third_year_shows_every_status(plan: Plan, sent: list[Sent]) -> None:
    day, county = date(2025, 2, 28), plan.county.county
    days = [*month_ends(day), day, date(2022, 12, 31)]
    seen = truth.history(plan, [one.event for one in sent], days)

    def at(indicator: Indicator, then: date) -> Reading:
        one = seen[then][indicator.id, county]
        target = indicator.target.value if indicator.target else None
        return Reading(one.numerator, one.denominator, one.value, target, one.status)

    assert {
        prospect(one, one.target, partial(at, one), day).status for one in plan.indicators.values()
    } == set(get_args(FigureStatus))


def test_there_is_trouble_in_between(plan: Plan, sent: list[Sent]) -> None:
    events = [one.event for one in sent]
    closed = truth.history(plan, events, [date(2024, 4, 14), date(2024, 5, 31)])
    before, after = (
        found["childcare_places_per_1000", plan.county.county].value for found in closed.values()
    )
    assert before is not None
    assert after is not None
    assert after < 0.97 * before


def test_every_task_is_reported_every_quarter_and_some_are_behind(plan: Plan, sent: list[Sent]) -> None:
    reports = [one for one in sent if one.stream == "task-report"]
    quarters = {time_of(one).astimezone(plan.zone).date() for one in reports}
    assert len(quarters) == 12  # the thirteenth is reported in 2026
    for number in plan.tasks:
        assert sum(one.event["data"]["task"] == number for one in reports) >= len(quarters)
    assert {one.event["data"]["status"] for one in reports} >= {"on_schedule", "delayed", "done"}


def test_records_are_withdrawn_some_before_they_arrive(sent: list[Sent]) -> None:
    came = {(one.stream, one.event["source"], one.event["id"]): one.moment for one in sent}
    early, withdrawn = 0, Counter[str]()
    for one in sent:
        if one.stream != "retraction":
            continue
        data = one.event["data"]
        assert data["reason"]
        arrived = came.get((data["stream"], one.event["source"], data["record"]))
        early += arrived is None or arrived > one.moment
        withdrawn[data["stream"]] += 1
    assert set(withdrawn) >= {"facility", "childcare-place", "consumption-voucher", "statistic"}
    assert early > 3


def test_a_busy_day_ends_with_the_newest_state(plan: Plan) -> None:
    """Records of one facility are told in the order in which it changed, but for what is put right later."""
    steps = ["planned", "building", "open"]
    seen: dict[str, list[tuple[datetime, str]]] = {}
    for one in sample(plan, scale=0.1, end=date(2023, 12, 31)):
        if one.stream == "facility":
            data = one.event["data"]
            seen.setdefault(data["facility_id"], []).append((time_of(one), data["status"]))
    for told in seen.values():
        begun = [steps.index(status) for _time, status in sorted(told) if status in steps]
        assert begun == sorted(begun)


def test_facilities_open_are_suspended_and_close(sent: list[Sent]) -> None:
    statuses = Counter(one.event["data"]["status"] for one in sent if one.stream == "facility")
    assert set(statuses) == {"planned", "building", "open", "suspended", "closed"}


def test_vouchers_take_legal_steps_but_for_some_that_somebody_should_look_into(sent: list[Sent]) -> None:
    withdrawn = {one.event["data"]["record"] for one in sent if one.stream == "retraction"}
    lives: dict[str, list[Sent]] = {}
    for one in sent:
        if one.stream == "consumption-voucher" and one.event["id"] not in withdrawn:
            lives.setdefault(one.event["data"]["voucher_id"], []).append(one)
    legal = {
        ("issued", "claimed", "expired"),
        ("issued", "expired"),
        ("issued", "claimed", "redeemed"),
        ("issued", "claimed", "redeemed", "refunded"),
    }
    month_before = datetime(2025, 12, 1, tzinfo=sent[0].moment.tzinfo)  # what comes late is in by the end
    seen = Counter[tuple[str, ...]]()
    for steps in lives.values():
        steps.sort(key=time_of)
        if time_of(steps[0]) < month_before:
            seen[tuple(one.event["data"]["step"] for one in steps)] += 1
    assert set(seen) > legal
    odd = {steps: often for steps, often in seen.items() if steps not in legal}
    assert sum(odd.values()) < 0.01 * seen.total()
    assert all(steps[-2:] == ("expired", "redeemed") for steps in odd)


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
    def grown(pace: Pace) -> dict[str, list[object]]:
        """What is so in April of every facility, wherever lateness puts it."""
        told = takewhile(lambda one: one.moment.date() < date(2023, 5, 10), County(plan, lambda _day: pace))
        newest: dict[str, tuple[datetime, list[object]]] = {}
        for one in told:
            if one.stream == "facility" and time_of(one).date() < date(2023, 4, 1):
                said = time_of(one), list(one.event["data"].values())
                newest[one.event["subject"]] = max(newest.get(one.event["subject"], said), said)
        return {name: said for name, (_time, said) in newest.items()}

    few, many = grown(Pace(0, 30)), grown(Pace(3, 7))
    assert few.keys() == many.keys()
    same = sum(few[name] == many[name] for name in few)
    assert same > 0.97 * len(few)  # but for wrong reports that a routine one has put right since


def test_another_county_needs_no_code(small: Plan) -> None:
    for one in islice(County(small, lambda _day: Pace(5, 7), inhabitants=20_000), 2_000):
        division = one.event["data"].get("division", small.county.county)
        assert division in small.divisions
