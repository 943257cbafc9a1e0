"""The synthetic county: everything its agencies send, in the order of sending, the same for the same seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from cli.sample.dice import dice
from cli.sample.facilities import Facilities
from cli.sample.fitness import FitnessEvents
from cli.sample.outbox import Outbox, Sent
from cli.sample.places import Places
from cli.sample.population import Population
from cli.sample.vouchers import RECORDS_OF_A_VOUCHER, Vouchers, running
from services.platform.plan import Plan

BEGIN = date(2022, 10, 1)
"""The month the plan was issued."""

INHABITANTS = 465_000


@dataclass(frozen=True)
class Pace:
    """How much is sent: vouchers issued on an ordinary campaign day, days between reports of a facility."""

    vouchers: float
    report_every: int


class County:
    """A county from `begin` on, without end; each iteration tells the same story from its beginning.

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
        self._seed = seed
        self._begin = begin

    def __iter__(self) -> Iterator[Sent]:
        places, seed, day = self._places, self._seed, self._begin
        outbox = Outbox(dice(seed, "outbox"), places.plan.zone)
        population = Population(places, outbox, seed, day)
        facilities = Facilities(places, outbox, seed, day)
        fitness = FitnessEvents(places, outbox, seed, day)
        vouchers = Vouchers(places, outbox, seed)
        while True:
            pace = self._pace(day)
            population.day(day)
            facilities.day(day, pace.report_every)
            fitness.day(day)
            vouchers.day(day, pace.vouchers)
            day += timedelta(days=1)
            yield from outbox.leaving(outbox.at(day, 0))


def sample(
    plan: Plan,
    records: int,
    *,
    seed: int = 1,
    begin: date = BEGIN,
    end: date = date(2025, 12, 31),
) -> Iterator[Sent]:
    """Return about so many records of all streams, sent from `begin` to `end`, both included.

    The number decides how many vouchers there are, a fifth of it at least; a county's books (facilities,
    reports, events, statistics) come whole: some 3,500 in three years, be the number ever so small.
    """
    pace = _pace_for(plan, records, seed, begin, end)
    return _until(end, County(plan, lambda _day: pace, seed=seed, begin=begin))


def _pace_for(plan: Plan, records: int, seed: int, begin: date, end: date) -> Pace:
    every = max(1, min(30, 150_000 // max(records, 1)))
    books = Pace(0, every)
    without_vouchers = sum(1 for _ in _until(end, County(plan, lambda _day: books, seed=seed, begin=begin)))
    days = (begin + timedelta(days=n) for n in range((end - begin).days + 1))
    busy = sum(found[1] for found in map(running, days) if found)
    missing = max(records / 5, records - without_vouchers)
    return Pace(missing / (busy * RECORDS_OF_A_VOUCHER) if busy else 0, every)


def _until(end: date, county: County) -> Iterator[Sent]:
    return takewhile(lambda sent: sent.moment.date() <= end, county)
