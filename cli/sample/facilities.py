"""The sample county's facilities: what there is at first, how it grows, and what is reported of it."""

from datetime import date, datetime, timedelta
from functools import partial

from cli.sample.childcare import childcare
from cli.sample.communities import communities
from cli.sample.culture import culture
from cli.sample.dice import dice
from cli.sample.education import education
from cli.sample.elder_care import elder_care
from cli.sample.estates import estates
from cli.sample.health import health
from cli.sample.outbox import Outbox
from cli.sample.places import Places
from cli.sample.register import AGENCY, Facility, Register
from cli.sample.sports import sports
from cli.sample.stumbles import Stumbles

_THEMES = (childcare, education, health, elder_care, communities, estates, sports, culture)

_ROUTINE = {"elder_care": 60, "medical": 120, "kindergarten": 120, "estate": 180, "community_service": 240}
"""Days between two reports of one facility, when a childcare facility tells its children every 30 days."""
_ROUTINE_OF_OTHERS = 365


class Facilities:
    """All facilities of the county, day by day."""

    def __init__(self, places: Places, outbox: Outbox, seed: int, begin: date) -> None:
        self._outbox = outbox
        self._register = Register(places, outbox, seed)
        self._steered = [
            steering for theme in _THEMES for steering in theme(self._register, dice(seed, theme.__name__))
        ]
        self._stumbles = Stumbles(self._register, dice(seed, "stumbles"))
        self._reports = dice(seed, "reports")  # its own, so that more reports leave the growth as it is
        for steering in self._steered:
            steering.begin(begin)
        self._register.begin(begin)

    def day(self, day: date, report_every: int) -> None:
        """Live one day; a childcare facility reports its children every so many days, others more rarely."""
        self._register.day(day)
        if day.weekday() == 0:
            for steering in self._steered:
                steering.week(day)
            self._stumbles.week(day)
        self._stumbles.day(day)
        self._report(day, report_every)

    def _report(self, day: date, every: int) -> None:
        """Let those report whose turn it is."""
        today = day.toordinal()
        for kind in AGENCY:
            routine = max(1, _ROUTINE.get(kind, _ROUTINE_OF_OTHERS) * every // 30)
            for facility in self._register.open(kind):
                if (facility.number + today) % routine == 0:
                    self._register.tell(facility, self._hour(day))
                if facility.offer and (facility.number + today) % every == 0:
                    self._tell_children(facility, day)

    def _tell_children(self, facility: Facility, day: date) -> None:
        """Tell the places and children there are; now and then wrongly, which is put right the day after."""
        offer, random, register = facility.offer, self._reports, self._register
        offer["enrolled"] = min(offer["total"], max(0, offer["enrolled"] + random.randrange(-2, 4)))
        if random.random() >= 0.02:
            register.tell_offer(facility, self._hour(day))
            return
        wrong = register.tell_offer(facility, self._hour(day), slip=10)
        after = day + timedelta(days=1)
        moment = self._hour(after)
        if random.random() < 0.5:
            register.later(after, lambda: register.tell_offer(facility, moment))
        else:
            withdraw = partial(register.withdraw, facility, "childcare-place", wrong, "托位数录入错误")
            register.later(after, partial(withdraw, moment=moment))

    def _hour(self, day: date) -> datetime:
        return self._outbox.at(day, self._reports.uniform(8.5, 17.5))
