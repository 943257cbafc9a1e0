"""The sample county's schools in figures: oversized classes, rotated teachers, majors in care."""

from datetime import date, timedelta

from cli.sample.books import Books
from cli.sample.course import course
from cli.sample.dice import dice
from cli.sample.outbox import EDUCATION, LABOUR, Outbox
from cli.sample.places import Places

_OVERSIZED = course((2022, 10, 64), (2023, 9, 46), (2024, 9, 27), (2025, 9, 0))  # in a county of 465,000
_IN_AUTUMN = 1.25  # a new school year begins with too many children in some classes

_TEACHERS = 2_150  # those who could rotate, in a county of 465,000
_ROTATED = {2022: 0.104, 2023: 0.108, 2024: 0.087, 2025: 0.112}
_ROTATED_LATER = 0.107
_BY_MONTH = (
    0.0,
    0.0,
    0.05,
    0.05,
    0.05,
    0.08,
    0.2,
    0.8,
    0.96,
    1.0,
    1.0,
    1.0,
)  # most go when a school year begins

# Since when there are so many.
_QUALITY_MAJORS = {date(2022, 10, 1): 2, date(2022, 12, 1): 3, date(2025, 9, 1): 4}
_HIGHER_MAJORS = {date(2022, 10, 1): 1, date(2024, 3, 1): 2}
_SCHOOLS = {
    date(2022, 10, 1): 2,
    date(2023, 9, 1): 3,
    date(2024, 3, 1): 4,
    date(2024, 9, 1): 5,
    date(2025, 9, 1): 6,
}


class Schooling:
    """What is reported of schools."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "schooling")
        self._books = Books(outbox, dice(seed, "schooling books"))

    def day(self, day: date) -> None:
        """Classes four times a year, teachers at each month's end, majors every quarter."""
        if day.day == 25 and day.month in (2, 4, 10, 12):
            self._classes(day)
        if (day + timedelta(days=1)).day == 1:
            self._teachers(day)
        if day.day == 20 and day.month in (3, 6, 9, 10, 12):
            self._majors(day)

    def _classes(self, day: date) -> None:
        many = _OVERSIZED.at(day) * self._places.size * (_IN_AUTUMN if day.month == 10 else 1)
        for township, residents in self._places.residents.items():
            share = residents / self._places.inhabitants * self._random.uniform(0.8, 1.2)
            self._report(EDUCATION, "oversized_classes", township, round(many * share), day)

    def _teachers(self, day: date) -> None:
        eligible = round(_TEACHERS * self._places.size * (1 + 0.004 * (day.year - 2022)))
        rate = _ROTATED.get(day.year, _ROTATED_LATER) * _BY_MONTH[day.month - 1]
        late = self._random.randrange(1, 8)
        for measure, value in (("teachers_eligible", eligible), ("teachers_rotated", int(eligible * rate))):
            self._report(EDUCATION, measure, self._places.plan.county.county, value, day, late=late)

    def _majors(self, day: date) -> None:
        for measure, steps in (
            ("quality_vocational_majors", _QUALITY_MAJORS),
            ("higher_vocational_majors", _HIGHER_MAJORS),
            ("schools_with_care_majors", _SCHOOLS),
        ):
            value = [number for since, number in steps.items() if since <= day][-1]
            self._report(LABOUR, measure, self._places.plan.county.county, value, day)

    def _report(
        self, agency: str, measure: str, division: str, value: int, day: date, *, late: int = 0
    ) -> None:
        described = self._outbox.at(day, 17)
        self._books.report(
            agency, measure, division, value, described=described, day=day + timedelta(days=late)
        )
