"""The sample county's population figures, a yearly report per township."""

from datetime import date

from cli.sample.dice import dice
from cli.sample.outbox import STATISTICS, Outbox
from cli.sample.places import Places

_YEARLY_GROWTH = 0.002


class Population:
    """What the statistics bureau reports, year by year."""

    def __init__(self, places: Places, outbox: Outbox, seed: int, begin: date) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "population")
        self._begin = begin
        for township in places.residents:
            self._report(township, described=begin, sent=begin, hour=8.25)

    def day(self, day: date) -> None:
        """In January the year's figures come in, late for the day they describe; some are revised in June."""
        if day.year > self._begin.year and (day.month, day.day) == (1, 12):
            for township in self._places.residents:
                self._report(township, described=date(day.year, 1, 1), sent=day, hour=9.5)
        if (day.month, day.day) == (6, 15):
            townships = list(self._places.residents)
            for township in self._random.sample(townships, min(2, len(townships))):
                self._report(township, described=day, sent=day, hour=10, revision=0.004)

    def _report(
        self, township: str, *, described: date, sent: date, hour: float, revision: float = 0.0
    ) -> None:
        grown = 1 + _YEARLY_GROWTH * (described - self._begin).days / 365.25 + revision
        people = self._places.residents[township] * grown * self._random.uniform(0.9995, 1.0005)
        data = {
            "division": township,
            "measure": "resident_population",
            "dimension": "",
            "value": str(round(people)),
        }
        at = self._outbox.at
        self._outbox.say(STATISTICS, "statistic", data, at(described, 0), sent=at(sent, hour))
