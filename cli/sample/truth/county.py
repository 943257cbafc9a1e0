"""What the records say about a county at the end of a day, place by place."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from cli.sample.truth.records import Record
from services.platform.plan import Division, Plan

Facts = Mapping[str, Any]
"""What a record says of one facility or event: its fields by name."""

Amount = Decimal | None
"""None: not known."""

NOUGHT = Decimal(0)


@dataclass(frozen=True, slots=True)
class Steps:
    """Voucher steps of one kind: how many, and their money in yuan."""

    records: int = 0
    face_value: Decimal = NOUGHT
    order_amount: Decimal = NOUGHT
    redeemed_value: Decimal = NOUGHT

    def __add__(self, other: "Steps") -> "Steps":
        return Steps(
            self.records + other.records,
            self.face_value + other.face_value,
            self.order_amount + other.order_amount,
            self.redeemed_value + other.redeemed_value,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The newest report of one measure (and dimension) in one division."""

    day: date
    value: Decimal


class County:
    """The state of everything, as records are taken in from the oldest to the newest."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._kinds: dict[str, Counter[str]] = {}
        """By kind: its facilities; a kind that stood at the end of any day stays."""
        self._told: dict[str, date] = {}
        self.facilities: dict[str, Facts] = {}
        self.places: dict[str, Facts] = {}
        self.events: dict[str, Facts] = {}
        self.vouchers: defaultdict[tuple[str, str, str], Steps] = defaultdict(Steps)
        """By division, campaign, step."""
        self.reports: defaultdict[str, dict[tuple[str, str], Report]] = defaultdict(dict)
        """By measure: the newest reports by division and dimension."""

    def take(self, record: Record) -> None:
        """Take in a record; of those about one entity the newest comes last and stays."""
        data = record.data
        match record.stream:
            case "facility":
                self._tell_kind(record)
                self.facilities[record.subject] = data
            case "childcare-place":
                self.places[record.subject] = data
            case "fitness-event":
                self.events[record.subject] = data
            case "consumption-voucher":
                key = data["division"], data["campaign"], data["step"]
                self.vouchers[key] += steps_of(data)
            case "statistic":
                about = data["division"], data.get("dimension") or ""
                self.reports[data["measure"]][about] = Report(record.day, decimal(data["value"]))
            case "task-report":
                pass  # no figure comes of it
            case other:
                raise ValueError(f"the independent count knows no stream {other!r}")

    def _tell_kind(self, record: Record) -> None:
        """A kind corrected on the very day it was told of has stood at the end of no day."""
        before = self.facilities.get(record.subject)
        if before is not None and self._told[record.subject] == record.day:
            self._kinds[before["kind"]][record.subject] -= 1
        self._told[record.subject] = record.day
        self._kinds.setdefault(record.data["kind"], Counter())[record.subject] += 1

    def knows(self, kinds: Iterable[str]) -> bool:
        """Whether a facility of one of these kinds stood at the end of a day."""
        return any(any(self._kinds.get(kind, Counter()).values()) for kind in kinds)

    def corners(self, day: date) -> Iterator["Corner"]:
        """Yield each shown division as it is at the end of `day`, all older records taken in."""
        for division in self.plan.shown_divisions:
            yield Corner(self, division, day)

    @cached_property
    def children_of(self) -> dict[tuple[str, str], list[Division]]:
        """By code of a shown division and level: the divisions of that level inside it, itself included."""
        return {
            (shown.code, level): [
                one
                for one in self.plan.divisions.values()
                if one.level == level and one.code.startswith(shown.code)
            ]
            for shown in self.plan.shown_divisions
            for level in ("county", "township", "community")
        }


class Corner:
    """One division at the end of one day: what figures are made of."""

    def __init__(self, county: County, division: Division, day: date) -> None:
        self.division, self.day = division, day
        self._county = county

    @cached_property
    def _here(self) -> dict[str, list[Facts]]:
        """The facilities in here by kind, whatever their status."""
        found: defaultdict[str, list[Facts]] = defaultdict(list)
        for facts in self._county.facilities.values():
            if facts["division"].startswith(self.division.code):
                found[facts["kind"]].append(facts)
        return found

    def facilities(self, *kinds: str, status: tuple[str, ...]) -> Sequence[Facts] | None:
        """The facilities of some kinds and states; None until the county's first record of such a kind."""
        if not self._county.knows(kinds):
            return None
        return [facts for kind in kinds for facts in self._here.get(kind, ()) if facts["status"] in status]

    def open(self, *kinds: str) -> Sequence[Facts] | None:
        """The open facilities of some kinds; None until the county's first record of such a kind."""
        return self.facilities(*kinds, status=("open",))

    def offered(self, childcare: Facts, field: str) -> Decimal:
        """What the newest childcare-place record says of a facility; nought if there is none."""
        offer = self._county.places.get(childcare["facility_id"])
        return decimal(offer[field]) if offer else NOUGHT

    def divisions(self, level: str, setting: str = "") -> set[str]:
        """The codes of the divisions of a level in here, urban or rural ones alone if asked."""
        inside = self._county.children_of[self.division.code, level]
        return {one.code for one in inside if setting in ("", one.setting)}

    def held_this_year(self) -> Sequence[Facts] | None:
        """The fitness events of the day's calendar year, held until now; None until any event is told of."""
        if not self._county.events:
            return None
        return [
            facts
            for facts in self._county.events.values()
            if facts["status"] == "held"
            and facts["division"].startswith(self.division.code)
            and date(self.day.year, 1, 1) <= date.fromisoformat(str(facts["day"])) <= self.day
        ]

    @cached_property
    def _steps(self) -> dict[tuple[str, str], Steps]:
        """The voucher steps in here by kind of step and campaign."""
        found: defaultdict[tuple[str, str], Steps] = defaultdict(Steps)
        for (division, campaign, step), steps in self._county.vouchers.items():
            if division.startswith(self.division.code):
                found[step, campaign] += steps
        return found

    def vouchers(self, step: str, campaign: str = "") -> Steps | None:
        """All voucher steps of a kind (and campaign); None until the county's first voucher record."""
        if not self._county.vouchers:
            return None
        wanted = (
            steps
            for (of_step, of_campaign), steps in self._steps.items()
            if of_step == step and campaign in ("", of_campaign)
        )
        return sum(wanted, Steps())

    def every(self, level: str, measure: str, *, this_year: bool = False) -> Amount:
        """The sum of the newest reports of all divisions of a level; None while one of them lacks."""
        reports = self._county.reports.get(measure, {})
        found = [reports.get((code, "")) for code in self.divisions(level)]
        values = [
            report.value for report in found if report and (not this_year or report.day.year == self.day.year)
        ]
        return sum(values, NOUGHT) if len(values) == len(found) else None

    def told(
        self, measure: str, *dimensions: str, this_year: bool = False
    ) -> dict[tuple[str, str], Decimal] | None:
        """The newest reports of a measure in here by division and dimension (given none: of all dimensions).

        None until the county's first report of the measure, in one of these dimensions.
        """
        reports = self._county.reports.get(measure, {})
        if not any(not dimensions or dimension in dimensions for _, dimension in reports):
            return None
        return {
            (code, dimension): report.value
            for (code, dimension), report in reports.items()
            if code.startswith(self.division.code)
            and (not dimensions or dimension in dimensions)
            and (not this_year or report.day.year == self.day.year)
        }


def total(facilities: Sequence[Facts] | None, field: str) -> Amount:
    """Add up a field of facilities or events; one that lacks it adds nothing."""
    if facilities is None:
        return None
    return sum((decimal(facts.get(field) or 0) for facts in facilities), NOUGHT)


def number(facilities: Iterable[Facts] | None, condition: Callable[[Facts], bool] = lambda _: True) -> Amount:
    """Count the facilities or events that meet a condition."""
    if facilities is None:
        return None
    return Decimal(sum(1 for facts in facilities if condition(facts)))


def only(facilities: Iterable[Facts] | None, condition: Callable[[Facts], bool]) -> list[Facts] | None:
    """Keep the facilities or events that meet a condition."""
    return None if facilities is None else [facts for facts in facilities if condition(facts)]


def steps_of(voucher: Facts) -> Steps:
    """Return what one voucher step counts for."""
    face_value = decimal(voucher["face_value"])
    redeemed = voucher.get("redeemed_value")
    if redeemed is None and voucher["step"] in ("redeemed", "refunded"):
        redeemed = face_value
    return Steps(1, face_value, decimal(voucher.get("order_amount") or 0), decimal(redeemed or 0))


def decimal(written: str | int | float | Decimal) -> Decimal:
    """Return a number as it was written."""
    return written if isinstance(written, Decimal) else Decimal(str(written))
