"""The sample county's elder-care institutions: a public home in every township, private ones beside."""

from datetime import date
from random import Random

from cli.sample.course import course, straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Level, Steering, flag

_BEDS = straight(3.3, 3.9)  # for 1,000 inhabitants
_NURSING = course((2022, 10, 0.40), (2024, 2, 0.455), (2024, 11, 0.462), (2025, 10, 0.535), most=0.6)
_COMPREHENSIVE = course((2022, 10, 0.28), (2023, 9, 0.37), (2024, 12, 0.46), (2025, 11, 0.65), most=0.8)
_CONTRACTS = course((2022, 10, 0.6), (2025, 9, 1.0), most=1)
_UNITS = course((2024, 5, 0.0), (2024, 6, 0.06), (2025, 6, 0.11), most=0.2)  # of all homes

_NAMES = ("康乐", "夕阳红", "福寿", "松鹤", "安康", "颐养", "和谐", "长青")


def elder_care(register: Register, random: Random) -> list[Steering]:
    """Return what steers elder care."""
    places, kind = register.places, "elder_care"

    def without() -> list[str]:
        return [code for code in places.residents if not register.there(kind, code)]

    def lacks_beds(day: date) -> bool:
        return register.total(kind, "beds") < _BEDS.at(day) * places.inhabitants / 1000

    return [
        Growth(register, lambda _day: bool(without()), lambda _day: _home(register, random, without()[0])),
        Growth(register, lacks_beds, lambda _day: _home(register, random, register.neediest(kind, "beds"))),
        Level(
            register,
            random,
            kind,
            "nursing_beds",
            lambda day: _NURSING.at(day) * register.total(kind, "beds"),
            (3, 8),
            lambda home: home.amount("beds") - home.amount("nursing_beds"),
        ),
        flag(
            register,
            random,
            (kind,),
            "comprehensive",
            _COMPREHENSIVE,
            fits=lambda one: one.ownership == "public",
        ),
        flag(register, random, (kind,), "medical_contract", _CONTRACTS),
        flag(register, random, (kind,), "integrated_care_unit", _UNITS),
    ]


def _home(register: Register, random: Random, township: str) -> Facility:
    places = register.places
    division = places.site(township, random)
    if register.there("elder_care", township):
        ownership = "private"
        name = f"{places.spoken(division)}{random.choice(_NAMES)}养老服务中心"
    else:
        ownership, name = "public", f"{places.township_of(division).name}敬老院"
    beds = random.randrange(60, 150, 5)
    own = {"beds": beds, "nursing_beds": beds // 4}
    return register.add("elder_care", division, name, ownership, area=beds * random.uniform(18, 30), own=own)
