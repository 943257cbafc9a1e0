"""The synthetic county: everything its agencies send, in the order of sending, the same for the same seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from cli.sample.dice import dice
from cli.sample.facilities import Facilities
from cli.sample.fitness import FitnessEvents
from cli.sample.outbox import STATISTICS, Outbox, Sent
from cli.sample.places import Places
from cli.sample.vouchers import RECORDS_OF_A_VOUCHER, Vouchers, running
from services.platform.plan import Plan

BEGIN = date(2022, 10, 1)
"""The month the plan was issued."""

INHABITANTS = 465_000
_YEARLY_GROWTH = 0.002


@dataclass(frozen=True)
class Pace:
    """How much is sent: vouchers issued on an ordinary campaign day, days between reports of a facility."""

    vouchers: float
    report_every: int


class County:
    """A county from `begin` on, without end; iterate it once to get what is sent.

    `pace` tells each day's pace. It changes how many vouchers and reports there are, never how facilities
    grow.
    """

    def __init__(
        self,
        plan: Plan,
        pace: Callable[[date], Pace],
        *,
        seed: int = 1,
        begin: date = BEGIN,
        inhabitants: int = INHABITANTS,
    ) -> None:
        self._places = Places(plan, inhabitants)
        self._pace = pace
        self._begin = begin
        self._random = dice(seed, "statistics")
        self._outbox = Outbox(dice(seed, "outbox"), plan.zone)
        self._facilities = Facilities(self._places, self._outbox, seed)
        self._fitness = FitnessEvents(self._places, self._outbox, seed)
        self._vouchers = Vouchers(self._places, self._outbox, seed)

    def __iter__(self) -> Iterator[Sent]:
        day = self._begin
        self._open_books(day)
        while True:
            pace = self._pace(day)
            self._facilities.day(day, pace.report_every)
            if day.day == 1:
                self._fitness.month(day)
            self._vouchers.day(day, pace.vouchers)
            self._count_people(day)
            day += timedelta(days=1)
            yield from self._outbox.leaving(self._outbox.at(day, 0))

    def _open_books(self, day: date) -> None:
        for township in self._places.residents:
            self._report_people(township, described=day, sent=day, hour=8.25)
        self._facilities.begin(day)
        self._fitness.begin(day)

    def _count_people(self, day: date) -> None:
        """In January the year's figures come in, late for the day they describe; some are revised in June."""
        if day.year > self._begin.year and (day.month, day.day) == (1, 12):
            for township in self._places.residents:
                self._report_people(township, described=date(day.year, 1, 1), sent=day, hour=9.5)
        if (day.month, day.day) == (6, 15):
            for township in self._random.sample(list(self._places.residents), 2):
                self._report_people(township, described=day, sent=day, hour=10, revision=0.004)

    def _report_people(
        self, township: str, *, described: date, sent: date, hour: float, revision: float = 0.0
    ) -> None:
        years = (described - BEGIN).days / 365.25
        people = self._places.residents[township] * (1 + _YEARLY_GROWTH * years + revision)
        data = {
            "division": township,
            "measure": "resident_population",
            "dimension": "",
            "value": str(round(people * self._random.uniform(0.9995, 1.0005))),
        }
        at = self._outbox.at
        self._outbox.say(STATISTICS, "statistic", data, at(described, 0), sent=at(sent, hour))


def sample(
    plan: Plan,
    records: int,
    *,
    seed: int = 1,
    begin: date = BEGIN,
    end: date = date(2025, 12, 31),
) -> Iterator[Sent]:
    """Return about so many records of all streams, sent from `begin` to `end`, both included.

    The number decides how many vouchers there are; a county's books (facilities, reports, events,
    statistics) come whole, so fewer than those is not to be had: about 2,000 in three years.
    """
    pace = _pace_for(plan, records, seed, begin, end)
    return _until(end, County(plan, lambda _day: pace, seed=seed, begin=begin))


def _pace_for(plan: Plan, records: int, seed: int, begin: date, end: date) -> Pace:
    every = max(1, min(30, 150_000 // max(records, 1)))
    books = Pace(0, every)
    without_vouchers = sum(1 for _ in _until(end, County(plan, lambda _day: books, seed=seed, begin=begin)))
    days = (begin + timedelta(days=n) for n in range((end - begin).days + 1))
    busy = sum(found[1] for found in map(running, days) if found)
    missing = max(0, records - without_vouchers)
    return Pace(missing / (busy * RECORDS_OF_A_VOUCHER) if busy else 0, every)


def _until(end: date, county: County) -> Iterator[Sent]:
    return takewhile(lambda sent: sent.moment.date() <= end, county)
