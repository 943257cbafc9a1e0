"""The synthetic county: everything its agencies send, in the order of sending, the same for the same seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from cli.sample.dice import dice
from cli.sample.facilities import Facilities
from cli.sample.fitness import FitnessEvents
from cli.sample.land import Land
from cli.sample.livelihood import Livelihood
from cli.sample.mistakes import with_mistakes
from cli.sample.outbox import Outbox, Sent
from cli.sample.places import INHABITANTS, Places
from cli.sample.population import Population
from cli.sample.schooling import Schooling
from cli.sample.shows import Shows
from cli.sample.tasks import Tasks
from cli.sample.vouchers import RECORDS_OF_A_VOUCHER, Vouchers, running
from services.platform.plan import Plan

BEGIN = date(2022, 10, 1)
"""The month the plan was issued."""

END = date(2025, 12, 31)
"""The day the plan is due."""


@dataclass(frozen=True)
class Pace:
    """How much is sent: vouchers issued on an ordinary campaign day, days between reports of a facility."""

    vouchers: float
    report_every: int


def paced(scale: float) -> Pace:
    """Return the pace of a sample `scale` times the usual: so many times the vouchers and reports."""
    return Pace(20 * scale, max(1, round(30 / scale)))


class County:
    """A county from `begin` on, without end; each iteration tells the same story from its beginning.

    `pace` tells each day's pace. It changes how many vouchers and reports there are, never how facilities
    grow. With `mistakes` there are also records that ingest must refuse, contradictions and repetitions
    (cli/sample/mistakes.py); without, every record is right and comes once.
    """

    def __init__(
        self,
        plan: Plan,
        pace: Callable[[date], Pace],
        *,
        seed: int = 1,
        begin: date = BEGIN,
        inhabitants: int = INHABITANTS,
        mistakes: bool = False,
    ) -> None:
        self._places = Places(plan, inhabitants)
        self._pace = pace
        self._seed = seed
        self._begin = begin
        self._mistakes = mistakes

    def __iter__(self) -> Iterator[Sent]:
        told = self._told()
        return with_mistakes(told, dice(self._seed, "mistakes")) if self._mistakes else told

    def _told(self) -> Iterator[Sent]:
        places, seed, day = self._places, self._seed, self._begin
        outbox = Outbox(dice(seed, "outbox"), places.plan.zone)
        population = Population(places, outbox, seed, day)
        facilities = Facilities(places, outbox, seed, day)
        fitness = FitnessEvents(places, outbox, seed, day)
        vouchers = Vouchers(places, outbox, seed, day, lambda day: self._pace(day).vouchers)
        offices = [office(places, outbox, seed) for office in (Land, Schooling, Livelihood, Shows, Tasks)]
        while True:
            population.day(day)
            facilities.day(day, self._pace(day).report_every)
            fitness.day(day)
            vouchers.day(day)
            for office in offices:
                office.day(day)
            day += timedelta(days=1)
            yield from outbox.leaving(outbox.at(day, 0))


def sample(
    plan: Plan,
    records: int | None = None,
    *,
    scale: float = 1,
    seed: int = 1,
    begin: date = BEGIN,
    end: date = END,
    mistakes: bool = False,
) -> Iterator[Sent]:
    """Return what is sent from `begin` to `end`, both included: about so many records of all streams.

    The number of records decides how many vouchers there are, a fifth of it at least; a county's books
    (facilities, reports, events, statistics) come whole: some 13,000 in three years, be the number ever so
    small. Without a number `scale` decides, see `paced`. `mistakes`: see County.
    """
    pace = paced(scale) if records is None else _pace_for(plan, records, seed, begin, end)
    return _until(end, County(plan, lambda _day: pace, seed=seed, begin=begin, mistakes=mistakes))


def _pace_for(plan: Plan, records: int, seed: int, begin: date, end: date) -> Pace:
    every = max(1, min(30, 1_000_000 // max(records, 1)))
    books = Pace(0, every)
    without_vouchers = sum(1 for _ in _until(end, County(plan, lambda _day: books, seed=seed, begin=begin)))
    days = (begin + timedelta(days=n) for n in range((end - begin).days + 1))
    busy = sum(found[1] for found in map(running, days) if found)
    missing = max(records / 5, records - without_vouchers)
    return Pace(missing / (busy * RECORDS_OF_A_VOUCHER) if busy else 0, every)


def _until(end: date, county: County) -> Iterator[Sent]:
    return takewhile(lambda sent: sent.moment.date() <= end, county)
