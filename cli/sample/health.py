"""The sample county's medical institutions, from the county hospital to the village clinics."""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import NamedTuple

from cli.sample.course import Course, course, straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Level, Steering, flag

# For 1,000 inhabitants.
_PHYSICIANS = course((2022, 10, 2.06), (2024, 6, 2.34), (2025, 10, 2.64))
_NURSES = course((2022, 10, 2.52), (2024, 3, 2.88), (2025, 10, 3.19))
_BEDS = straight(6.15, 7.4)
_CLINICS = straight(0.073, 0.088)

# Shares.
_NURSING = straight(0.18, 0.335, most=0.5)  # of the beds of community and township health centres
_GREEN_CHANNEL = course((2022, 10, 0.62), (2025, 8, 1.0), most=1)
_AGE_FRIENDLY = straight(0.33, 0.95, most=0.95)
_HOSPICE = course((2024, 8, 0.0), (2024, 9, 0.5), most=0.5)
_MOBILE_BOOKING = course((2022, 10, 0.15), (2023, 10, 0.42), (2025, 10, 0.81), most=0.9)
_NO_CODE = course((2022, 10, 0.5), (2023, 6, 1.0), most=1)
_DEMOS = course((2022, 10, 0.1), (2025, 10, 0.74), most=0.8)  # of the townships' health centres

_SURNAMES = ("杨", "李", "王", "陶", "张", "熊", "马", "侬", "陆", "罗")


class _Size(NamedTuple):
    """The most a county of 465,000 inhabitants would have in one institution."""

    beds: int
    physicians: int
    nurses: int


_SIZES = {
    "general_hospital": _Size(800, 330, 560),
    "tcm_hospital": _Size(450, 170, 260),
    "specialist_hospital": _Size(160, 80, 110),
    "community_health_centre": _Size(60, 30, 40),
    "township_health_centre": _Size(150, 40, 60),
    "village_clinic": _Size(0, 3, 2),
    "clinic": _Size(0, 3, 3),
    "public_health": _Size(0, 35, 10),
}


def health(register: Register, random: Random) -> list[Steering]:
    """Return what steers the medical institutions."""
    network = _Network(register, random)
    thousands, kinds = register.places.inhabitants / 1000, ("medical",)

    def nursing_wanted(day: date) -> float:
        centres = [one for one in register.there("medical") if _is_centre(one)]
        return _NURSING.at(day) * sum(one.amount("beds") for one in centres)

    def nursing_room(one: Facility) -> float:
        return one.amount("beds") - one.amount("nursing_beds") if _is_centre(one) else 0

    def level(of: str, way: Course, step: tuple[int, int]) -> Level:
        return Level(
            register,
            random,
            "medical",
            of,
            lambda day: way.at(day) * thousands,
            step,
            lambda one: network.most(one, of) - one.amount(of),
        )

    return [
        network,
        Growth(register, network.lacks_clinics, network.clinic),
        level("beds", _BEDS, (4, 12)),
        level("physicians", _PHYSICIANS, (1, 4)),
        level("nurses", _NURSES, (1, 5)),
        Level(register, random, "medical", "nursing_beds", nursing_wanted, (2, 6), nursing_room),
        flag(register, random, kinds, "green_channel", _GREEN_CHANNEL, fits=_is_public),
        flag(register, random, kinds, "age_friendly", _AGE_FRIENDLY, fits=_is_to_be_age_friendly),
        flag(register, random, kinds, "hospice_pilot", _HOSPICE, fits=_is_graded_general),
        flag(register, random, kinds, "mobile_booking", _MOBILE_BOOKING, fits=_is_public),
        flag(register, random, kinds, "no_health_code_channel", _NO_CODE, fits=_is_graded),
        flag(register, random, kinds, "integrated_care_demo", _DEMOS, fits=_is_of_a_township),
    ]


def _is_public(one: Facility) -> bool:
    return one.ownership == "public"


def _is_graded(one: Facility) -> bool:
    return bool(one.own["grade"] in ("secondary", "tertiary"))


def _is_graded_general(one: Facility) -> bool:
    return _is_graded(one) and one.own["category"] == "general_hospital"


def _is_of_a_township(one: Facility) -> bool:
    return bool(one.own["category"] == "township_health_centre")


def _is_centre(one: Facility) -> bool:
    return bool(one.own["category"] in ("township_health_centre", "community_health_centre"))


def _is_to_be_age_friendly(one: Facility) -> bool:
    return _is_centre(one) or _is_graded_general(one)


@dataclass
class _Network:
    """The institutions the county begins with, and the clinics that are opened later."""

    register: Register
    random: Random
    _parts: dict[Facility, float] = field(default_factory=dict)

    def begin(self, day: date) -> None:
        places = self.register.places
        county = places.plan.county.name.zh
        seat = places.townships[0].code
        others = sorted(places.residents, key=lambda code: -places.residents[code])
        second = next((code for code in others if code != seat), seat)
        self._add(seat, f"{county}人民医院", "general_hospital", "secondary")
        self._add(second, f"{county}第二人民医院", "general_hospital", "secondary", part=0.45)
        self._add(seat, f"{county}仁和医院", "general_hospital", "primary", part=0.2, ownership="private")
        self._add(seat, f"{county}中医医院", "tcm_hospital", "secondary")
        self._add(seat, f"{county}妇幼保健院", "specialist_hospital", "secondary")
        self._add(seat, f"{county}疾病预防控制中心", "public_health")
        for number in "一二":
            self._add(seat, f"{county}第{number}社区卫生服务中心", "community_health_centre")
        for township in places.townships:
            self._add(township.code, f"{township.name}卫生院", "township_health_centre")
            for place in places.communities[township.code]:
                if place.setting == "rural":
                    ownership = "public" if self.random.random() < 0.7 else "private"
                    name = f"{places.spoken(place.code)}卫生室"
                    self._add(place.code, name, "village_clinic", ownership=ownership)

    def week(self, day: date) -> None:
        """No hospital is built in these years."""

    def most(self, one: Facility, of: str) -> float:
        """How much of `of` an institution can have."""
        size: int = getattr(_SIZES[one.own["category"]], of)
        return size * self._parts[one]

    def lacks_clinics(self, day: date) -> bool:
        clinics = sum(one.own["category"] == "clinic" for one in self.register.there("medical"))
        return bool(clinics < int(_CLINICS.at(day) * self.register.places.inhabitants / 1000))

    def clinic(self, _day: date) -> Facility:
        places = self.register.places
        [township] = self.random.choices(list(places.residents), list(places.residents.values()))
        return self._add(township, f"{self.random.choice(_SURNAMES)}氏诊所", "clinic", ownership="private")

    def _add(
        self,
        where: str,
        name: str,
        category: str,
        grade: str = "none",
        *,
        part: float = 1,
        ownership: str = "public",
    ) -> Facility:
        places = self.register.places
        division = places.site(where, self.random)
        small = category in ("village_clinic", "clinic")
        own = {
            "category": category,
            "grade": grade,
            "beds": 0,
            "nursing_beds": 0,
            "physicians": 1 if small else 0,
            "nurses": 0,
        }
        area = self.random.uniform(60, 160) if small else self.random.uniform(1_500, 9_000)
        made = self.register.add("medical", division, name, ownership, area=area, own=own)
        # A clinic is as small in a small county; the hospitals are not.
        self._parts[made] = part * (1 if small else places.size)
        return made
