"""The sample county's housing estates, and what new ones were built with for their residents."""

from random import Random

from cli.sample.course import straight
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Share, Steering

# How many, in a county of 465,000.
_NEW = straight(5, 27)
_OLD = 16

# Shares of the new ones.
_CHILDCARE = straight(0.55, 1.0, most=1)
_ELDER_CARE = straight(0.5, 0.87, most=0.95)
_SPORTS = straight(0.6, 1.0, most=1)

_NAMES = ("锦绣", "阳光", "翡翠", "金城", "幸福", "龙湖", "彩云", "望江", "学府", "七乡")
_KINDS = ("花园", "小区", "新城", "雅苑", "家园")


def estates(register: Register, random: Random) -> list[Steering]:
    """Return what steers the estates."""
    size, kinds = register.places.size, ("estate",)

    def number(*, new: bool) -> int:
        return sum(one.own["new"] is new for one in register.there("estate"))

    def give_sports(one: Facility) -> None:
        if random.random() < 0.5:
            one.own["indoor_sports_area"] = _for_each(one, random.uniform(0.1, 0.16))
        else:
            one.own["outdoor_sports_area"] = _for_each(one, random.uniform(0.3, 0.5))

    return [
        Growth(
            register,
            lambda _day: number(new=False) < int(_OLD * size),
            lambda _day: _estate(register, random, new=False),
        ),
        Growth(
            register,
            lambda day: number(new=True) < int(_NEW.at(day) * size),
            lambda _day: _estate(register, random, new=True),
        ),
        Share(
            *(register, random, kinds, _CHILDCARE),
            done=lambda one: one.own["childcare_provided"],
            do=lambda one: one.own.update(childcare_provided=True),
            fits=_is_new,
        ),
        Share(
            *(register, random, kinds, _ELDER_CARE),
            done=lambda one: _of_each(one, "elder_care_area") >= 0.1,
            do=lambda one: one.own.update(elder_care_area=_for_each(one, random.uniform(0.1, 0.18))),
            fits=_is_new,
        ),
        Share(
            *(register, random, kinds, _SPORTS),
            done=lambda one: (
                _of_each(one, "indoor_sports_area") >= 0.1 or _of_each(one, "outdoor_sports_area") >= 0.3
            ),
            do=give_sports,
            fits=_is_new,
        ),
    ]


def _estate(register: Register, random: Random, *, new: bool) -> Facility:
    """An estate with little for its residents; what it gets is steered."""
    places = register.places
    urban = places.urban or [place for of in places.communities.values() for place in of]
    division = random.choice(urban).code
    residents = random.randrange(500, 4_500, 10)
    own = {
        "new": new,
        "residents": residents,
        "childcare_provided": random.random() < 0.1,
        "elder_care_area": f"{residents * random.uniform(0, 0.09):.2f}",
        "indoor_sports_area": f"{residents * random.uniform(0, 0.06):.2f}",
        "outdoor_sports_area": f"{residents * random.uniform(0, 0.28):.2f}",
    }
    name = f"{places.spoken(division)}{random.choice(_NAMES)}{random.choice(_KINDS)}"
    area = residents * random.uniform(30, 45)
    return register.add("estate", division, name, "private", area=area, own=own)


def _is_new(one: Facility) -> bool:
    return bool(one.own["new"])


def _of_each(one: Facility, of: str) -> float:
    return one.amount(of) / one.amount("residents")


def _for_each(one: Facility, area: float) -> str:
    # Rounded up: at 0.1 m² each resident must have them.
    return f"{one.amount('residents') * area + 0.01:.2f}"
