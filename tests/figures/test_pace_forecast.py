"""The arithmetic under the forecast: against published values, and by what an 80 % band promises."""

import math
import random
from datetime import date
from itertools import pairwise

import pytest

from services.figures.forecast import MONTH, Steps, Tally, drift, student_t, tally

# Upper critical values for a tail of 0.10: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2
NIST = {
    1: 3.078, 2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440, 7: 1.415, 8: 1.397, 9: 1.383, 10: 1.372,
    11: 1.363, 12: 1.356, 13: 1.350, 14: 1.345, 15: 1.341, 20: 1.325, 23: 1.319, 30: 1.310, 60: 1.296,
    100: 1.290,
}  # fmt: skip


@pytest.mark.parametrize(("freedom", "published"), NIST.items())
def test_students_t_is_the_published_one(freedom: int, published: float) -> None:
    assert student_t(freedom) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(
    ("freedom", "published"), [(1, 3.077684), (2, 1.885618), (5, 1.475884), (10, 1.372184)]
)
def test_students_t_has_six_decimals_of_a_finer_table(freedom: int, published: float) -> None:
    assert student_t(freedom) == pytest.approx(published, abs=6e-7)


def test_drift_is_the_textbooks_on_even_steps() -> None:
    """Forecasting: Principles and Practice, 3rd ed., 5.2, 5.4, 5.5; here a period is 487 days, 16 months."""
    values = [2.0, 2.5, 2.4, 3.1, 3.3, 3.2, 4.0]
    found = drift([(487 * n, value) for n, value in enumerate(values)])
    mean = (values[-1] - values[0]) / (len(values) - 1)
    residuals = [after - before - mean for before, after in pairwise(values)]
    sigma = math.sqrt(sum(r * r for r in residuals) / (len(values) - 1 - 1))
    assert found.pace * 16 == pytest.approx(mean)
    band = found.band(16 * 5)
    half = student_t(len(values) - 2) * sigma * math.sqrt(5 * (1 + 5 / (len(values) - 1)))
    assert band == (pytest.approx(5 * mean - half), pytest.approx(5 * mean + half))


def test_the_drift_band_holds_eight_of_ten_random_walks() -> None:
    chance = random.Random(187)
    inside = 0
    for _ in range(2000):
        walk = [0.0]
        for _ in range(24):
            walk.append(walk[-1] + chance.gauss(0.3, 1.0))
        band = drift([(round(n * MONTH), value) for n, value in enumerate(walk[:13])]).band(12)
        assert band is not None
        inside += band[0] <= walk[24] - walk[12] <= band[1]
    assert 0.77 < inside / 2000 < 0.83


@pytest.mark.parametrize("past", [2.0, 3.0, 6.0, 10.0])
@pytest.mark.parametrize("mean", [0.3, 1.5, 4.0, 20.0])
def test_the_count_band_holds_eight_of_ten_years(past: float, mean: float) -> None:
    """Exact coverage: every count that may come, weighed with its Poisson probability."""
    coverage = 0.0
    ahead = 12 - past
    for count in range(int(mean * past + 12 * math.sqrt(mean * past) + 12)):
        low, high = band_of(count, past, ahead)
        more = range(math.ceil(low), math.floor(high) + 1)
        coverage += poisson(count, mean * past) * sum(poisson(n, mean * ahead) for n in more)
    assert 0.75 < coverage < 0.90  # whole numbers cannot hit 0.80
    assert mean < 1 or coverage == pytest.approx(0.80, abs=0.01)


def band_of(count: int, past: float, ahead: float) -> tuple[float, float]:
    band = Tally(count, past, 1.0).band(ahead)
    assert band is not None
    return band


def poisson(count: int, mean: float) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def test_the_count_band_solves_the_score_equation() -> None:
    """(t·x − y)² = z²·t·(x + y) at both ends."""
    count, past, ahead = 9.0, 6.0, 6.5
    share, z = ahead / past, 1.2815515655446004
    for end in band_of(9, past, ahead):
        assert (share * count - end) ** 2 == pytest.approx(z * z * share * (count + end))


def test_nothing_counted_yet_still_has_an_upper_end() -> None:
    low, high = band_of(0, 3, 9)
    assert low == 0
    assert high == pytest.approx(1.2815515655446004**2 * 3)


def test_counts_that_come_in_heaps_have_a_wider_band() -> None:
    even = tally([(n * 30, float(5 * n)) for n in range(7)])
    heaps = tally([(n * 30, float(30 * (n // 6))) for n in range(7)])
    assert even.count == heaps.count == 30
    assert even.dispersion == 1
    assert heaps.dispersion > 5
    assert (heaps.band(6) or ())[1] > (even.band(6) or ())[1]


@pytest.mark.parametrize("last", [date(2023, 3, 31), date(2024, 2, 29), date(2024, 3, 1), date(2025, 8, 17)])
def test_the_knots_of_a_year(last: date) -> None:
    today = last.toordinal()
    days = [day for day, _ in Steps([(1, 0.0)], today).knots(today, 1)]
    assert len(days) == 13
    assert days[-1] == today
    assert all(date.fromordinal(day + 1).day == 1 for day in days[:-1])
    assert all(28 <= after - before < 62 for before, after in pairwise(days))
    assert 364 <= today - days[0] <= 396


def test_less_than_a_year_is_used_from_its_first_day() -> None:
    last = date(2024, 6, 30).toordinal()
    first = date(2024, 1, 15).toordinal()
    days = [day for day, _ in Steps([(first, 1.0), (last, 2.0)], last).knots(last, first)]
    assert [date.fromordinal(day).isoformat()[5:] for day in days] == [
        "01-15",
        "02-29",
        "03-31",
        "04-30",
        "05-31",
        "06-30",
    ]


def test_the_values_at_the_ends_of_months_are_all_that_is_needed() -> None:
    """The caller may leave out what happened within a month."""
    chance = random.Random(4)
    today = date(2024, 6, 17).toordinal()
    every = [(day, chance.random()) for day in range(today - 800, today + 1)]
    ends = [(day, value) for day, value in every if day == today or date.fromordinal(day + 1).day == 1]
    assert Steps(every, today).knots(today, today - 800) == Steps(ends, today).knots(today, ends[0][0])
