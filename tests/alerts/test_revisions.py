"""A revision of a day that an alert was sent on, told from the news of later days, on the real engine."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from schemas.alert import AlertChange
from schemas.indicator import Figure
from services.alerts.evaluator import Evaluator
from services.alerts.log import Log
from services.alerts.revisions import Revisions
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.settings import Common
from tests.alerts.figures import CHILDCARE, CHILDCARE_RULE, COUNTY, PEOPLE, PLAN, childcare

DAY = date(2024, 5, 6)
NOON = datetime(2024, 5, 6, 4, tzinfo=UTC)


@dataclass
class Clock:
    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment


@dataclass
class County:
    """The tables as the aggregator writes them, and an evaluator that may be begun anew at any time."""

    pool: Pool
    clock: Clock = field(default_factory=Clock)
    sent: list[AlertChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = Log(self.pool)
        self.restart()

    def restart(self) -> None:
        async def nothing() -> None:
            """No notices wait here."""

        async def keep(changes: Sequence[AlertChange]) -> None:
            self.log.write(changes)
            self.sent += changes

        self.evaluator = Evaluator(
            PLAN,
            "https://board.example",
            log=self.log,
            revisions=Revisions(self.pool),
            clock=self.clock,
            begin=nothing,
            keep=keep,
        )
        asyncio.run(self.evaluator.begin())

    def round(self, version: int, today: int, days: dict[int, int], *, heard: bool = True) -> None:
        """A round of refreshing on the day `today`: the days it wrote, with their places; the live figure has
        those of the newest. Unheard ones are in the tables only."""
        self.clock.moment = NOON + timedelta(days=today)
        for day, places in days.items():
            self._insert("indicator_history", self._figure(places, version, day), day)
        live = self._figure(days[max(days)], version, today)
        self._insert("indicator_live", live, None)
        if heard:
            asyncio.run(self.evaluator.figures([live]))

    def _figure(self, places: int, version: int, day: int) -> Figure:
        return childcare(places, version).model_copy(update={"as_of": DAY + timedelta(days=day)})

    def _insert(self, table: str, figure: Figure, day: int | None) -> None:
        row = figure.model_dump()
        if day is not None:
            names = (
                "indicator division numerator denominator value target status version updated_at definition"
            )
            row = {name: row[name] for name in names.split()} | {"day": row["as_of"]}
        self.pool.insert(table, {name: [value] for name, value in row.items()})

    @property
    def told(self) -> list[str]:
        """What was told of the rule, with the places it was told of."""
        return [
            f"{one.state}{' correction' if one.correction else ''} {one.numerator}"
            for one in self.sent
            if one.rule == CHILDCARE_RULE
        ]


@pytest.fixture
def county(settings: Common) -> Iterator[County]:
    pool = Pool(settings)
    yield County(pool)
    pool.close()


def test_news_of_the_same_day_and_of_later_ones_is_no_correction(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 0, {0: 1_710})
    county.round(3, 1, {1: 1_720})
    county.round(4, 2, {2: 1_790})
    assert county.told == ["firing 1700"]


def test_a_late_record_of_the_day_it_was_sent_on_is_a_correction_once(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {1: 1_700})
    county.round(3, 1, {0: 1_750, 1: 1_750})
    county.round(4, 1, {1: 1_760})
    county.restart()
    assert county.told == ["firing 1700", "firing correction 1750"]
    [_, corrected] = [one for one in county.sent if one.rule == CHILDCARE_RULE]
    assert "2024-05-06 was 4.25 and is 4.38" in corrected.reason.en
    assert corrected.alert_id == county.sent[0].alert_id


def test_a_late_record_that_makes_it_good_ends_it_as_a_correction(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {1: 1_700})
    county.round(3, 1, {0: 1_900, 1: 1_900})
    assert county.told == ["firing 1700", "resolved correction 1900"]


def test_a_late_record_that_undoes_an_end_fires_again_as_a_correction(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {1: 1_900})
    county.round(3, 2, {2: 1_900})
    county.round(4, 2, {1: 1_700, 2: 1_700})
    assert county.told == ["firing 1700", "resolved 1900", "firing correction 1700"]


def test_one_that_nobody_would_read_as_another_number_is_none(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {1: 1_700})
    county.round(3, 1, {0: 1_701, 1: 1_701})  # 4.2525 is 4.25
    assert county.told == ["firing 1700"]


def test_one_that_came_while_it_was_away_is_told_at_the_next_start(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {1: 1_700})
    county.round(3, 1, {0: 1_750, 1: 1_750}, heard=False)
    county.pool.insert(  # another figure stays as the day's first round left it
        "indicator_live",
        {
            name: [value]
            for name, value in childcare(10, 2)
            .model_copy(update={"division": "532622101", "as_of": DAY + timedelta(days=1)})
            .model_dump()
            .items()
        },
    )
    county.restart()
    assert county.told == ["firing 1700", "firing correction 1750"]


def test_news_that_came_while_it_was_away_is_none(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 0, {0: 1_750}, heard=False)
    county.round(3, 1, {1: 1_760}, heard=False)
    county.restart()
    county.round(4, 1, {1: 1_770})
    assert county.told == ["firing 1700"]


def test_the_round_that_passes_into_the_next_day_may_bring_the_rest_of_the_last(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    county.round(2, 1, {0: 1_750, 1: 1_760})
    assert county.told == ["firing 1700"]


def test_what_was_sent_is_read_back_from_the_log(county: County) -> None:
    county.round(1, 0, {0: 1_700})
    [logged] = [one for one in county.log.standings() if one.key == (CHILDCARE_RULE, COUNTY, "")]
    assert logged.sent is not None
    assert (logged.sent.numerator, logged.sent.denominator) == (Decimal(1_700), Decimal(PEOPLE))
    assert logged.sent.indicator == CHILDCARE
