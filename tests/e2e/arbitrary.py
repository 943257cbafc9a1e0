"""Any records: every stream and kind, crowded around midnights, a New Year and each other's entities."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from schemas.statistic import MEASURES
from tests.e2e.small_county import COMMUNITIES, COUNTY, TOWNSHIPS

Event = dict[str, Any]


class Arrived:
    """Records, and the batches in which they came; no dataclass, for Hypothesis would print it all."""

    def __init__(self, records: list[Event], batches: list[list[Event]]) -> None:
        self.records = records
        self.batches = batches

    def __repr__(self) -> str:
        return f"{len(self.records)} records in {len(self.batches)} batches"


SOURCES = ("one-bureau", "other-bureau")
TIMES = st.sampled_from(
    [
        datetime(2023, 12, 30, 3, tzinfo=UTC),
        datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC),  # the last second of the county's year
        datetime(2023, 12, 31, 16, tzinfo=UTC),
        datetime(2024, 1, 1, 8, tzinfo=UTC),
        datetime(2024, 1, 1, 8, 0, 0, 1, tzinfo=UTC),
        datetime(2024, 1, 3, 8, tzinfo=UTC),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
        datetime(2025, 1, 1, tzinfo=UTC),
    ]
)
FIRST, LAST = date(2023, 12, 29), date(2025, 1, 2)
DAYS = (
    *(FIRST + timedelta(days=number) for number in range(7)),
    *(date(2024, 2, 28), date(2024, 2, 29), date(2024, 12, 31), date(2025, 1, 1), LAST),
)

_FLAG = st.booleans()
_FEW = st.integers(0, 40)
# Around the limits that the plan names: 0.1 and 0.3 m² a head of ten, 300 m², 300,000 yuan.
_AREA = st.sampled_from(["0.00", "0.99", "1.00", "3.00", "299.99", "300.00", "300.01", "1234.56"])
_MONEY = st.sampled_from(["0.00", "0.01", "20.00", "99.99", "300000.00", "300000.01"])


def _made(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


def _at_most(whole: str, part: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Trim a field that may not be above another."""
    return lambda data: {**data, part: min(data[whole], data[part], key=float)}


_CARE = {
    "beds": _FEW,
    "nursing_beds": _FEW,
    "integrated_care_unit": _FLAG,
    "integrated_care_demo": _FLAG,
}
_MEDICAL = ("general_hospital", "tcm_hospital", "community_health_centre", "township_health_centre", "clinic")
_KINDS: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    "childcare": st.just({}),
    "kindergarten": _made(children=_FEW, inclusive=_FLAG),
    "elder_care": _made(**_CARE, comprehensive=_FLAG, medical_contract=_FLAG).map(
        _at_most("beds", "nursing_beds")
    ),
    "medical": _made(
        **_CARE,
        category=st.sampled_from(_MEDICAL),
        grade=st.sampled_from(["none", "secondary", "tertiary"]),
        physicians=_FEW,
        nurses=_FEW,
        green_channel=_FLAG,
        age_friendly=_FLAG,
        hospice_pilot=_FLAG,
        mobile_booking=_FLAG,
        no_health_code_channel=_FLAG,
    ).map(_at_most("beds", "nursing_beds")),
    "community_service": _made(floor_area=_AREA, activity_area=_AREA).map(
        _at_most("floor_area", "activity_area")
    ),
    "sports_venue": _made(sports_area=_AREA),
    "culture_point": _made(
        category=st.sampled_from(
            ["city_study", "self_service_library", "peoples_bookroom", "culture_station"]
        )
    ),
    "convenience_centre": _made(quarter_hour_circle=_FLAG),
    "elder_canteen": st.just({}),
    "mother_room": st.just({}),
    "estate": _made(
        new=_FLAG,
        residents=st.sampled_from([0, 3, 10]),
        childcare_provided=_FLAG,
        elder_care_area=_AREA,
        indoor_sports_area=_AREA,
        outdoor_sports_area=_AREA,
    ),
    "idle_site": _made(site_area=_AREA, service_use=st.sampled_from(["none", "culture"])),
}


@st.composite
def _facility(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(list(_KINDS)))
    # Mostly an entity stays of its kind, but nothing forbids another.
    number = draw(st.integers(0, 2))
    name = draw(st.sampled_from([f"{kind}-{number}", f"{kind}-{number}", f"F{number}"]))
    data = {
        "facility_id": name,
        "name": "某机构",
        "division": draw(st.sampled_from(COMMUNITIES)),
        "status": draw(st.sampled_from(["open", "open", "open", "building", "closed"])),
        "ownership": draw(st.sampled_from(["public", "private"])),
        "kind": kind,
        "investment": draw(st.none() | _MONEY),
    }
    return "facility", data | draw(_KINDS[kind])


@st.composite
def _childcare_place(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    number = draw(st.integers(0, 2))
    total = draw(_FEW)
    return "childcare-place", {
        "facility_id": draw(st.sampled_from([f"childcare-{number}", f"F{number}"])),
        "total": total,
        "inclusive": draw(st.integers(0, total)),
        "enrolled": draw(_FEW),
    }


@st.composite
def _fitness_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    return "fitness-event", {
        "event_id": f"E{draw(st.integers(0, 2))}",
        "name": "篮球赛",
        "level": draw(st.sampled_from(["prefecture", "county", "township", "community"])),
        "sport": "篮球",
        "division": draw(st.sampled_from([COUNTY, *TOWNSHIPS, *COMMUNITIES])),
        "day": str(date(2023, 12, 30) + timedelta(days=draw(st.integers(0, 4)))),
        "status": draw(st.sampled_from(["planned", "held", "held", "cancelled"])),
        "participants": draw(_FEW),
    }


@st.composite
def _voucher(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    step = draw(st.sampled_from(["issued", "claimed", "redeemed", "redeemed", "expired", "refunded"]))
    data = {
        "voucher_id": f"V{draw(st.integers(0, 9))}",
        "campaign": draw(st.sampled_from(["qihua", "qixiang"])),
        "step": step,
        "face_value": draw(st.sampled_from(["0.01", "20.00", "99.99"])),
        "sector": draw(st.sampled_from(["retail", "catering"])),
        "division": draw(st.sampled_from(TOWNSHIPS)),
    }
    if step in ("redeemed", "refunded"):
        data |= {"order_amount": draw(st.sampled_from(["99.99", "300.10"])), "merchant_id": "M1"}
        if draw(_FLAG):
            data["redeemed_value"] = draw(st.sampled_from(["0.00", data["face_value"]]))
    return "consumption-voucher", data


@st.composite
def _statistic(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    measure = draw(st.sampled_from(list(MEASURES)))
    spec = MEASURES[measure]
    return "statistic", {
        "division": draw(st.sampled_from(_places(measure))),
        "measure": measure,
        "dimension": draw(st.sampled_from(spec.dimensions or ("",))),
        "value": str(draw(st.integers(0, int(spec.maximum or 90)))),
    }


def _places(measure: str) -> tuple[str, ...]:
    return {"county": (COUNTY,), "township": TOWNSHIPS, "community": COMMUNITIES}[MEASURES[measure].level]


def every_report() -> list[Event]:
    """A report of each measure from everywhere, for much is not known before there is one."""
    asked = [
        (measure, place, dimension)
        for measure, spec in MEASURES.items()
        for place in _places(measure)
        for dimension in spec.dimensions or ("",)
    ]
    return [
        event(
            *("statistic", SOURCES[0], f"every-{number}", datetime(2024, 1, 1, 0, 30, tzinfo=UTC)),
            {"division": place, "measure": measure, "dimension": dimension, "value": "1"},
        )
        for number, (measure, place, dimension) in enumerate(asked)
    ]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Records of all streams under ids of their own, some of them withdrawn, some by whoever may not."""
    bodies = st.one_of(
        *(_facility(), _facility(), _facility(), _childcare_place(), _fitness_event(), _voucher()),
        *(_statistic(), _statistic(), _statistic()),
    )
    least = draw(st.sampled_from([0, 60, 60]))  # few at times
    drawn = draw(st.lists(st.tuples(bodies, st.sampled_from(SOURCES), TIMES), min_size=least, max_size=80))
    said = [
        event(stream, source, f"r{number}", time, data)
        for number, ((stream, data), source, time) in enumerate(drawn)
    ]
    if said:
        withdrawals = draw(
            st.lists(st.tuples(st.sampled_from(said), st.sampled_from(SOURCES), TIMES), max_size=5)
        )
        said += [
            event(
                *("retraction", source, f"x{number}", time),
                {
                    "stream": one["type"].removeprefix("minmai.").removesuffix(".v1"),
                    "record": one["id"],
                    "reason": "误报",
                },
            )
            for number, (one, source, time) in enumerate(withdrawals)
        ]
    return said


@st.composite
def arrivals(draw: st.DrawFn, said: st.SearchStrategy[list[Event]]) -> Arrived:
    """Records, and the same in any order, some twice, cut into batches anyhow."""
    records = [*draw(said), *(every_report() if draw(_FLAG) else [])]
    again = draw(st.lists(st.sampled_from(records), max_size=10)) if records else []
    arriving = draw(st.permutations([*records, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=5)))
    bounds = [0, *cuts, len(arriving)]
    return Arrived(records, [list(arriving[begin:end]) for begin, end in pairwise(bounds)])


def event(stream: str, source: str, id: str, time: datetime, data: dict[str, Any]) -> Event:
    """An event as its agency pushes it."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"minmai.{stream}.v1",
        "time": time.isoformat(),
        "data": data,
    }
