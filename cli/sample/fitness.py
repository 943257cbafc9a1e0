"""The sample county's public fitness events: planned some weeks ahead, then held, moved or called off."""

from datetime import date, timedelta
from typing import Any

from cli.sample.dice import dice
from cli.sample.outbox import EDUCATION, Outbox
from cli.sample.places import Places

_IN_MONTH = (3, 2, 2, 3, 3, 2, 2, 3, 2, 3, 2, 2)  # two or so of which are called off in a year
_SPORTS = (  # sport, what it is called
    ("篮球", "篮球联赛"),
    ("广场舞", "广场舞展演"),
    ("健步走", "全民健步走"),
    ("气排球", "气排球邀请赛"),
    ("乒乓球", "乒乓球公开赛"),
    ("马拉松", "半程马拉松"),
    ("陀螺", "民族传统陀螺赛"),
    ("太极拳", "太极拳交流活动"),
    ("骑行", "乡村骑行活动"),
    ("足球", "五人制足球赛"),
)
_LEVELS = (("county", 40), ("township", 40), ("community", 12), ("prefecture", 8))


class FitnessEvents:
    """The events of the county, month by month."""

    def __init__(self, places: Places, outbox: Outbox, seed: int, begin: date) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "fitness")
        self._number = 0
        for _ in range(2):
            self._event(begin, begin + timedelta(days=self._random.randrange(3, 20)))

    def day(self, day: date) -> None:
        """On the first of a month, plan what takes place from three weeks later on."""
        if day.day == 1:
            for _ in range(_IN_MONTH[(day + timedelta(days=31)).month - 1]):
                self._event(day, day + timedelta(days=self._random.randrange(22, 52)))

    def _event(self, told: date, day: date) -> None:
        random, say = self._random, self._say
        self._number += 1
        sport, what = random.choice(_SPORTS)
        [level] = random.choices([name for name, _ in _LEVELS], [often for _, often in _LEVELS])
        division = self._division(level)
        where = self._places.spoken(division)
        data = {
            "event_id": f"SS{day.year}{self._number:04}",
            "name": f"{day.year}年{where}第{random.choice('一二三四五六七八')}届{what}",
            "level": level,
            "sport": sport,
            "division": division,
            "day": day.isoformat(),
            "status": "planned",
            "participants": 0,
        }
        say(data, told)
        if random.random() < 0.12:
            moved = day + timedelta(days=random.randrange(1, 8))
            say({**data, "day": moved.isoformat()}, day - timedelta(days=1))
            day, data = moved, {**data, "day": moved.isoformat()}
        if random.random() < 0.08:
            say({**data, "status": "cancelled"}, day)
            return
        people = random.randrange(60, 1_500)
        held = {**data, "status": "held", "participants": people}
        say(held, day, evening=True)
        if random.random() < 0.15:
            say({**held, "participants": people + random.randrange(5, 60)}, day + timedelta(days=1))
        if random.random() < 0.08:
            self._report_twice(held, day)

    def _report_twice(self, held: dict[str, Any], day: date) -> None:
        """The same event under a number of its own, which is taken back when somebody notices."""
        twin = {**held, "event_id": f"{held['event_id']}B"}
        record = self._say(twin, day, evening=True)
        after = day + timedelta(days=self._random.randrange(2, 20))
        moment = self._outbox.at(after, 10)
        self._outbox.withdraw(EDUCATION, "fitness-event", record, "同一赛事重复上报", moment)

    def _division(self, level: str) -> str:
        if level in ("county", "prefecture"):
            return self._places.plan.county.county
        residents = self._places.residents
        [township] = self._random.choices(list(residents), list(residents.values()))
        if level == "township":
            return township
        return self._random.choice(self._places.communities[township]).code

    def _say(self, data: dict[str, Any], day: date, *, evening: bool = False) -> str:
        hour = self._random.uniform(19, 21.5) if evening else self._random.uniform(8.5, 17.5)
        return self._outbox.say(EDUCATION, "fitness-event", data, self._outbox.at(day, hour))
