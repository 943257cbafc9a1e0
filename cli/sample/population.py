"""The sample county's people: residents, households and children, reported by township year by year."""

from datetime import date

from cli.sample.books import Books
from cli.sample.dice import dice
from cli.sample.outbox import STATISTICS, Outbox
from cli.sample.places import Places

HOUSEHOLD = 3.3
"""Persons in a household."""

AGED_3_TO_5 = 0.041
_AGED_0_TO_2 = 0.031
"""Shares of the residents."""

_YEARLY_GROWTH = 0.002
_MEASURES = {
    "resident_population": 1.0,
    "households": 1 / HOUSEHOLD,
    "population_0_2": _AGED_0_TO_2,
    "population_3_5": AGED_3_TO_5,
}


class Population:
    """What the statistics bureau reports, year by year."""

    def __init__(self, places: Places, outbox: Outbox, seed: int, begin: date) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "population")
        self._books = Books(outbox, dice(seed, "population books"))
        self._begin = begin
        for township in places.residents:
            self._report(township, described=begin, day=begin, slips=False)

    def day(self, day: date) -> None:
        """In January the year's figures come in, late for the day they describe; some are revised in June."""
        if day.year > self._begin.year and (day.month, day.day) == (1, 12):
            for township in self._places.residents:
                self._report(township, described=date(day.year, 1, 1), day=day)
        if (day.month, day.day) == (6, 15):
            townships = list(self._places.residents)
            for township in self._random.sample(townships, min(2, len(townships))):
                self._report(township, described=day, day=day, revision=0.004)

    def _report(
        self, township: str, *, described: date, day: date, revision: float = 0.0, slips: bool = True
    ) -> None:
        grown = 1 + _YEARLY_GROWTH * (described - self._begin).days / 365.25 + revision
        for measure, share in _MEASURES.items():
            people = self._places.residents[township] * share * grown * self._random.uniform(0.9995, 1.0005)
            self._books.report(
                STATISTICS,
                measure,
                township,
                round(people),
                described=self._outbox.at(described, 0),
                day=day,
                slips=slips,
            )
