"""The sample county's childcare: places for its inhabitants, and one in every other urban community."""

from dataclasses import dataclass
from datetime import date
from random import Random

from cli.sample.course import course, straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Steering

_PLACES = course((2022, 10, 2.6), (2024, 3, 3.5), (2024, 12, 3.85), (2025, 10, 4.8))  # for 1,000 inhabitants
_COVERAGE = straight(0.37, 0.6, most=1)  # of urban communities
_NAMES = (
    *("阳光", "小太阳", "启明星", "贝贝", "金摇篮", "彩虹", "童心", "小蜜蜂", "七彩", "苗苗"),
    *("爱心", "乐乐", "小脚印", "晨曦", "蒲公英", "花园", "小天使", "春芽", "亲亲", "向日葵"),
)


def childcare(register: Register, random: Random) -> list[Steering]:
    """Return what steers childcare."""
    county = _Childcare(register, random)
    return [
        Growth(register, county.lacks_coverage, lambda _day: county.found(county.uncovered())),
        Growth(register, county.lacks_places, lambda _day: county.found(county.neediest())),
        _Expansion(register, random, county),
    ]


@dataclass
class _Expansion:
    """Now and then a facility gets some places more."""

    register: Register
    random: Random
    county: "_Childcare"

    def begin(self, day: date) -> None:
        """In the beginning each is as large as it is."""

    def week(self, day: date) -> None:
        able = self.register.open("childcare")
        if able and self.county.lacks_places(day) and self.random.random() < 0.5:
            grown, more = self.random.choice(able), self.random.choice((6, 10, 15))
            grown.offer["total"] += more
            grown.offer["inclusive"] += more
            self.register.tell_offer(grown, self.register.working_hour(day))


class _Childcare:
    def __init__(self, register: Register, random: Random) -> None:
        self._register = register
        self._places = register.places
        self._random = random

    def lacks_places(self, day: date) -> bool:
        wanted = _PLACES.at(day) * self._places.inhabitants / 1000
        return self._register.total("childcare", "total") < wanted

    def lacks_coverage(self, day: date) -> bool:
        urban = {place.code for place in self._places.urban}
        return len(urban & self._covered()) < int(_COVERAGE.at(day) * len(urban))

    def uncovered(self) -> str:
        covered = self._covered()
        return self._random.choice([place.code for place in self._places.urban if place.code not in covered])

    def neediest(self) -> str:
        """A community where there is one already, else a village: coverage has a course of its own."""
        township = self._register.neediest("childcare", "total")
        known = [code for code in sorted(self._covered()) if code.startswith(township)]
        rural = [place.code for place in self._places.communities[township] if place.setting == "rural"]
        return self._random.choice(known or rural or [self._places.site(township, self._random)])

    def found(self, division: str) -> Facility:
        random = self._random
        name = f"{self._places.spoken(division)}{random.choice(_NAMES)}托育园"
        total = random.randrange(24, 65, 2)
        inclusive, enrolled = random.uniform(0.5, 1), random.uniform(0.5, 0.9)
        offer = {"total": total, "inclusive": int(total * inclusive), "enrolled": int(total * enrolled)}
        ownership = "public" if random.random() < 0.3 else "private"
        area = random.uniform(120, 900)
        return self._register.add("childcare", division, name, ownership, area=area, own={}, offer=offer)

    def _covered(self) -> set[str]:
        return {one.division for one in self._register.there("childcare")}
