"""What goes wrong with the sample county's facilities, and how it is put right."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

from cli.sample.register import AGENCY, Facility, Register

_FIRE_SAFETY = date(2024, 4, 15)
"""On this day some childcare facilities must close for months, and the places they had are missed."""

_MISREAD = {  # what is written down wrongly; of the other kinds it is the floor area
    "kindergarten": "children",
    "elder_care": "beds",
    "medical": "physicians",
    "community_service": "floor_area",
    "sports_venue": "sports_area",
    "estate": "residents",
    "idle_site": "site_area",
}
_REASONS = ("误报，机构仍在营业", "录入错误", "填错了机构编号", "数据未经审核即上报")
_GHOSTS = ("重复登记，同一机构已有编号", "机构不存在，系录入错误")


@dataclass
class Stumbles:
    """Closures, wrong reports with their corrections and withdrawals, and reports about long ago."""

    register: Register
    random: Random

    def week(self, day: date) -> None:
        """Let each kind of mishap happen, or not."""
        for chance, mishap in (
            (0.12, self._interruption),
            (0.25, self._correction),
            (0.18, self._withdrawal),
            (0.12, self._ghost),
            (0.10, self._late_insight),
        ):
            if self.random.random() < chance:
                mishap(self._one(), day)

    def day(self, day: date) -> None:
        """Close what a safety inspection closes."""
        if day == _FIRE_SAFETY:
            able = self.register.open("childcare")
            for facility in self.random.sample(able, len(able) // 7):
                self._close(facility, day, self.random.randrange(100, 190), comes_back=1)

    def _interruption(self, facility: Facility, day: date) -> None:
        # A county with no hospital is another county.
        if facility.own.get("grade", "none") == "none":
            self._close(facility, day, self.random.randrange(14, 50), comes_back=0.8)

    def _close(self, facility: Facility, day: date, days: int, *, comes_back: float) -> None:
        self.register.become("suspended", facility, day)
        back = day + timedelta(days=days)
        after = "open" if self.random.random() < comes_back else "closed"
        self.register.later(back, partial(self.register.become, after, facility, back))

    def _correction(self, facility: Facility, day: date) -> None:
        """A wrong report, and the day after the right one."""
        with _misread(facility, 10):
            self.register.tell(facility, self.register.working_hour(day))
        after = day + timedelta(days=1)
        right = self.register.working_hour(after)
        self.register.later(after, lambda: self.register.tell(facility, right))

    def _withdrawal(self, facility: Facility, day: date) -> None:
        """A wrong report that is withdrawn; at times it is itself so late that the withdrawal comes first."""
        time = self.register.working_hour(day)
        late = timedelta(days=self.random.randrange(5, 15)) if self.random.random() < 0.35 else timedelta(0)
        status, facility.status = facility.status, "closed"
        record = self.register.tell(facility, time, sent=time + late)
        facility.status = status
        self._take_back(facility, record, _REASONS, day + timedelta(days=self.random.randrange(1, 5)))

    def _ghost(self, facility: Facility, day: date) -> None:
        """A facility that never was."""
        ghost = self.register.twin(facility)
        record = self.register.tell(ghost, self.register.working_hour(day))
        self._take_back(ghost, record, _GHOSTS, day + timedelta(days=self.random.randrange(3, 40)))

    def _late_insight(self, facility: Facility, day: date) -> None:
        """It is found to have been a little larger, months ago."""
        then = day - timedelta(days=self.random.randrange(30, 150))
        if facility.since and facility.since < then:
            with _misread(facility, 1.1):
                moment = self.register.working_hour(day)
                self.register.tell(facility, self.register.working_hour(then), sent=moment)

    def _take_back(self, facility: Facility, record: str, reasons: tuple[str, ...], day: date) -> None:
        reason, moment = self.random.choice(reasons), self.register.working_hour(day)
        self.register.later(
            day, partial(self.register.withdraw, facility, "facility", record, reason, moment=moment)
        )

    def _one(self) -> Facility:
        kinds = [kind for kind in AGENCY if self.register.open(kind)]
        return self.random.choice(self.register.open(self.random.choice(kinds)))


@contextmanager
def _misread(facility: Facility, factor: float) -> Iterator[None]:
    """Inside, the facility seems larger by a factor: never smaller, for its parts must fit into it."""
    name, area = _MISREAD.get(facility.kind, ""), facility.floor_area
    right = facility.own.get(name)
    if name:
        wrong = facility.amount(name) * factor
        facility.own[name] = f"{wrong:.2f}" if isinstance(right, str) else round(wrong)
    elif area is not None:
        facility.floor_area = round(area * round(factor * 10) / 10, 2)
    try:
        yield
    finally:
        facility.floor_area = area
        if name:
            facility.own[name] = right
