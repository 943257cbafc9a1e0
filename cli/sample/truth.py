"""The independent count: what every figure must be, in plain Python over the accepted records.

It is the judge of the aggregator, so it shares nothing with it: no SQL, no declarations read. Each figure's
meaning is written out by hand below; only the divisions, the zone and the targets come from the plan.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from services.platform.plan import Division, Plan

CloudEvent = Mapping[str, Any]

ENTITY = {
    "facility": "facility_id",
    "childcare-place": "facility_id",
    "fitness-event": "event_id",
    "consumption-voucher": "voucher_id",
}
"""The field that names what a record is about; a statistic is about its division, measure and dimension."""


@dataclass(frozen=True)
class Count:
    """One figure: exact parts, the value in the indicator's unit (nearest float64), and its status."""

    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    status: str


Figures = dict[tuple[str, str], Count]
"""By (indicator, division code)."""

HourKey = tuple[str, str, str, datetime, str]
"""Campaign, sector, township code, start of the UTC hour, step."""


@dataclass(frozen=True)
class HourSum:
    """The voucher records of one hour: how many, and their money in yuan."""

    records: int
    face_value: Decimal
    order_amount: Decimal


@dataclass(frozen=True)
class _Record:
    stream: str
    subject: str
    time: datetime
    source: str
    id: str
    day: date
    data: Mapping[str, Any]

    @property
    def age(self) -> tuple[datetime, str, str]:
        return self.time, self.source, self.id


def counted(events: Iterable[CloudEvent]) -> list[CloudEvent]:
    """Return the events that count: of each (source, id) of a stream the first one accepted."""
    first: dict[tuple[str, str, str], CloudEvent] = {}
    for event in events:
        first.setdefault((event["type"], event["source"], event["id"]), event)
    return list(first.values())


def figures(events: Iterable[CloudEvent], plan: Plan, day: date) -> Figures:
    """Return every figure in every shown division at the end of `day`; `events` in order of acceptance."""
    return _figures(_records(events, plan.zone), plan, day)


def history(events: Iterable[CloudEvent], plan: Plan, days: Sequence[date]) -> dict[date, Figures]:
    """Return the figures at the end of each of `days`, all by what is known in the end."""
    records = _records(events, plan.zone)
    return {day: _figures(records, plan, day) for day in days}


def today(events: Iterable[CloudEvent], plan: Plan) -> date:
    """Return the day of the newest event: today, by the clock of the demo."""
    return max(record.day for record in _records(events, plan.zone))


def voucher_hourly(events: Iterable[CloudEvent]) -> dict[HourKey, HourSum]:
    """Return the sums of every voucher record by campaign, sector, township, UTC hour and step."""
    sums: dict[HourKey, HourSum] = {}
    for record in _records(events, ZoneInfo("UTC")):
        if record.stream != "consumption-voucher":
            continue
        data = record.data
        hour = record.time.replace(minute=0, second=0, microsecond=0)
        key = (data["campaign"], data["sector"], data["division"], hour, data["step"])
        before = sums.get(key, HourSum(0, Decimal(0), Decimal(0)))
        sums[key] = HourSum(
            before.records + 1,
            before.face_value + _decimal(data["face_value"]),
            before.order_amount + _decimal(data.get("order_amount") or 0),
        )
    return sums


def _figures(records: Iterable[_Record], plan: Plan, day: date) -> Figures:
    known: dict[str, list[_Record]] = defaultdict(list)
    for record in records:
        if record.day <= day:
            known[record.stream].append(record)
    books = _Books(known, plan, day)
    found: Figures = {}
    for division in plan.shown_divisions:
        for indicator, worth in books.worths(division).items():
            found[indicator, division.code] = Count(
                worth.numerator,
                worth.denominator,
                None if worth.value is None else float(worth.value),
                worth.lack or _status(plan, indicator, division, worth.value or Fraction(0)),
            )
    return found


class _Books:
    """What was known on one day."""

    def __init__(self, known: Mapping[str, list[_Record]], plan: Plan, day: date) -> None:
        self.plan, self.day = plan, day
        self.kinds_reported = {record.data["kind"] for record in known["facility"]}
        self.facilities = _newest(known["facility"])
        self.places = _newest(known["childcare-place"])
        self.events = _newest(known["fitness-event"])
        self.vouchers: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for record in known["consumption-voucher"]:
            step = record.data["division"], record.data["step"]
            self.vouchers[step] += _decimal(record.data["face_value"])
        self.population = {
            record.data["division"]: _decimal(record.data["value"])
            for record in _newest(known["statistic"]).values()
            if record.data["measure"] == "resident_population" and not record.data.get("dimension")
        }

    def worths(self, division: Division) -> dict[str, "_Worth"]:
        """Return what each indicator is worth in a division."""
        residents = self.residents(division)
        issued, redeemed = self.money(division, "issued"), self.money(division, "redeemed")
        beds = self.total(division, "elder_care", "beds")
        nursing_beds = self.total(division, "elder_care", "nursing_beds")
        return {
            "childcare_places_per_1000": _ratio(1000, self.childcare_places(division), residents),
            "community_childcare_coverage": _ratio(
                100, self.communities_with_childcare(division), Decimal(len(self.urban_communities(division)))
            ),
            "eldercare_nursing_bed_share": _ratio(100, nursing_beds, beds),
            "sports_area_per_capita": _ratio(
                1, self.total(division, "sports_venue", "sports_area"), residents
            ),
            "fitness_events_in_year": _amount(self.events_this_year(division)),
            "voucher_issued_value": _amount(issued),
            "voucher_redeemed_value": _amount(redeemed),
            "voucher_redemption_rate": _ratio(100, redeemed, issued),
        }

    def open(self, division: Division, kind: str) -> list[_Record]:
        return [
            state
            for state in self.facilities.values()
            if state.data["kind"] == kind
            and state.data["status"] == "open"
            and state.data["division"].startswith(division.code)
        ]

    def total(self, division: Division, kind: str, field: str) -> Decimal | None:
        if kind not in self.kinds_reported:
            return None
        return sum((_decimal(state.data[field]) for state in self.open(division, kind)), Decimal(0))

    def childcare_places(self, division: Division) -> Decimal | None:
        if "childcare" not in self.kinds_reported:
            return None
        offers = [self.places.get(state.subject) for state in self.open(division, "childcare")]
        return sum((_decimal(offer.data["total"]) for offer in offers if offer), Decimal(0))

    def urban_communities(self, division: Division) -> set[str]:
        return {
            code
            for code, community in self.plan.divisions.items()
            if community.level == "community"
            and community.setting == "urban"
            and code.startswith(division.code)
        }

    def communities_with_childcare(self, division: Division) -> Decimal | None:
        if "childcare" not in self.kinds_reported:
            return None
        served = {state.data["division"] for state in self.open(division, "childcare")}
        return Decimal(len(served & self.urban_communities(division)))

    def residents(self, division: Division) -> Decimal | None:
        townships = [
            code
            for code, township in self.plan.divisions.items()
            if township.level == "township" and code.startswith(division.code)
        ]
        if any(code not in self.population for code in townships):
            return None
        return sum((self.population[code] for code in townships), Decimal(0))

    def events_this_year(self, division: Division) -> Decimal | None:
        if not self.events:
            return None
        held = 0
        for state in self.events.values():
            day = date.fromisoformat(state.data["day"])
            happened = day <= self.day and day.year == self.day.year
            here = state.data["division"].startswith(division.code)
            held += state.data["status"] == "held" and happened and here
        return Decimal(held)

    def money(self, division: Division, step: str) -> Decimal | None:
        if not self.vouchers:
            return None
        amounts = (
            amount
            for (code, taken), amount in self.vouchers.items()
            if taken == step and code.startswith(division.code)
        )
        return sum(amounts, Decimal(0))


@dataclass(frozen=True)
class _Worth:
    numerator: Decimal | None
    denominator: Decimal | None
    value: Fraction | None
    lack: str = ""


def _ratio(scale: int, numerator: Decimal | None, denominator: Decimal | None) -> _Worth:
    if numerator is None or denominator is None:
        return _Worth(numerator, denominator, None, "no_data")
    if denominator == 0:
        return _Worth(numerator, denominator, None, "not_applicable")
    return _Worth(numerator, denominator, scale * Fraction(numerator) / Fraction(denominator))


def _amount(numerator: Decimal | None) -> _Worth:
    if numerator is None:
        return _Worth(None, None, None, "no_data")
    return _Worth(numerator, None, Fraction(numerator))


def _status(plan: Plan, indicator: str, division: Division, value: Fraction) -> str:
    """All targets of the figures counted here are lower bounds."""
    target = plan.indicators[indicator].target
    if target is None or division.level not in target.levels:
        return "watched"
    return "met" if value >= Fraction(target.value) else "below"


def _records(events: Iterable[CloudEvent], zone: ZoneInfo) -> list[_Record]:
    return [_record(event, zone) for event in counted(events)]


def _record(event: CloudEvent, zone: ZoneInfo) -> _Record:
    stream = event["type"].removeprefix("minmai.").removesuffix(".v1")
    data = event["data"]
    subject = (
        f"{data['division']}/{data['measure']}/{data.get('dimension', '')}"
        if stream == "statistic"
        else data[ENTITY[stream]]
    )
    time = datetime.fromisoformat(event["time"]).astimezone(UTC)
    day = time.astimezone(zone).date()
    return _Record(stream, subject, time, event["source"], event["id"], day, data)


def _newest(records: Iterable[_Record]) -> dict[str, _Record]:
    """Return the state of each entity: its newest record by (time, source, id)."""
    states: dict[str, _Record] = {}
    for record in records:
        before = states.get(record.subject)
        if before is None or before.age < record.age:
            states[record.subject] = record
    return states


def _decimal(written: str | int | float | Decimal) -> Decimal:
    return Decimal(str(written))
