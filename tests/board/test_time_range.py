"""Time ranges as people and Grafana write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.board.panels.time_range import FIRST, LAST, POINTS, read_range

CHINA = ZoneInfo("Asia/Shanghai")
NOW = datetime(2024, 5, 31, 6, 30, 12, 345, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end", "first", "last", "step"),
    [
        ("now-1y", "now", "2023-05-31T06:30Z", "2024-05-31T06:31Z", 86_400),
        ("now-3M", "now", "2024-02-29T06:30Z", "2024-05-31T06:31Z", 21_600),
        ("now-2w", "now-1w", "2024-05-17T06:30Z", "2024-05-24T06:31Z", 1800),
        ("now-6h", "now", "2024-05-31T00:30Z", "2024-05-31T06:31Z", 60),
        ("now-90s", "now", "2024-05-31T06:28Z", "2024-05-31T06:31Z", 1),
        ("2024-05-30", "2024-05-30", "2024-05-29T16:00Z", "2024-05-30T16:00Z", 300),
        ("2024-05-30T08:00", "now", "2024-05-30T00:00Z", "2024-05-31T06:31Z", 300),
        ("2024-05-30T08:00:30+02:00", "2024-05-30T07:00Z", "2024-05-30T06:00:30Z", "2024-05-30T07:00Z", 10),
        ("2024-05-30T08:00 02:00", "now", "2024-05-30T06:00Z", "2024-05-31T06:31Z", 300),
        ("now-9999y", "now", "1971-01-01T00:00Z", "2024-05-31T06:31Z", 30 * 86_400),
    ],
)
def test_ranges(begin: str, end: str, first: str, last: str, step: int) -> None:
    found = read_range(begin, end, NOW, CHINA)
    assert (found.begin, found.end) == (datetime.fromisoformat(first), datetime.fromisoformat(last))
    assert found.step == step


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        *(("yesterday", "now"), ("now-7", "now"), ("now-7d'; --", "now"), ("", "now"), ("2024-02-30", "now")),
        *(("now", "now-1h"), ("2024-05-31T10:00", "2024-05-31T10:00"), ("1950-01-01", "now")),
        ("now", "2200-01-01"),
    ],
)
def test_what_is_no_range_is_said(begin: str, end: str) -> None:
    with pytest.raises(ValueError, match=" · "):
        read_range(begin, end, NOW, CHINA)


@given(
    seconds=st.integers(86_400, int((LAST - FIRST).total_seconds()) - 60),
    back=st.tuples(st.integers(1, 9999), st.sampled_from("smhdwMy")),
)
def test_a_range_back_from_now_holds_now_and_has_not_too_many_steps(
    seconds: int, back: tuple[int, str]
) -> None:
    now = FIRST + timedelta(seconds=seconds)
    found = read_range(f"now-{back[0]}{back[1]}", "now", now, CHINA)
    assert FIRST <= found.begin < now <= found.end <= LAST
    assert found.begin.second == found.end.second == 0
    if found.step < 30 * 86_400:
        assert (found.end - found.begin).total_seconds() / found.step <= POINTS
