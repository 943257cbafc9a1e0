"""Promises judged: each status, each special day, and what the reasons say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from schemas.declaration import Text
from services.figures.pace import Pace, Point, Promise, assess

PLACES = Text(zh="个/千人", en="places/1000")
PERCENT = Text(zh="%", en="%")
GAMES = Text(zh="场", en="events")
DUE = date(2025, 12, 31)

CHILDCARE = Promise("at_least", 4.5, DUE, False, 0.0, None, 2, PLACES, None)
EVENTS = Promise("at_least", 20.0, None, True, 0.0, None, 0, GAMES, None)


def month_ends(values: Sequence[float | None], last: date) -> list[Point]:
    """Points on the last days of consecutive months; `last` is a month's last day."""
    first_of_next = last + timedelta(days=1)
    points = []
    for ago, value in enumerate(reversed(values)):
        year, month = divmod(first_of_next.year * 12 + first_of_next.month - 1 - ago, 12)
        points.append(Point(date(year, month + 1, 1) - timedelta(days=1), value))
    return points[::-1]


def daily(first: float, slope: float, start: date, days: int) -> list[Point]:
    """A straight line by day."""
    return [Point(start + timedelta(days=n), first + slope * n) for n in range(days)]


def judged(series: Sequence[Point], promise: Promise, as_of: date) -> Pace:
    """The judgement, with the flags as the caller would set them."""

    def holds(day: date) -> bool | None:
        known = [point.value for point in series if point.day <= day]
        if not known or known[-1] is None:
            return None
        if promise.direction == "at_least":
            return known[-1] >= promise.value
        return known[-1] <= promise.value if promise.direction == "at_most" else known[-1] == promise.value

    due = promise.due or date(as_of.year, 12, 31)
    return assess(series, promise, bool(holds(as_of)), holds(due) if as_of > due else None, as_of)


# -- under way ---------------------------------------------------------------------------------------

VALUES = [3.60, 3.63, 3.64, 3.66, 3.70, 3.71, 3.72, 3.74, 3.77, 3.79, 3.80, 3.84, 3.88]
AS_OF = date(2024, 6, 30)
YEAR = month_ends(VALUES, AS_OF)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (3.88, "met"),
        (4.3, "on_track"),
        (4.32, "on_track"),
        (4.33, "behind"),
        (4.57, "behind"),
        (4.59, "off_track"),
    ],
)
def test_the_status_follows_the_pace(target: float, status: str) -> None:
    """The forecast is 4.30, 0.42 above the present: 95 % of 0.44 and 60 % of 0.70."""
    assert judged(YEAR, replace(CHILDCARE, value=target), AS_OF).status == status


def test_moving_away_is_off_track_and_said() -> None:
    pace = judged(YEAR, replace(CHILDCARE, direction="at_most", value=3.0), AS_OF)
    assert pace.status == "off_track"
    assert pace.needed is not None
    assert pace.needed < 0
    assert pace.forecast_day is None
    assert pace.reason.zh.startswith(
        "比目标 3 高 0.88 个/千人；须每月减少 0.049，近 12 个月反而平均每月增加 0.023"
    )
    assert pace.reason.zh.endswith("照此达不到目标")
    assert "instead rose by" in pace.reason.en


def test_a_figure_that_does_not_move_has_a_forecast_but_no_band() -> None:
    """A band of no width would claim certainty where nothing is known of the variation."""
    pace = judged(month_ends([4.0] * 13, AS_OF), CHILDCARE, AS_OF)
    assert (pace.status, pace.observed, pace.forecast) == ("off_track", 0.0, 4.0)
    assert (pace.low, pace.high, pace.forecast_day) == (None, None, None)
    assert "近 12 个月没有增减" in pace.reason.zh
    assert "给不出区间" in pace.reason.zh


def test_a_straight_line_has_no_band_either() -> None:
    pace = judged(daily(3.0, 0.001, date(2023, 1, 1), 600), CHILDCARE, AS_OF)
    assert pace.observed == pytest.approx(0.0304375)
    assert (pace.low, pace.high) == (None, None)
    assert "给不出区间" in pace.reason.zh


def test_natural_limits_hold_forecast_and_band() -> None:
    shares = [60, 62, 65, 66, 66, 70, 71, 75, 80, 81, 84, 88, 89.3]
    share = replace(CHILDCARE, value=100.0, high=100.0, unit=PERCENT, decimals=1)
    pace = judged(month_ends(shares, AS_OF), share, AS_OF)
    assert (pace.status, pace.forecast, pace.high) == ("on_track", 100.0, 100.0)
    assert pace.reason.zh.startswith("距目标 100 还差 10.7 个百分点；须每月增加 0.59")


def test_a_target_beyond_the_limits_cannot_be_reached() -> None:
    share = replace(CHILDCARE, value=105.0, high=100.0, unit=PERCENT, decimals=0)
    pace = judged(month_ends([float(n) for n in range(80, 93)], AS_OF), share, AS_OF)
    assert (pace.status, pace.forecast, pace.forecast_day) == ("off_track", 100.0, None)
    assert pace.needed == pytest.approx(8 / (549 / 30.4375))  # up to the limit: more cannot be asked
    assert "目标超出了自然界限 100，不可能达到" in pace.reason.zh


def test_exactly_is_approached_from_either_side() -> None:
    none = replace(CHILDCARE, direction="exactly", value=0.0, decimals=0, unit=Text(zh="个", en="classes"))
    falling = judged(month_ends([9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3], AS_OF), none, AS_OF)
    assert (falling.status, falling.forecast, falling.low) == ("on_track", 0.0, 0.0)
    rising = judged(
        month_ends([3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9], AS_OF), replace(none, value=30.0), AS_OF
    )
    assert rising.status == "off_track"
    assert rising.needed is not None
    assert rising.needed > 0
    there = judged(month_ends([3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0], AS_OF), none, AS_OF)
    assert (there.status, there.gap, there.needed) == ("met", 0.0, 0.0)


# -- too little to say -------------------------------------------------------------------------------


def test_half_a_year_is_needed_and_enough() -> None:
    line = daily(3.0, 0.001, date(2024, 1, 1), 200)
    pace = judged(line, CHILDCARE, date(2024, 6, 28))
    assert (pace.status, pace.observed, pace.forecast) == ("cannot_say", None, None)
    assert pace.gap is not None
    assert pace.needed is not None
    assert "连续数据只有 179 天（至少要 180 天），还无法判断" in pace.reason.zh
    assert judged(line, CHILDCARE, date(2024, 6, 29)).status != "cannot_say"


def test_the_baseline_is_named_where_there_is_nothing_else() -> None:
    promise = replace(CHILDCARE, baseline=Point(date(2021, 12, 31), 1.8))
    assert judged(YEAR[-4:], promise, AS_OF).reason.zh.endswith("基期 2021-12-31 为 1.80")


def test_only_the_newest_unbroken_stretch_counts() -> None:
    values: list[float | None] = [*VALUES]
    values[2] = None
    pace = judged(month_ends(values, AS_OF), CHILDCARE, AS_OF)
    days = (AS_OF - date(2023, 9, 30)).days
    assert pace.observed == pytest.approx((3.88 - 3.66) / days * 30.4375)
    assert "近 9 个月" in pace.reason.zh
    values[8] = None
    assert judged(month_ends(values, AS_OF), CHILDCARE, AS_OF).status == "cannot_say"


def test_no_value_now() -> None:
    for series in ([], [Point(date(2024, 1, 1), 4.0), Point(date(2024, 6, 1), None)], YEAR):
        pace = judged(series, CHILDCARE, AS_OF if series is not YEAR else date(2020, 1, 1))
        assert (pace.status, pace.gap, pace.needed, pace.forecast) == ("cannot_say", None, None, None)
        assert "没有数据" in pace.reason.zh


# -- attained ----------------------------------------------------------------------------------------


def test_met_without_any_history() -> None:
    pace = judged([Point(AS_OF, 4.62)], CHILDCARE, AS_OF)
    assert (pace.status, pace.needed, pace.observed, pace.forecast) == ("met", 0.0, None, None)
    assert pace.reason.zh == "已达到目标 4.5，现为 4.62 个/千人"
    assert pace.reason.en == "the target 4.5 is met: now 4.62 places/1000"


def test_met_warns_when_the_forecast_falls_short() -> None:
    falling = judged(month_ends([8 - v for v in VALUES], AS_OF), replace(CHILDCARE, value=4.0), AS_OF)
    assert falling.status == "met"
    assert falling.forecast == pytest.approx(3.70)
    assert falling.reason.zh.startswith("已达到目标 4，现为 4.12 个/千人；但近 12 个月平均每月减少 0.023")
    assert falling.reason.zh.endswith("届时不再符合目标")
    ceiling = judged(YEAR, replace(CHILDCARE, direction="at_most", value=4.0), AS_OF)
    assert ceiling.status == "met"
    assert ceiling.reason.zh.endswith("届时不再符合目标")
    rising = judged(YEAR, replace(CHILDCARE, value=3.8), AS_OF)
    assert (rising.status, rising.forecast_day) == ("met", None)
    assert "不再" not in rising.reason.zh


# -- the due day and after ---------------------------------------------------------------------------


def test_the_due_day_itself_still_counts() -> None:
    late = [*month_ends(VALUES, date(2025, 11, 30)), Point(DUE, 4.5)]
    assert judged(late[:-1], CHILDCARE, date(2025, 12, 30)).status == "off_track"
    last = judged(late[:-1], CHILDCARE, DUE)
    assert (last.status, last.needed, last.value_at_due, last.forecast) == ("off_track", None, None, 3.88)
    assert last.reason.zh == "距目标 4.5 还差 0.62 个/千人；当天已是到期日"
    assert judged(late, CHILDCARE, DUE).status == "met"
    after = judged(late, CHILDCARE, date(2026, 1, 1))
    assert (after.status, after.value_at_due) == ("met", 4.5)


def test_missed_stays_missed_and_the_present_is_told() -> None:
    series = [*month_ends(VALUES, DUE), Point(date(2026, 5, 4), 4.6)]
    before = judged(series, CHILDCARE, date(2026, 3, 1))
    assert (before.status, before.value_at_due, before.needed, before.forecast) == (
        "missed",
        3.88,
        None,
        None,
    )
    assert before.gap == pytest.approx(0.62)
    assert before.forecast_day is not None
    assert before.reason.zh == (
        "到期日 2025-12-31 为 3.88 个/千人，未达到目标 4.5；现为 3.88，未达到目标，"
        f"照现在的进度 {before.forecast_day} 前后达到"
    )
    now = judged(series, CHILDCARE, date(2026, 6, 1))
    assert (now.status, now.value_at_due, now.forecast_day) == ("missed", 3.88, None)
    assert now.reason.zh.endswith("未达到目标 4.5；现为 4.60，已达到目标")


def test_met_stays_met() -> None:
    series = [*month_ends([v + 1 for v in VALUES], DUE), Point(date(2026, 5, 4), 4.2)]
    pace = judged(series, CHILDCARE, date(2026, 6, 1))
    assert (pace.status, pace.value_at_due) == ("met", 4.88)
    assert pace.reason.zh.startswith("到期日 2025-12-31 为 4.88 个/千人，达到目标 4.5；现为 4.20，未达到目标")


def test_no_value_on_the_due_day() -> None:
    pace = judged([Point(date(2026, 2, 1), 4.8)], CHILDCARE, date(2026, 3, 1))
    assert (pace.status, pace.value_at_due) == ("cannot_say", None)
    assert pace.reason.zh == "到期日 2025-12-31 没有数据，无法判断是否达标；现为 4.80，已达到目标"


# -- each year ---------------------------------------------------------------------------------------

GAMES_HELD = [Point(date(2023, 12, 31), 31.0), Point(date(2024, 1, 1), 0.0)] + [
    Point(date(2024, month, 10), float(held)) for month, held in enumerate([1, 2, 2, 5, 6, 9], start=1)
]


def test_a_count_of_the_year() -> None:
    pace = judged(GAMES_HELD, EVENTS, AS_OF)
    assert (pace.status, pace.due) == ("behind", date(2024, 12, 31))
    assert pace.observed == pytest.approx(9 / (182 / 30.4375))
    assert pace.needed == pytest.approx(11 / (184 / 30.4375))
    assert pace.forecast == pytest.approx(9 + 9 * 184 / 182)
    assert pace.low is not None
    assert pace.high is not None
    assert 9 <= pace.low < pace.forecast < pace.high
    assert pace.forecast_day is None
    assert pace.reason.zh == (
        "距目标 20 还差 11 场；须每月增加 1.8，今年至今平均每月增加 1.5（为所需的 82%），"
        "按此推算到 2024-12-31 为 18（80% 区间 13–25），今年内达不到目标"
    )


def test_a_count_needs_sixty_days_unless_it_is_attained() -> None:
    early = judged(GAMES_HELD, EVENTS, date(2024, 2, 28))
    assert (early.status, early.gap) == ("cannot_say", 18.0)
    assert "今年才过 59 天（至少要 60 天）" in early.reason.zh
    assert judged(GAMES_HELD, EVENTS, date(2024, 2, 29)).status == "off_track"
    assert judged(GAMES_HELD, replace(EVENTS, value=2.0), date(2024, 2, 20)).status == "met"


def test_last_years_count_says_nothing_of_this_years() -> None:
    with_past = judged([Point(date(2023, 5, 1), 500.0), *GAMES_HELD], EVENTS, AS_OF)
    assert with_past == judged(GAMES_HELD[1:], EVENTS, AS_OF)


def test_a_rate_that_begins_anew_has_the_band_of_its_months() -> None:
    """Percentages are no counts: a Poisson band would depend on the unit."""
    rate = replace(EVENTS, value=10.0, decimals=1, unit=PERCENT, high=100.0)
    points = [Point(date(2024, 1, 1), 0.0)] + [
        Point(date(2024, month, 10), share)
        for month, share in enumerate([0.6, 1.1, 2.4, 2.9, 4.0, 4.6], start=1)
    ]
    pace = judged(points, rate, AS_OF)
    assert pace.status == "behind"
    tenfold = [Point(p.day, 10 * (p.value or 0)) for p in points]
    wide = judged(tenfold, replace(rate, value=100.0, high=1000.0), AS_OF)
    assert pace.low is not None
    assert wide.low == pytest.approx(10 * pace.low)


def test_a_stock_promised_each_year_is_judged_by_its_drift() -> None:
    pace = judged(YEAR, replace(CHILDCARE, due=None, value=4.0), AS_OF)
    assert (pace.status, pace.due) == ("on_track", date(2024, 12, 31))
    assert pace.observed == judged(YEAR, CHILDCARE, AS_OF).observed


def test_a_count_asked_for_in_a_later_year_has_not_begun() -> None:
    pace = judged(GAMES_HELD, replace(EVENTS, due=DUE), AS_OF)
    assert pace.status == "cannot_say"
    assert "要到 2025 年才开始计数" in pace.reason.zh


# -- the documentation's example ---------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "pace.md"


def test_the_worked_example_of_the_documentation() -> None:
    """Recomputed here by the formulas of the page, and compared with the page's own text."""
    text = DOCS.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| value |"))
    values = [float(cell) for cell in row.strip("| ").split("|")[1:]]
    assert values == VALUES

    month = 30.4375
    months, ahead = (AS_OF - date(2023, 6, 30)).days / month, (DUE - AS_OF).days / month
    drift = (values[-1] - values[0]) / months
    times = [(b.day - a.day).days / month for a, b in pairwise(YEAR)]
    changes = [b - a for a, b in pairwise(values)]
    sigma = sqrt(sum((d - drift * t) ** 2 / t for d, t in zip(changes, times, strict=True)) / 11)
    half = 1.363 * sigma * sqrt(ahead * (1 + ahead / months))  # t of 11 degrees of freedom, from the table
    forecast = values[-1] + drift * ahead
    needed = (4.5 - values[-1]) / ahead

    pace = judged(YEAR, CHILDCARE, AS_OF)
    assert (pace.status, pace.gap) == ("behind", pytest.approx(0.62))
    assert (pace.needed, pace.observed) == (pytest.approx(needed), pytest.approx(drift))
    assert pace.forecast == pytest.approx(forecast)
    assert (pace.low, pace.high) == (
        pytest.approx(forecast - half, abs=1e-4),
        pytest.approx(forecast + half, abs=1e-4),
    )
    for shown in (
        f"{needed:.4f}",
        f"{drift:.4f}",
        f"{drift / needed:.3f}",
        f"{sigma:.4f}",
        f"{forecast:.2f}",
        f"{half:.3f}",
        str(pace.forecast_day),
        pace.reason.zh,
        pace.reason.en,
    ):
        assert shown in text
