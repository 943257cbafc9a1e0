"""The sample county's kindergartens: enough of them, more public ones, more inclusive ones."""

from dataclasses import dataclass
from datetime import date
from random import Random

from cli.sample.course import straight
from cli.sample.population import AGED_3_TO_5
from cli.sample.register import Facility, Register
from cli.sample.steering import Growth, Level, Share, Steering

_ENROLLED = straight(0.90, 0.967)  # of the children aged 3 to 5
_PUBLIC = straight(0.41, 0.515)  # of the children in kindergartens
_INCLUSIVE = straight(0.74, 0.885, most=0.95)  # of the same, public ones included
_CLASSES = straight(1.45, 1.58)  # for 1,000 inhabitants

_CHILDREN_OF_A_CLASS = 30
_NAMES = ("童星", "金色童年", "小博士", "新苗", "育才", "红黄蓝", "智慧树", "大风车", "小星星", "艺童")


def education(register: Register, random: Random) -> list[Steering]:
    """Return what steers kindergartens."""
    places = register.places

    def lacks_classes(day: date) -> bool:
        return register.total("kindergarten", "classes") < _CLASSES.at(day) * places.inhabitants / 1000

    def children_wanted(day: date) -> float:
        return _ENROLLED.at(day) * AGED_3_TO_5 * places.inhabitants

    return [
        Growth(register, lacks_classes, lambda day: _kindergarten(register, random, day)),
        Level(register, random, "kindergarten", "children", children_wanted, (6, 18), _room),
        Share(
            register,
            random,
            ("kindergarten",),
            _INCLUSIVE,
            done=lambda one: one.ownership == "public" or bool(one.own.get("inclusive")),
            do=lambda one: one.own.update(inclusive=True),
            weight=lambda one: one.amount("children"),
        ),
        _Moves(register, random),
    ]


@dataclass
class _Moves:
    """Families move their children to public kindergartens where there is room."""

    register: Register
    random: Random

    def begin(self, day: date) -> None:
        while self._move(self.register.there("kindergarten"), day):
            pass

    def week(self, day: date) -> None:
        for one in self._move(self.register.open("kindergarten"), day):
            self.register.tell(one, self.register.working_hour(day))

    def _move(self, all_: list[Facility], day: date) -> tuple[Facility, ...]:
        public = [one for one in all_ if one.ownership == "public"]
        children = sum(one.amount("children") for one in all_)
        if sum(one.amount("children") for one in public) >= _PUBLIC.at(day) * children:
            return ()
        number = self.random.randrange(8, 26)
        able = [one for one in public if _room(one) >= number]
        left = [one for one in all_ if one.ownership == "private" and one.amount("children") >= number + 20]
        if not able or not left:
            return ()
        to = self.random.choice(able)
        near = [one for one in left if one.township == to.township]
        away = self.random.choice(near or left)
        to.own["children"] += number
        away.own["children"] -= number
        return away, to


def _room(one: Facility) -> float:
    return max(0.0, one.amount("classes") * _CHILDREN_OF_A_CLASS - one.amount("children"))


def _kindergarten(register: Register, random: Random, day: date) -> Facility:
    places = register.places
    township = register.neediest("kindergarten", "classes")
    division = places.site(township, random)
    there = register.there("kindergarten")
    public = sum(one.amount("classes") for one in there if one.ownership == "public")
    if not register.there("kindergarten", township):
        ownership, name = "public", f"{places.township_of(division).name}中心幼儿园"
    elif public < (_PUBLIC.at(day) + 0.04) * register.total("kindergarten", "classes"):
        ownership, name = "public", f"{places.spoken(division)}幼儿园"
    else:
        ownership, name = "private", f"{places.spoken(division)}{random.choice(_NAMES)}幼儿园"
    classes = random.randrange(4, 11)
    own = {"children": 0, "classes": classes}
    return register.add(
        "kindergarten", division, name, ownership, area=classes * random.uniform(90, 160), own=own
    )
