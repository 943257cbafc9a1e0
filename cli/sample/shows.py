"""The sample county's opera visits and film showings, counted month by month from the beginning of a year."""

from datetime import date, timedelta

from cli.sample.books import Books
from cli.sample.dice import dice
from cli.sample.outbox import CULTURE, Outbox
from cli.sample.places import Places

_FILM_IN_MONTH = 0.22  # one a month is what a village should have
_OPERA_IN_MONTH = 0.35


class Shows:
    """What the culture bureau reports of shows that come to townships and villages."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._outbox = outbox
        self._random = dice(seed, "shows")
        self._books = Books(outbox, dice(seed, "shows books"))
        self._townships = dict.fromkeys(places.residents, 0)
        self._villages = {
            place.code: 0 for of in places.communities.values() for place in of if place.setting == "rural"
        }

    def day(self, day: date) -> None:
        """At a month's end add what was shown in it, and report within a week."""
        if (day + timedelta(days=1)).day != 1:
            return
        late = timedelta(days=self._random.randrange(1, 8))
        for measure, shown, often in (
            ("opera_visits", self._townships, _OPERA_IN_MONTH),
            ("film_showings", self._villages, _FILM_IN_MONTH),
        ):
            for code in shown:
                shown[code] = (0 if day.month == 1 else shown[code]) + (self._random.random() < often)
                described = self._outbox.at(day, 18)
                self._books.report(CULTURE, measure, code, shown[code], described=described, day=day + late)
