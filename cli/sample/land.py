"""The sample county's built-up ground: floor areas by quarter, and which communities are complete ones."""

from datetime import date
from random import Random

from cli.sample.books import Books
from cli.sample.course import straight
from cli.sample.dice import dice
from cli.sample.outbox import HEALTH, HOUSING, LAND, Outbox
from cli.sample.places import Places

_FLOOR_AREA = straight(38.0, 39.6)  # m² for each inhabitant
_COMMERCIAL = straight(0.077, 0.0905, most=0.11)  # of that
_COMPLETE = straight(0.15, 0.3, most=0.5)  # of the communities
_COMPLIANT = straight(0.3, 0.68, most=0.9)  # of the complete ones

_LAST_TO_SURVEY = date(2025, 4, 1)
"""Until then one township has not measured its shops, so the county's share cannot be told."""


class Land:
    """What is reported of floor areas and complete communities."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "land")
        self._books = Books(outbox, dice(seed, "land books"))
        communities = [place.code for of in places.communities.values() for place in of]
        self._order = sorted(communities, key=lambda code: (code[9] != "0", self._random.random()))
        self._complete: dict[str, bool] = {}

    def day(self, day: date) -> None:
        """Report areas ten days after a quarter's end, communities towards its end."""
        if day.day == 10 and day.month % 3 == 1:
            self._areas(day)
        if day.day == 20 and day.month % 3 == 0:
            self._communities(day)

    def _areas(self, day: date) -> None:
        quarter = day.replace(day=1)
        *_, last = self._places.residents
        for township, residents in self._places.residents.items():
            area = residents * _FLOOR_AREA.at(quarter) * self._random.uniform(0.995, 1.005)
            shops = area * _COMMERCIAL.at(quarter) * self._random.uniform(0.97, 1.03)
            self._report(LAND, "community_floor_area", township, area, described=quarter, day=day)
            if township != last or quarter >= _LAST_TO_SURVEY:
                self._report(LAND, "commercial_floor_area", township, shops, described=quarter, day=day)

    def _communities(self, day: date) -> None:
        """The new ones, and those whose childcare meets the standard by now; in December all of them."""
        told = set(self._complete) if day.month == 12 else set()
        for code in self._order[len(self._complete) : int(_COMPLETE.at(day) * len(self._order))]:
            self._complete[code] = False
            told.add(code)
        lacking = [code for code, compliant in self._complete.items() if not compliant]
        wanted = int(_COMPLIANT.at(day) * len(self._complete)) - (len(self._complete) - len(lacking))
        for code in _some(lacking, wanted, self._random):
            self._complete[code] = True
            told.add(code)
        for code in sorted(told):
            self._report(HOUSING, "complete_community", code, 1, described=day, day=day)
            self._report(
                HEALTH,
                "complete_community_childcare",
                code,
                int(self._complete[code]),
                described=day,
                day=day,
            )

    def _report(
        self, agency: str, measure: str, division: str, value: float, *, described: date, day: date
    ) -> None:
        moment = self._outbox.at(described, 0)
        self._books.report(agency, measure, division, value, described=moment, day=day)


def _some(codes: list[str], number: int, random: Random) -> list[str]:
    return random.sample(codes, max(0, min(number, len(codes))))
