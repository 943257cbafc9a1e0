"""The sample county's services in figures: measures in force, ratings, training, start-up loans."""

from datetime import date, timedelta

from cli.sample.books import Books
from cli.sample.course import course, straight
from cli.sample.dice import dice
from cli.sample.outbox import CIVIL, COMMERCE, HEALTH, LABOUR, REFORM, Outbox
from cli.sample.places import Places

_MEASURES = course((2022, 10, 61), (2024, 3, 71), (2024, 12, 73), (2025, 10, 80), most=80)

# In a county of 465,000.
_RATED = (
    (CIVIL, "elder_care", straight(2, 15)),
    (HEALTH, "childcare", straight(4, 30)),
    (COMMERCE, "household", straight(1, 9)),
)
_TRAINED_IN_MONTH = 270
_LOANS = {  # how many so far, their usual amount, the largest, those beyond the caps
    "personal": (
        straight(130, 1_240),
        148_000,
        course((2022, 10, 180_000), (2024, 7, 200_000), (2024, 8, 230_000), most=230_000),
        course((2024, 7, 0), (2024, 8, 1), most=1),
    ),
    "small_enterprise": (
        straight(6, 58),
        1_900_000,
        course((2022, 10, 2_600_000), (2024, 1, 3_000_000), most=3_000_000),
        course((2025, 2, 0), (2025, 3, 1), most=1),
    ),
}


class Livelihood:
    """What is reported of services and of those who live by them."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "livelihood")
        self._books = Books(outbox, dice(seed, "livelihood books"))
        self._trained = 0

    def day(self, day: date) -> None:
        """Measures and training month by month, ratings and loans by quarter."""
        if day.day == 5:
            self._report(REFORM, "basic_service_measures", int(_MEASURES.at(day)), day)
        if (day + timedelta(days=1)).day == 1:
            self._training(day)
        if day.day == 15 and day.month % 3 == 1:
            for agency, dimension, rated in _RATED:
                number = int(rated.at(day) * self._places.size)
                self._report(agency, "institutions_rated", number, day, dimension)
        if day.day == 10 and day.month % 3 == 1:
            self._loans(day)

    def _training(self, day: date) -> None:
        self._trained = 0 if day.month == 1 else self._trained
        self._trained += round(_TRAINED_IN_MONTH * self._places.size * self._random.uniform(0.5, 1.5))
        self._report(LABOUR, "persons_trained", self._trained, day, late=self._random.randrange(1, 9))

    def _loans(self, day: date) -> None:
        for dimension, (granted, usual, largest, beyond) in _LOANS.items():
            number = int(granted.at(day) * self._places.size)
            amount = number * usual * self._random.uniform(0.995, 1.005)
            self._report(LABOUR, "startup_loans", number, day, dimension)
            self._report(LABOUR, "startup_loan_amount", round(amount, -3), day, dimension)
            self._report(LABOUR, "startup_loan_largest", round(largest.at(day), -3), day, dimension)
            self._report(LABOUR, "startup_loans_beyond_caps", int(beyond.at(day)), day, dimension)

    def _report(
        self, agency: str, measure: str, value: float, day: date, dimension: str = "", *, late: int = 0
    ) -> None:
        self._books.report(
            agency,
            measure,
            self._places.plan.county.county,
            value,
            described=self._outbox.at(day, 8.5),
            day=day + timedelta(days=late),
            dimension=dimension,
        )
