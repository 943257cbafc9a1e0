"""Records of every stream, drawn at random around midnights and New Year."""

import types
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.facility import KINDS, Facility
from schemas.statistic import MEASURES
from services.platform.plan import Plan
from tests.aggregate.support import event

URBAN = ("532622101001", "532622101002")
COMMUNITIES = (*URBAN, "532622102001", "532622103001")
TOWNSHIPS = ("532622101", "532622102", "532622103")
COUNTY = "532622"
# Around midnight in the county (16:00 UTC), around New Year, and with ties.
TIMES = st.sampled_from(
    [
        datetime(2023, 12, 30, 3, tzinfo=UTC),
        datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC),
        datetime(2023, 12, 31, 16, tzinfo=UTC),
        datetime(2024, 1, 1, 8, 0, 0, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 8, tzinfo=UTC),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
    ]
)
DAYS = [date(2023, 12, 30) + timedelta(days=number) for number in range(5)] + [date(2024, 2, 29)]
CENTS = st.decimals(0, 9999, places=2).map(str)
SOURCES = st.sampled_from(["one-bureau", "other-bureau"])

Body = tuple[str, dict[str, Any]]


def _value(annotation: Any) -> st.SearchStrategy[Any]:
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _value(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return st.one_of(*(_value(one) for one in get_args(annotation) if one is not type(None)), st.none())
    return {bool: st.booleans(), int: st.integers(0, 60), Decimal: CENTS}[annotation]


def _valid(data: dict[str, Any]) -> bool:
    try:
        Facility.model_validate(data)
    except ValidationError:
        return False
    return True


def _facility(kind: type[Any]) -> st.SearchStrategy[Body]:
    fields = {name: field.annotation for name, field in kind.model_fields.items()}
    drawn = {
        "facility_id": st.integers(0, 4).map(lambda number: f"F{number}"),
        "name": st.just("某机构"),
        "division": st.sampled_from(COMMUNITIES),
        "status": st.sampled_from(["open", "open", "closed", "building"]),
    }
    more = {name: _value(annotation) for name, annotation in fields.items() if name not in drawn}
    if "activity_area" in fields:  # the one kind that must tell its floor area
        more |= {"floor_area": st.just("9999.00")}
    if "nursing_beds" in fields:
        more |= {"beds": st.integers(60, 90)}
    return st.fixed_dictionaries({**drawn, **more}).filter(_valid).map(lambda data: ("facility", data))


facility = st.one_of(*(_facility(kind) for kind in KINDS))


@st.composite
def childcare_place(draw: st.DrawFn) -> Body:
    total = draw(st.integers(0, 60))
    return "childcare-place", {
        "facility_id": f"F{draw(st.integers(0, 4))}",
        "total": total,
        "inclusive": draw(st.integers(0, total)),
        "enrolled": draw(st.integers(0, 60)),
    }


@st.composite
def fitness_event(draw: st.DrawFn) -> Body:
    return "fitness-event", {
        "event_id": f"E{draw(st.integers(0, 3))}",
        "name": "篮球赛",
        "level": draw(st.sampled_from(["county", "township", "community"])),
        "sport": "篮球",
        "division": draw(st.sampled_from([COUNTY, *TOWNSHIPS, *COMMUNITIES])),
        "day": str(date(2023, 12, 30) + timedelta(days=draw(st.integers(0, 4)))),
        "status": draw(st.sampled_from(["planned", "held", "held", "cancelled"])),
        "participants": draw(st.integers(0, 500)),
    }


@st.composite
def voucher(draw: st.DrawFn) -> Body:
    face, order = sorted([draw(CENTS), draw(CENTS)], key=Decimal)
    data = {
        "voucher_id": f"V{draw(st.integers(0, 9))}",
        "campaign": draw(st.sampled_from(["qihua", "qixiang"])),
        "step": draw(st.sampled_from(["issued", "claimed", "redeemed", "refunded", "expired"])),
        "face_value": face,
        "sector": draw(st.sampled_from(["retail", "catering"])),
        "division": draw(st.sampled_from(TOWNSHIPS)),
    }
    if data["step"] in ("redeemed", "refunded"):
        data |= {"order_amount": order, "merchant_id": "M1"}
    return "consumption-voucher", data


@st.composite
def statistic(draw: st.DrawFn, plan: Plan) -> Body:
    measure = draw(st.sampled_from(sorted(MEASURES)))
    told = MEASURES[measure]
    codes = [code for code, division in plan.divisions.items() if division.level == told.level]
    value = draw(st.integers(0, int(told.maximum or 90_000)))
    dimension = draw(st.sampled_from(told.dimensions)) if told.dimensions else ""
    code = draw(st.sampled_from([*codes[:3], codes[-1]]))
    return "statistic", {"division": code, "measure": measure, "dimension": dimension, "value": value}


@st.composite
def task_report(draw: st.DrawFn) -> Body:
    return "task-report", {
        "task": draw(st.integers(1, 3)),
        "percent": draw(st.integers(0, 100)),
        "status": draw(st.sampled_from(["on_schedule", "delayed"])),
    }


@st.composite
def retraction(draw: st.DrawFn) -> Body:
    streams = [
        "facility",
        "childcare-place",
        "fitness-event",
        "consumption-voucher",
        "statistic",
        "task-report",
    ]
    return "retraction", {
        "stream": draw(st.sampled_from(streams)),
        "record": f"r{draw(st.integers(0, 60))}",
        "reason": "填报有误",
    }


def pushed(plan: Plan) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Events as they come in: shuffled in time, some ids used again with the same or other content."""
    bodies = st.one_of(
        *(facility, facility, childcare_place(), fitness_event(), voucher(), statistic(plan)),
        *(task_report(), retraction()),
    )
    events = st.builds(
        lambda body, source, number, time: event(body[0], source, f"r{number}", time, body[1]),
        bodies,
        SOURCES,
        st.integers(0, 60),
        TIMES,
    )
    every_township = [
        event(
            "statistic",
            "statistics-bureau",
            f"census/{code}/{measure}",
            datetime(2023, 12, 31, 4, tzinfo=UTC),
            {"division": code, "measure": measure, "value": 40_000},
        )
        for code, division in plan.divisions.items()
        if division.level == "township"
        for measure in ("resident_population", "households", "population_3_5")
    ]
    return st.builds(
        lambda some, census, copies: some + census + [some[n % len(some)] for n in copies if some],
        st.lists(events, max_size=60),
        st.sampled_from([[], every_township]),
        st.lists(st.integers(0, 1000), max_size=10),
    ).flatmap(st.permutations)
