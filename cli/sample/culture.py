"""The sample county's culture points."""

from datetime import date
from random import Random

from cli.sample.course import straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Steering

_POINTS = straight(9, 33)  # in a county of 465,000
_NAMES = {
    "city_study": "城市书房",
    "self_service_library": "24小时自助图书馆",
    "peoples_bookroom": "百姓书屋",
    "culture_station": "文化驿站",
}


def culture(register: Register, random: Random) -> list[Steering]:
    """Return what steers culture points."""
    places = register.places

    def lacks(day: date) -> bool:
        return len(register.there("culture_point")) < int(_POINTS.at(day) * places.size)

    def make(_day: date) -> Facility:
        division = places.site(register.neediest("culture_point"), random)
        if places.urban and random.random() < 0.4:
            division = random.choice(places.urban).code
        urban = places.plan.divisions[division].setting == "urban"
        category = random.choice(tuple(_NAMES)[:2] if urban else tuple(_NAMES)[2:])
        name = f"{places.spoken(division)}{_NAMES[category]}"
        area = random.uniform(40, 400)
        own = {"category": category}
        return register.add("culture_point", division, name, "public", area=area, own=own)

    return [Growth(register, lacks, make)]
