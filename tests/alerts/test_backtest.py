"""Backtests against a plain count: hour by hour, with nothing of the machine."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import event_type
from schemas.indicator import Figure
from schemas.rules import RULE, IndicatorRule, ValueRule
from services.alerts import past
from services.alerts.backtest import BacktestError, Stretch, backtest, other
from services.board.tables.figures import Figures
from services.board.tables.knowledge import Knowledge
from services.figures.standing import read
from services.platform import clickhouse as platform
from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.alerts.figures import CHILDCARE, CHILDCARE_RULE, COUNTY, PLAN
from tests.board import county, ledger
from tests.support.clickhouse import ClickHouse

FIRST = date(2024, 1, 1)
INDICATOR, PLACE = PLAN.indicators[CHILDCARE], PLAN.divisions[COUNTY]
THRESHOLD = Decimal("4.5")


def rule(**fields: Any) -> IndicatorRule:
    made = RULE.validate_python(
        {"id": "r", "name": {"zh": "规则", "en": "r"}, "indicator": CHILDCARE, **fields}
    )
    assert isinstance(made, IndicatorRule)
    return made


def days(values: Sequence[int | None]) -> list[Figure]:
    """A figure a day, in tenths: 45 is 4.5 per 1,000."""
    return [
        Figure(
            indicator=CHILDCARE,
            division=COUNTY,
            numerator=None if value is None else Decimal(value),
            denominator=None if value is None else Decimal(10_000),
            value=None if value is None else value / 10,
            target=THRESHOLD,
            status="no_data" if value is None else "watched",
            as_of=FIRST + timedelta(days=number),
            version=number,
            updated_at=datetime(2024, 1, 1, tzinfo=UTC),
        )
        for number, value in enumerate(values)
    ]


def count(
    values: Sequence[int | None], clear: int, for_: int, keep: int, hours: int
) -> tuple[list[int], list[int]]:
    """The hours at which it fires, and those at which it resolves; hour 0 is the end of the first day."""
    fired, resolved, firing, since = [], [], False, None
    for hour in range(hours):
        value = values[min(hour // 24, len(values) - 1)]
        if value is None:  # the time stands still
            since = None if since is None else since + 1
            continue
        towards = value >= clear if firing else value < 45
        if not towards:
            since = None
            continue
        since = hour if since is None else since
        if hour - since >= (keep if firing else for_):
            (resolved if firing else fired).append(hour)
            firing, since = not firing, None
    return fired, resolved


VALUES = st.lists(st.none() | st.sampled_from([40, 44, 45, 46, 50]), min_size=1, max_size=40)
HOURS = st.sampled_from([0, 5, 24, 30, 48, 72])


@given(VALUES, st.sampled_from([0, 1, 5]), HOURS, HOURS, st.integers(0, 30))
def test_it_fires_and_resolves_when_a_plain_count_says_so(
    values: list[int | None], margin: int, for_: int, keep: int, skipped: int
) -> None:
    skipped = min(skipped, len(values) - 1)
    tried = rule(clear_margin=Decimal(margin) / 10, **{"for": f"{for_}h", "keep_firing": f"{keep}h"})
    stretch = Stretch(
        FIRST + timedelta(days=skipped),
        FIRST + timedelta(days=len(values) - 1),
        PLAN.zone,
        timedelta(days=3),
    )
    found = backtest(tried, INDICATOR, PLACE, days(values), stretch)
    hours = (len(values) - 1) * 24 + 1
    fired, resolved = count(values, 45 + margin, for_, keep, hours)
    end_of_first = datetime.combine(FIRST + timedelta(days=1), time(), PLAN.zone)

    def hour(moment: datetime) -> int:
        return round((moment - end_of_first) / timedelta(hours=1))

    begin = skipped * 24 - 24  # a day is over a moment after its last hour
    both = list(zip(fired, [*resolved, None], strict=False))
    both = [one for one in both if one[1] is None or one[1] > begin]
    assert [
        (hour(one.fired_at), None if one.resolved_at is None else hour(one.resolved_at))
        for one in found.episodes
    ] == both
    assert found.fired == sum(at > begin for at, _end in both)
    assert found.firing_before == any(at <= begin for at, _end in both)
    assert found.firing_after == (len(fired) > len(resolved))
    assert found.flapped == sum(
        next_at - end < 72 for (_at, end), (next_at, _) in pairwise(both) if end is not None
    )
    lengths = [min(hours - 1, end if end is not None else hours - 1) - max(at, begin) for at, end in both]
    assert found.days_firing == pytest.approx(sum(lengths) / 24, abs=1e-6)
    assert found.longest_days == pytest.approx(max(lengths, default=0) / 24, abs=1e-6)
    assert found.days_without_data == sum(value is None for value in values[skipped:])


def test_another_threshold_is_another_rule() -> None:
    values = [46, 44, 46, 44, 46, 44, 46]
    whole = Stretch(FIRST, FIRST + timedelta(days=6), PLAN.zone, timedelta(days=7))
    declared = rule()
    as_it_is = backtest(declared, INDICATOR, PLACE, days(values), whole)
    assert (as_it_is.fired, as_it_is.flapped) == (3, 2)
    wider = other(declared, None, Decimal("0.5"), None, None)
    assert isinstance(wider, ValueRule)
    once = backtest(wider, INDICATOR, PLACE, days(values), whole)
    assert (once.fired, once.flapped, once.firing_after) == (1, 0, True)
    calm = backtest(other(declared, Decimal("4.4"), None, None, None), INDICATOR, PLACE, days(values), whole)
    assert calm.fired == 0
    slow = backtest(
        other(declared, None, None, timedelta(days=2), None), INDICATOR, PLACE, days(values), whole
    )
    assert slow.fired == 0
    with pytest.raises(BacktestError, match="threshold"):
        other(rule(kind="status"), Decimal(1), None, None, None)


@pytest.fixture(scope="module")
def filled(clickhouse: ClickHouse) -> Common:
    """A database with a county's figures and two years of their history. Shared: write nothing there."""
    with clickhouse.client() as client:
        client.execute("CREATE DATABASE backtest_county")
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database="backtest_county")
    migrate(settings)
    pool = platform.ClickHouse(settings)
    county.fill(pool)
    pool.close()
    return settings


def run(settings: Common, *words: str, plan: Path = county.PLAN) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")}
    env |= {
        "MINMAI_CLICKHOUSE_PORT": str(settings.clickhouse_port),
        "MINMAI_CLICKHOUSE_DATABASE": settings.clickhouse_database,
        "MINMAI_PLAN": str(plan),
    }
    command = [sys.executable, "-m", "cli.main", "alerts", "backtest", *words]
    return subprocess.run(
        command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )


def test_a_history_on_the_real_engine(settings: Common) -> None:
    """Counted from the numbers themselves, day by day: fired, and for how many days."""
    dice = random.Random(5)
    people, first = 401_234, county.TODAY - timedelta(days=500)
    places = {
        first + timedelta(days=number): dice.choice([None, *range(1_500, 1_900, 7)])
        for number in sorted(dice.sample(range(500), 160))
    }
    pool = platform.ClickHouse(settings)
    county.write_figures(pool, "indicator_live", [county.figure(INDICATOR, PLACE)])
    county.write_history(
        pool,
        (
            (CHILDCARE, COUNTY, day, read(INDICATOR, INDICATOR.target, *_parts(number, people)))
            for day, number in places.items()
        ),
    )
    pool.close()
    asked = ("--from", "2023-06-01", "--threshold", "4.0", "--clear-margin", "0.3")
    told = run(settings, CHILDCARE_RULE, *asked, "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["from"], found["to"]) == ("2023-06-01", str(county.TODAY))
    some = 0
    for run_of, (threshold, clear) in zip(found["runs"], ((4.5, 4.55), (4.0, 4.3)), strict=True):
        fired, firing, length, number = 0, False, 0, None
        for count_of in range(501):
            day = first + timedelta(days=count_of)
            number = places.get(day, number)
            before = firing
            if number is not None:
                value = number / people * 1000
                firing = value < clear if firing else value < threshold
            inside = day >= date(2023, 6, 1)
            fired += inside and firing and not before
            # It began at the end of its day, and the stretch begins with the end of the day before.
            length += firing and date(2023, 5, 31) <= day < county.TODAY
        [outcome] = run_of["divisions"]
        assert (outcome["fired"], outcome["firing_after"]) == (fired, firing)
        assert outcome["days_firing"] == pytest.approx(length, abs=0.001)
        some += fired
    assert some > 20, "there was something to count"
    assert [run_of["rule"]["threshold"] for run_of in found["runs"]] == [None, "4.0"]


def _parts(number: int | None, people: int) -> tuple[Decimal | None, Decimal | None]:
    return (None, None) if number is None else (Decimal(number), Decimal(people))


def event(stream: str, day: str, received: str, /, **data: Any) -> ledger.Event:
    name = "/".join(map(str, (stream, day, *data.values())))
    return {
        "specversion": "1.0",
        "id": name,
        "source": "县卫生健康局",
        "type": event_type(stream),
        "time": f"{day}T08:00:00+08:00",
        "receivedtime": f"{received}T09:00:00+08:00",
        "receipt": "r",
        "data": data,
    }


def test_what_was_known_then_fires_at_other_times(settings: Common) -> None:
    """4.25 places per 1,000; 4.75 from 10 January on, told ten days late; 4.25 again, which was a mistake."""
    facility = {"facility_id": "C1", "kind": "childcare", "name": "托育园", "division": f"{COUNTY}101001"}
    facility |= {"status": "open", "ownership": "public", "floor_area": "400"}
    first, one_day = "2024-01-02", {"facility_id": "C1", "inclusive": 0, "enrolled": 0}
    mistake = event("childcare-place", "2024-02-01", "2024-02-01", total=17, **one_day)
    pool = platform.ClickHouse(settings)
    ledger.write(
        pool,
        [
            *(
                event(
                    *("statistic", "2024-01-01", "2024-01-01"),
                    division=one.code,
                    measure="resident_population",
                    dimension="",
                    value=400 if index else 0,
                )
                for index, one in enumerate(PLAN.shown_divisions[1:])
            ),
            event("facility", first, first, **facility),
            event("childcare-place", first, first, total=17, **one_day),
            event("childcare-place", "2024-01-10", "2024-01-20", total=19, **one_day),
            mistake,
            event(
                "retraction",
                "2024-02-11",
                "2024-02-11",
                stream="childcare-place",
                record=mistake["id"],
                reason="错报",
            ),
        ],
    )
    newest = county.figure(INDICATOR, PLACE).model_copy(update={"as_of": date(2024, 2, 29)})
    county.write_figures(pool, "indicator_live", [newest])
    now_known = {first: 17, "2024-01-10": 19}
    county.write_history(
        pool,
        (
            (
                CHILDCARE,
                COUNTY,
                date.fromisoformat(day),
                read(INDICATOR, INDICATOR.target, *_parts(places, 4_000)),
            )
            for day, places in now_known.items()
        ),
    )
    pool.close()

    def outcome(*words: str) -> tuple[int, float, list[str]]:
        told = run(settings, CHILDCARE_RULE, *words, "--json")
        assert told.returncode == 0, told.stderr
        [found] = json.loads(told.stdout)["runs"][0]["divisions"]
        ends = [one["resolved_at"][:10] for one in found["episodes"]]
        return found["fired"], round(found["days_firing"], 3), ends

    assert outcome() == (1, 8.0, ["2024-01-10"])
    assert outcome("--as-known") == (2, 18.0 + 10.0, ["2024-01-20", "2024-02-11"])


def test_a_table_for_people(filled: Common) -> None:
    told = run(filled, CHILDCARE_RULE, "--for", "30d", "--clear-margin", "0.2")
    assert told.returncode == 0, told.stderr
    assert "每千人口托位数低于目标" in told.stdout
    assert "现行 as declared: 界限 threshold 目标 target" in told.stdout
    assert "改为 with: 界限 threshold 目标 target，回差 clear margin 0.2，持续 for 30d" in told.stdout
    assert "砚山县" in told.stdout
    assert "逐日 by day" in told.stdout


def test_what_cannot_be_tried(filled: Common) -> None:
    def said(*words: str) -> str:
        told = run(filled, *words)
        assert told.returncode == 1
        assert "Traceback" not in told.stderr
        return told.stderr

    assert CHILDCARE_RULE in said("nothing_of_the_kind")
    assert "--for soon" in said(CHILDCARE_RULE, "--for", "soon")
    assert "--threshold much" in said(CHILDCARE_RULE, "--threshold", "much")
    assert "2024-05-31" in said(CHILDCARE_RULE, "--from", "2025-01-01")


def test_a_kind_of_which_no_history_is_kept_says_so(filled: Common, tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    shutil.copytree(county.PLAN, plan)
    with (plan / "rules.yaml").open("a") as rules:
        rules.write("\n- {id: one_merchant, kind: voucher_peak, name: {zh: 核销高峰, en: a peak}}\n")
    told = run(filled, "one_merchant", plan=plan)
    assert told.returncode == 1
    assert "voucher_peak" in told.stderr
    assert "no history is kept" in told.stderr


def test_each_day_is_seen_as_the_board_shows_it(filled: Common) -> None:
    """With status and forecast: the board reads them another way."""
    pool = platform.ClickHouse(filled)
    fields = ("numerator", "denominator", "value", "status", "due", "forecast", "pace_needed")
    for name in (CHILDCARE, "fitness_events_in_year"):
        indicator = PLAN.indicators[name]
        places = [one for one in PLAN.shown_divisions if one.level in indicator.levels]
        forecast = rule(kind="forecast", indicator=name)
        seen = past.as_now_known(pool, PLAN, forecast, places, county.TODAY)
        for day in (date(2022, 7, 4), date(2023, 9, 30), date(2024, 3, 1), county.TODAY):
            shown = Figures(pool, PLAN).at([indicator], places, Knowledge(day, PLAN.zone))
            for place, theirs in zip(places, shown, strict=True):
                [mine] = [one for one in seen[place.code] if one.as_of == day]
                assert [getattr(mine, one) for one in fields] == [getattr(theirs, one) for one in fields]
    pool.close()
