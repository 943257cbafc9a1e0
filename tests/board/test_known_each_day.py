"""What was known on each day, against the sample's independent count of what had been received by its end."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest

from cli.sample import truth
from services.figures.known import days_of_knowledge
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.board import ledger
from tests.board.county import plan
from tests.support.clickhouse import ClickHouse

LAST = date(2024, 5, 31)
DAYS = [date(2023, 3, 1), date(2023, 12, 20), date(2023, 12, 21), date(2024, 1, 1), date(2024, 4, 2), LAST]
INDICATORS = [
    *("childcare_places_per_1000", "childcare_occupancy", "community_childcare_coverage"),
    *("fitness_events_in_year", "voucher_redemption_rate", "physicians_per_1000", "oversized_classes"),
]
"""Of every stream."""


@pytest.fixture(scope="module")
def events() -> list[ledger.Event]:
    return ledger.Ledger(7).events()


@pytest.fixture(scope="module")
def pool(clickhouse: ClickHouse, events: list[ledger.Event]) -> Iterator[platform.ClickHouse]:
    with clickhouse.client() as client:
        client.execute("CREATE DATABASE known_each_day")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database="known_each_day")
    migrate(settings)
    made = platform.ClickHouse(settings)
    ledger.write(made, events)
    yield made
    made.close()


@pytest.fixture(scope="module")
def expected(events: list[ledger.Event]) -> dict[date, truth.Figures]:
    """With records that were received late, and withdrawn later still."""
    return {day: truth.figures(plan(), events, day, known_at=_end(day)) for day in DAYS}


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), plan().zone) - timedelta(microseconds=1)


@pytest.mark.parametrize("name", INDICATORS)
def test_each_day_as_it_was_known(
    pool: platform.ClickHouse, expected: dict[date, truth.Figures], name: str
) -> None:
    indicator = plan().indicators[name]
    places = [one for one in plan().shown_divisions if one.level in indicator.levels]
    seen, before = 0, None
    for day, tally in days_of_knowledge(pool, plan(), indicator, LAST):
        assert before is None or day == before + timedelta(days=1), "no day is left out"
        before = day
        for place in places if day in DAYS else ():
            told, wanted = tally.reading(name, place.code, day), expected[day][name, place.code]
            assert (told.numerator, told.denominator, told.status) == (
                *(wanted.numerator, wanted.denominator),
                wanted.status,
            ), (day, place)
            seen += 1
    assert seen == len(DAYS) * len(places)
    assert before == LAST


def test_it_was_not_the_same_as_is_now_known(
    expected: dict[date, truth.Figures], events: list[ledger.Event]
) -> None:
    """Else the test above would tell nothing."""
    for day in DAYS[:-1]:
        now = truth.figures(plan(), events, day)
        assert any(now[name, "532622"] != expected[day][name, "532622"] for name in INDICATORS)
