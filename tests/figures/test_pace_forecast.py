"""The arithmetic under the forecast, against published values and by its own promise: 80 % of the outcomes."""

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
    """Forecasting: Principles and Practice, 3rd ed., 5.2, 5.4 and 5.5."""
    values = [2.0, 2.5, 2.4, 3.1, 3.3, 3.2, 4.0]
    step = 2 * MONTH  # whole days would do as well: only the unit differs
    found = drift([(round(n * step), value) for n, value in enumerate(values)])
    periods = len(values) - 1
    mean = (values[-1] - values[0]) / periods
    residuals = [after - before - mean for before, after in pairwise(values)]
    sigma = math.sqrt(sum(r * r for r in residuals) / (len(values) - 1 - 1))
    assert found.pace == pytest.approx(mean / 2, rel=5e-3)
    band = found.band(2 * 5)
    assert band is not None
    half = student_t(len(values) - 2) * sigma * math.sqrt(5 * (1 + 5 / (len(values) - 1)))
    assert band == (pytest.approx(5 * mean - half, rel=1e-2), pytest.approx(5 * mean + half, rel=1e-2))


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
    assert 0.76 < coverage < 0.93  # whole numbers cannot hit 0.80; small ones lie above it


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
    assert heaps.band(6)[1] > even.band(6)[1]  # type: ignore[index]  # a tally always has a band


@pytest.mark.parametrize("last", [date(2023, 3, 31), date(2023, 3, 30), date(2024, 2, 29), date(2025, 8, 31)])
def test_between_two_knots_lies_one_months_end(last: date) -> None:
    knots = [day for day, _ in Steps([(1, 0.0)], last.toordinal()).months(last.toordinal(), 400)]
    assert len(knots) == 13
    assert knots[0] in {date(last.year - 1, last.month, n).toordinal() for n in range(28, last.day + 1)}
    for before, after in pairwise(knots):
        ends = [day for day in range(before + 1, after + 1) if date.fromordinal(day + 1).day == 1]
        assert len(ends) == 1


def test_less_than_a_year_is_used_to_its_first_day() -> None:
    last = date(2024, 6, 30).toordinal()
    knots = Steps([(last - 200, 1.0), (last, 2.0)], last).months(last, 200)
    assert [last - day for day, _ in knots] == [200, 152, 122, 91, 61, 30, 0]
