"""The sample county's communities: service facilities, shops and canteens within reach, sites put to use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from cli.sample.course import Course, course, straight
from cli.sample.population import HOUSEHOLD
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Share, Steering, flag

_URBAN = course((2022, 10, 0.68), (2025, 10, 1.0), most=1)  # of urban communities
_RURAL = straight(0.58, 0.84, most=0.95)  # of rural ones
_AREA = straight(21.0, 32.0)  # m² of service facilities for 100 households
_ACTIVITY = straight(0.53, 0.645, most=0.7)  # of that area

# How many, in a county of 465,000.
_CENTRES = straight(3, 16)
_CANTEENS = straight(5, 27)
_MOTHER_ROOMS = straight(6, 30)
_IDLE = straight(22, 30)

_CIRCLES = straight(0.2, 0.65, most=0.9)  # of the convenience centres
_USED = straight(0.15, 0.62, most=0.9)  # of the idle sites
_USES = ("elder_care", "elder_care", "childcare", "culture", "culture", "fitness", "other")
_SITES = ("原粮站", "原供销社", "原小学", "原办公楼", "原卫生院", "原兽医站", "原林业站")


def communities(register: Register, random: Random) -> list[Steering]:
    """Return what steers the communities' facilities."""
    return [
        _service(register, random, "urban", _URBAN),
        _service(register, random, "rural", _RURAL),
        _Extensions(register, random),
        *_few(register, random, "convenience_centre", _CENTRES, name="便民消费服务中心", area=(300, 2_000)),
        flag(register, random, ("convenience_centre",), "quarter_hour_circle", _CIRCLES),
        *_few(
            *(register, random, "elder_canteen", _CANTEENS),
            name="老年幸福食堂",
            area=(80, 400),
            own=lambda: {"meals_per_day": random.randrange(20, 90)},
        ),
        *_few(register, random, "mother_room", _MOTHER_ROOMS, name="爱心妈妈屋", area=(10, 40)),
        _idle_sites(register, random),
        Share(
            register,
            random,
            ("idle_site",),
            _USED,
            done=lambda one: one.own["service_use"] != "none",
            do=lambda one: one.own.update(service_use=random.choice(_USES)),
        ),
    ]


def _service(register: Register, random: Random, setting: str, way: Course) -> Growth:
    """A service facility in so large a share of the communities of a setting."""
    places = register.places
    all_ = [place.code for of in places.communities.values() for place in of if place.setting == setting]

    def bare() -> list[str]:
        covered = {one.division for one in register.there("community_service")}
        return [code for code in all_ if code not in covered]

    def make(_day: date) -> Facility:
        division = random.choice(bare())
        area = random.uniform(180, 620)
        own = {"floor_area": f"{area:.2f}", "activity_area": f"{area * random.uniform(0.45, 0.58):.2f}"}
        name = f"{places.spoken(division)}综合服务设施"
        return register.add("community_service", division, name, "public", area=area, own=own)

    return Growth(register, lambda day: len(all_) - len(bare()) < int(way.at(day) * len(all_) + 1e-9), make)


@dataclass
class _Extensions:
    """Service facilities are extended, and rooms in them given over to the residents."""

    register: Register
    random: Random

    def begin(self, day: date) -> None:
        while self._extend(day, self.register.there("community_service")):
            pass

    def week(self, day: date) -> None:
        extended = self._extend(day, self.register.open("community_service"))
        if extended:
            self.register.tell(extended, self.register.working_hour(day))

    def _extend(self, day: date, all_: list[Facility]) -> Facility | None:
        if not all_:
            return None
        register, random = self.register, self.random
        one = random.choice(all_)
        area = register.total("community_service", "floor_area")
        active = register.total("community_service", "activity_area")
        floor, own = one.amount("floor_area"), one.amount("activity_area")
        if area < _AREA.at(day) / 100 * register.places.inhabitants / HOUSEHOLD:
            more = random.uniform(30, 120)
            floor, own = floor + more, own + more * 0.7
        elif active < _ACTIVITY.at(day) * area:
            own = min(floor, own + random.uniform(10, 45))
        else:
            return None
        one.own.update(floor_area=f"{floor:.2f}", activity_area=f"{own:.2f}")
        return one


def _few(
    register: Register,
    random: Random,
    kind: str,
    number: Course,
    *,
    name: str,
    area: tuple[int, int],
    own: Callable[[], dict[str, Any]] = dict,
) -> list[Steering]:
    """A kind of which there are some, where people live."""
    places = register.places

    def make(_day: date) -> Facility:
        township = register.neediest(kind)
        division = places.site(township, random)
        ownership = random.choice(("public", "private"))
        full = f"{places.spoken(division)}{name}"
        return register.add(kind, division, full, ownership, area=random.uniform(*area), own=own())

    return [Growth(register, lambda day: len(register.there(kind)) < int(number.at(day) * places.size), make)]


def _idle_sites(register: Register, random: Random) -> Growth:
    """State-owned sites that were found to stand idle."""
    places = register.places

    def make(_day: date) -> Facility:
        [township] = random.choices(list(places.residents), list(places.residents.values()))
        division = places.site(township, random)
        name = f"{places.spoken(division)}{random.choice(_SITES)}"
        own = {"site_area": f"{random.uniform(200, 4_000):.2f}", "service_use": "none"}
        return register.add("idle_site", division, name, "public", area=None, own=own)

    return Growth(
        register, lambda day: len(register.there("idle_site")) < int(_IDLE.at(day) * places.size), make
    )
