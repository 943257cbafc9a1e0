"""The sample county's sports venues."""

from datetime import date
from random import Random

from cli.sample.course import straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Steering

_AREA = straight(1.9, 2.42)  # m² for each inhabitant
_VENUES = (  # name, area in m², how often
    ("灯光球场", (600, 1_300), 30),
    ("全民健身广场", (1_500, 4_000), 25),
    ("足球场", (5_000, 8_000), 15),
    ("田径场", (9_000, 14_000), 8),
    ("体育馆", (2_500, 6_000), 7),
    ("体育公园", (8_000, 20_000), 15),
)


def sports(register: Register, random: Random) -> list[Steering]:
    """Return what steers sports venues."""
    places = register.places

    def lacks(day: date) -> bool:
        return register.total("sports_venue", "sports_area") < _AREA.at(day) * places.inhabitants

    def make(_day: date) -> Facility:
        division = places.site(register.neediest("sports_venue", "sports_area"), random)
        [(what, (least, most), _often)] = random.choices(_VENUES, [often for *_, often in _VENUES])
        area = random.uniform(least, most)
        own = {"sports_area": f"{area:.2f}"}
        ownership = "private" if random.random() < 0.15 else "public"
        name = places.spoken(division) + what
        return register.add(
            "sports_venue", division, name, ownership, area=area * random.uniform(1, 1.3), own=own
        )

    return [Growth(register, lacks, make)]
