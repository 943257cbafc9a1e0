"""The sample county's register of facilities: what there is, how it comes about, and what is told of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any

from cli.sample.dice import dice
from cli.sample.outbox import CIVIL, COMMERCE, CULTURE, EDUCATION, FINANCE, HEALTH, HOUSING, UNION, Outbox
from cli.sample.places import Places

AGENCY = {
    "childcare": HEALTH,
    "kindergarten": EDUCATION,
    "elder_care": CIVIL,
    "medical": HEALTH,
    "community_service": CIVIL,
    "sports_venue": EDUCATION,
    "culture_point": CULTURE,
    "convenience_centre": COMMERCE,
    "elder_canteen": CIVIL,
    "mother_room": UNION,
    "estate": HOUSING,
    "idle_site": FINANCE,
}
"""Who tells of the facilities of a kind."""

_PREFIX = {
    "childcare": "TY",
    "kindergarten": "YE",
    "elder_care": "YL",
    "medical": "WS",
    "community_service": "SQ",
    "sports_venue": "TC",
    "culture_point": "WH",
    "convenience_centre": "BM",
    "elder_canteen": "ST",
    "mother_room": "MY",
    "estate": "XQ",
    "idle_site": "XZ",
}

LEAD = timedelta(days=50)
"""From the first thought of a facility to its opening, about."""


@dataclass(eq=False)
class Facility:
    """One facility as it is now; `own` holds the fields of its kind, `offer` its places and children."""

    number: int
    kind: str
    name: str
    division: str
    ownership: str
    floor_area: Decimal | None
    investment: Decimal | None
    own: dict[str, Any]
    status: str = "planned"
    offer: dict[str, int] = field(default_factory=dict)
    since: date | None = None
    """When it was opened first."""

    @property
    def id(self) -> str:
        return f"{_PREFIX[self.kind]}{self.division[6:9]}{self.number:04}"

    @property
    def township(self) -> str:
        return self.division[:9]

    def amount(self, of: str) -> float:
        """A number of it: beds, areas, children; a yes is 1."""
        return float(self.own[of] if of in self.own else self.offer.get(of, 0))

    def told(self) -> dict[str, Any]:
        """What a record says of it."""
        areas = {"floor_area": self.floor_area, "investment": self.investment}
        return {
            "facility_id": self.id,
            "kind": self.kind,
            "name": self.name,
            "division": self.division,
            "status": self.status,
            "ownership": self.ownership,
            **{name: f"{value:.2f}" for name, value in areas.items() if value is not None},
            **self.own,
        }


class Register:
    """All facilities of the county; what happens to one is told by the agency of its kind."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self.places = places
        self._outbox = outbox
        self._random = dice(seed, "facilities")
        self._kinds: dict[str, list[Facility]] = {kind: [] for kind in AGENCY}
        self._number = 0
        self._last: dict[tuple[str, str], datetime] = {}
        self._later: defaultdict[date, list[Callable[[], object]]] = defaultdict(list)

    def __iter__(self) -> Iterator[Facility]:
        return chain.from_iterable(self._kinds.values())

    def there(self, kind: str, township: str = "") -> list[Facility]:
        """Those of a kind that are, or will be, of use: a project counts as soon as it is planned."""
        there = [one for one in self._kinds[kind] if one.status != "closed"]
        return [one for one in there if one.township == township] if township else there

    def open(self, kind: str) -> list[Facility]:
        return [one for one in self._kinds[kind] if one.status == "open"]

    def total(self, kind: str, of: str, township: str = "") -> float:
        """Add up a number over those that are there."""
        return sum(one.amount(of) for one in self.there(kind, township))

    def neediest(self, kind: str, of: str = "") -> str:
        """The township with the least for its inhabitants: of a number, or of facilities."""
        residents = self.places.residents

        def have(township: str) -> float:
            there = self.there(kind, township)
            return sum(one.amount(of) for one in there) if of else len(there)

        return min(residents, key=lambda township: have(township) / residents[township])

    def add(
        self,
        kind: str,
        division: str,
        name: str,
        ownership: str,
        *,
        area: float | None,
        own: dict[str, Any],
        offer: dict[str, int] | None = None,
    ) -> Facility:
        """Enter a facility, planned and not told yet; most have their investment on record."""
        random = self._random
        self._number += 1
        floor_area = None if area is None else Decimal(round(area * 100)) / 100
        paid = (
            None if floor_area is None or random.random() < 0.3 else floor_area * random.randrange(600, 1800)
        )
        facility = Facility(
            self._number, kind, name, division, ownership, floor_area, paid, own, offer=offer or {}
        )
        self._kinds[kind].append(facility)
        return facility

    def begin(self, day: date) -> None:
        """Open and tell whatever has been entered."""
        for facility in self:
            facility.status, facility.since = "open", day
            moment = self._outbox.at(day, self._random.uniform(8, 9))
            self.tell(facility, moment, sent=moment)
            if facility.offer:
                self.tell_offer(facility, moment, sent=moment)

    def day(self, day: date) -> None:
        """Do what was put off until this day."""
        for act in self._later.pop(day, []):
            act()

    def later(self, day: date, act: Callable[[], object]) -> None:
        """Put something off until a day to come."""
        self._later[day].append(act)

    def project(self, facility: Facility, day: date) -> None:
        """Plan it now, build and open it in the weeks that follow."""
        self.become("planned", facility, day)
        for status, after in (("building", (7, 14)), ("open", (30, 60))):
            when = day + timedelta(days=self._random.randrange(*after))
            self.later(when, partial(self.become, status, facility, when))

    def become(self, status: str, facility: Facility, day: date) -> None:
        """Change its status and tell it."""
        facility.status = status
        self.tell(facility, self.working_hour(day))
        if status == "open":
            facility.since = facility.since or day
            if facility.offer:
                self.tell_offer(facility, self.working_hour(day))

    def twin(self, facility: Facility) -> Facility:
        """A facility like another that stands in no book but in an agency's report."""
        self._number += 1
        return replace(facility, number=self._number, own=dict(facility.own), offer={}, status="open")

    def tell(self, facility: Facility, time: datetime, *, sent: datetime | None = None) -> str:
        """Tell how it is, after what was told before (unless `sent` says when it leaves); return the id."""
        if sent is None:
            time = self._after(facility, "facility", time)
        return self._outbox.say(AGENCY[facility.kind], "facility", facility.told(), time, sent=sent)

    def tell_offer(
        self, facility: Facility, time: datetime, *, sent: datetime | None = None, slip: int = 0
    ) -> str:
        """Tell a childcare facility's places and children, `slip` places too many; return the record's id."""
        if sent is None:
            time = self._after(facility, "childcare-place", time)
        data = {"facility_id": facility.id, **facility.offer, "total": facility.offer["total"] + slip}
        return self._outbox.say(AGENCY[facility.kind], "childcare-place", data, time, sent=sent)

    def withdraw(
        self, facility: Facility, stream: str, record: str, reason: str, *, moment: datetime
    ) -> None:
        """Withdraw a record."""
        self._outbox.withdraw(AGENCY[facility.kind], stream, record, reason, moment)

    def _after(self, facility: Facility, stream: str, time: datetime) -> datetime:
        """The time, or a minute after the facility's last record: on a busy day the newest state counts."""
        last = self._last.get((facility.id, stream))
        self._last[facility.id, stream] = time = max(time, last + timedelta(minutes=1)) if last else time
        return time

    def working_hour(self, day: date) -> datetime:
        """Some moment at which offices work."""
        return self._outbox.at(day, self._random.uniform(8.5, 17.5))
