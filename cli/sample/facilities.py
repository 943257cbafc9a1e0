"""The sample county's facilities: what there is in the beginning, and how it grows towards the targets.

Growth is steered: each week the county compares what is open or being built with where it wants to be by
then, and starts a project where something lacks. So targets are crossed in time whatever closes on the way.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from cli.sample.dice import dice
from cli.sample.outbox import CIVIL, EDUCATION, HEALTH, Outbox
from cli.sample.places import Places

AGENCY = {"childcare": HEALTH, "elder_care": CIVIL, "sports_venue": EDUCATION}
_PREFIX = {"childcare": "TY", "elder_care": "YL", "sports_venue": "TC"}

_CHILDCARE_NAMES = (
    *("阳光", "小太阳", "启明星", "贝贝", "金摇篮", "彩虹", "童心", "小蜜蜂", "七彩", "苗苗"),
    *("爱心", "乐乐", "小脚印", "晨曦", "蒲公英", "花园", "小天使", "春芽", "亲亲", "向日葵"),
)
_ELDER_NAMES = ("康乐", "夕阳红", "福寿", "松鹤", "安康", "颐养", "和谐", "长青")
_VENUES = (  # name, area in m², how often
    ("灯光球场", (600, 1_300), 30),
    ("全民健身广场", (1_500, 4_000), 25),
    ("足球场", (5_000, 8_000), 15),
    ("田径场", (9_000, 14_000), 8),
    ("体育馆", (2_500, 6_000), 7),
    ("体育公园", (8_000, 20_000), 15),
)

_FROM, _DUE = date(2022, 10, 1), date(2025, 10, 1)
_LEAD = timedelta(days=50)  # from the first thought to the opening


def _wanted(start: float, due: float, day: date) -> float:
    """Where the county wants to be: straight from `start` to `due`, afterwards at a tenth of the pace."""
    done = (day - _FROM) / (_DUE - _FROM)
    return start + (due - start) * max(0.0, min(done, 0.9 + done / 10))


@dataclass
class Facility:
    """One facility as it is now; `own` holds the fields of its kind, `offer` its places and children."""

    number: int
    kind: str
    name: str
    division: str
    ownership: str
    floor_area: Decimal
    own: dict[str, Any]
    status: str = "open"
    offer: dict[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{_PREFIX[self.kind]}{self.division[6:9]}{self.number:04}"

    @property
    def there(self) -> bool:
        """Whether it is, or will again be, of use."""
        return self.status != "closed"

    def size(self, of: str) -> Decimal:
        return Decimal(self.own.get(of, self.offer.get(of, 0)))


class Facilities:
    """The childcare, elder-care and sports facilities of the county, day by day."""

    def __init__(self, places: Places, outbox: Outbox, seed: int, begin: date) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "facilities")
        self._reports = dice(seed, "reports")  # its own, so that more reports leave the growth as it is
        self._all: list[Facility] = []
        self._later: defaultdict[date, list[Callable[[], None]]] = defaultdict(list)
        self._make(begin)

    def day(self, day: date, report_every: int) -> None:
        """Live one day; each childcare facility reports its children every so many days."""
        for act in self._later.pop(day, []):
            act()
        if day.weekday() == 0:
            self._grow(day)
            self._stumble(day)
        for facility in self._all:
            if facility.status == "open":
                self._report(facility, day, report_every)

    def _make(self, day: date) -> None:
        """Make and report what there is in the beginning."""
        while self._lacks_childcare(day) or self._lacks_coverage(day):
            self._add("childcare", self._childcare_site(day))
        for township, residents in self._places.residents.items():
            for _ in range(1 + residents // 40_000):
                self._add("elder_care", self._site(township))
        while self._lacks_sports(day):
            self._add("sports_venue", self._site(self._neediest("sports_venue", "sports_area")))
        for facility in self._all:
            facility.status = "open"
            moment = self._outbox.at(day, self._random.uniform(8, 9))
            self._tell(facility, day, at=moment)
            if facility.kind == "childcare":
                self._tell_offer(facility, day, at=moment)

    def _grow(self, day: date) -> None:
        soon = day + _LEAD
        if self._lacks_coverage(soon):
            self._project("childcare", self._childcare_site(soon), day)
        elif self._lacks_childcare(soon):
            if self._random.random() < 0.35:
                self._expand(day)
            else:
                self._project("childcare", self._childcare_site(soon), day)
        if self._lacks_nursing_beds(day):
            self._convert_beds(day)
        elif self._random.random() < 0.02:
            self._project("elder_care", self._site(self._neediest("elder_care", "beds")), day)
        if self._lacks_sports(soon):
            self._project("sports_venue", self._site(self._neediest("sports_venue", "sports_area")), day)

    def _stumble(self, day: date) -> None:
        """Now and then something is closed for a while, or has been reported wrongly."""
        if self._random.random() < 0.12:
            facility = self._random.choice(self._open())
            self._become("suspended", facility, day)
            back = day + timedelta(days=self._random.randrange(14, 50))
            after = "open" if self._random.random() < 0.8 else "closed"
            self._later[back].append(partial(self._become, after, facility, back))
        if self._random.random() < 0.3:
            facility = self._random.choice(self._open())
            right = facility.floor_area
            facility.floor_area = right * 10 if right < 10_000 else right / 10
            self._tell(facility, day)
            facility.floor_area = right
            self._correct(partial(self._tell, facility), day)

    def _project(self, kind: str, division: str, day: date) -> None:
        facility = self._add(kind, division)
        self._become("planned", facility, day)
        for status, after in (("building", (7, 14)), ("open", (30, 60))):
            when = day + timedelta(days=self._random.randrange(*after))
            self._later[when].append(partial(self._become, status, facility, when))

    def _become(self, status: str, facility: Facility, day: date) -> None:
        facility.status = status
        self._tell(facility, day)
        if status == "open" and facility.kind == "childcare":
            self._tell_offer(facility, day)

    def _expand(self, day: date) -> None:
        facility = self._random.choice(self._open("childcare"))
        more = self._random.choice((6, 10, 15))
        facility.offer["total"] += more
        facility.offer["inclusive"] += more
        self._tell_offer(facility, day)

    def _convert_beds(self, day: date) -> None:
        able = [home for home in self._open("elder_care") if home.own["nursing_beds"] + 8 <= home.own["beds"]]
        if able:
            home = self._random.choice(able)
            home.own["nursing_beds"] += self._random.randrange(3, 9)
            self._tell(home, day)

    def _report(self, facility: Facility, day: date, every: int) -> None:
        turn = facility.number + day.toordinal()
        if facility.kind != "childcare":
            if turn % (60 if facility.kind == "elder_care" else 365) == 0:
                self._tell(facility, day)
            return
        if turn % every:
            return
        offer, random = facility.offer, self._reports
        offer["enrolled"] = min(offer["total"], max(0, offer["enrolled"] + random.randrange(-2, 4)))
        if random.random() < 0.02:
            self._tell_offer(facility, day, slip=10)
            self._correct(partial(self._tell_offer, facility), day)
        else:
            self._tell_offer(facility, day)

    def _correct(self, tell: Callable[[date], None], day: date) -> None:
        """Tell it rightly the day after."""
        after = day + timedelta(days=1)
        self._later[after].append(partial(tell, after))

    def _add(self, kind: str, division: str) -> Facility:
        random, spoken = self._random, self._places.spoken(division)
        own: dict[str, Any] = {}
        offer: dict[str, int] = {}
        ownership = "public"
        if kind == "childcare":
            ownership = random.choice(("public", "private", "private"))
            name = f"{spoken}{random.choice(_CHILDCARE_NAMES)}托育园"
            total = random.randrange(24, 65, 2)
            inclusive, enrolled = random.uniform(0.5, 1), random.uniform(0.5, 0.9)
            offer = {"total": total, "inclusive": int(total * inclusive), "enrolled": int(total * enrolled)}
        elif kind == "elder_care":
            first = not any(one.kind == kind and one.division[:9] == division[:9] for one in self._all)
            township = self._places.township_of(division).name
            ownership = "public" if first else "private"
            name = f"{township}敬老院" if first else f"{spoken}{random.choice(_ELDER_NAMES)}养老服务中心"
            beds = random.randrange(60, 150, 5)
            own = {"beds": beds, "nursing_beds": int(beds * random.uniform(0.35, 0.44))}
        else:
            [(what, (least, most), _often)] = random.choices(_VENUES, [often for *_, often in _VENUES])
            name = spoken + what
            own = {"sports_area": f"{random.uniform(least, most):.2f}"}
        area = Decimal(random.randrange(20_000, 300_000)) / 100
        facility = Facility(
            len(self._all) + 1, kind, name, division, ownership, area, own, status="planned", offer=offer
        )
        self._all.append(facility)
        return facility

    def _open(self, kind: str = "") -> list[Facility]:
        return [one for one in self._all if one.status == "open" and kind in ("", one.kind)]

    def _total(self, kind: str, of: str, township: str = "") -> float:
        """What there is and will be: a project counts as soon as it is planned."""
        return float(
            sum(
                one.size(of)
                for one in self._all
                if one.kind == kind and one.there and one.division.startswith(township)
            )
        )

    def _covered(self) -> set[str]:
        return {one.division for one in self._all if one.kind == "childcare" and one.there}

    def _lacks_childcare(self, day: date) -> bool:
        return self._total("childcare", "total") < _wanted(2.6, 4.8, day) * self._places.inhabitants / 1000

    def _lacks_coverage(self, day: date) -> bool:
        urban = {place.code for place in self._places.urban}
        return len(urban & self._covered()) < int(min(1.0, _wanted(0.37, 0.6, day)) * len(urban))

    def _lacks_nursing_beds(self, day: date) -> bool:
        beds, nursing = self._total("elder_care", "beds"), self._total("elder_care", "nursing_beds")
        return nursing < _wanted(0.40, 0.54, day) * beds

    def _lacks_sports(self, day: date) -> bool:
        return self._total("sports_venue", "sports_area") < _wanted(1.9, 2.42, day) * self._places.inhabitants

    def _neediest(self, kind: str, of: str) -> str:
        residents = self._places.residents
        return min(residents, key=lambda township: self._total(kind, of, township) / residents[township])

    def _site(self, township: str) -> str:
        return self._random.choice(self._places.communities[township]).code

    def _childcare_site(self, day: date) -> str:
        covered = self._covered()
        if self._lacks_coverage(day):
            return self._random.choice(
                [place.code for place in self._places.urban if place.code not in covered]
            )
        township = self._neediest("childcare", "total")
        known = [code for code in sorted(covered) if code.startswith(township)]
        rural = [place.code for place in self._places.communities[township] if place.setting == "rural"]
        return self._random.choice(known or rural or [self._site(township)])

    def _tell(self, facility: Facility, day: date, *, at: datetime | None = None) -> None:
        data = {
            "facility_id": facility.id,
            "kind": facility.kind,
            "name": facility.name,
            "division": facility.division,
            "status": facility.status,
            "ownership": facility.ownership,
            "floor_area": f"{facility.floor_area:.2f}",
            **facility.own,
        }
        self._say(AGENCY[facility.kind], "facility", data, day, at)

    def _tell_offer(
        self, facility: Facility, day: date, *, at: datetime | None = None, slip: int = 0
    ) -> None:
        offer = facility.offer
        data = {"facility_id": facility.id, **offer, "total": offer["total"] + slip}
        self._say(HEALTH, "childcare-place", data, day, at)

    def _say(self, agency: str, stream: str, data: dict[str, Any], day: date, at: datetime | None) -> None:
        hour = (self._random if stream == "facility" else self._reports).uniform(8.5, 17.5)
        self._outbox.say(agency, stream, data, at or self._outbox.at(day, hour), sent=at)
