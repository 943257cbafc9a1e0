"""A county's figures as the aggregator would have left them: every status, three months of history."""

import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from uuid import UUID

from schemas.declaration import Indicator, Target
from schemas.indicator import Figure
from services.figures.prospect import prospect
from services.figures.standing import Reading, read
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan, load_plan

PLAN = Path(__file__).parents[2] / "plans" / "yanshan"
TODAY = date(2024, 5, 31)
UPDATED = datetime(2024, 5, 31, 6, 30, tzinfo=UTC)
HISTORY_DAYS = (760, 640, 520, 400, 280, 90, 75, 62, 40, 33, 21, 12, 5, 0)
"""How many days ago the figures changed, each time by 5 % of what they are today."""

YOUNG = frozenset({"basic_service_measures_rate"})
"""Figures that are there only since 62 days: too short a history for a pace."""

# Numerators and denominators of the townships, in the order of the plan's divisions file.
PEOPLE = (129_310, 88_204, 42_115, 51_377, 24_870, 33_902, 29_441, 18_730, 27_659, 15_208, 21_334)
Numbers = list[int | None]
PARTS: dict[str, tuple[Numbers, Numbers | None]] = {
    "childcare_places_per_1000": (
        [640, 380, 205, 214, 96, 162, 118, 60, 131, 40, 88],
        list(PEOPLE),
    ),
    "community_childcare_coverage": (
        [7, 4, 2, 1, 0, 1, 0, 0, 1, 0, 0],
        [12, 7, 3, 3, 1, 2, 1, 0, 1, 0, 1],
    ),
    "eldercare_nursing_bed_share": (
        [212, 160, 64, 51, None, 40, 22, None, 36, 12, 30],
        [380, 290, 110, 112, None, 70, 48, None, 60, 24, 60],
    ),
    "sports_area_per_capita": (
        [310_344, 212_000, 95_100, 131_500, 51_000, 80_300, 70_200, 41_000, 68_900, 33_100, 47_800],
        list(PEOPLE),
    ),
    "higher_vocational_majors": ([4, *[0] * 10], None),  # missed when it was due, reached since
    "fitness_events_in_year": ([5, 3, 1, 1, 0, 1, 0, 0, 1, 0, 0], None),
    "voucher_issued_value": (
        [1_284_500, 742_350, 201_000, 188_400, 74_050, 120_900, 96_300, 41_200, 88_700, 30_150, 57_450],
        None,
    ),
    "voucher_redeemed_value": (
        [1_002_310, 561_275, 143_850, 150_120, 48_990, 88_100, 71_455, 25_605, 61_200, 19_800, 40_010],
        None,
    ),
}
PARTS["voucher_redemption_rate"] = (PARTS["voucher_redeemed_value"][0], PARTS["voucher_issued_value"][0])


@cache
def plan() -> Plan:
    return load_plan(PLAN)


def reading(indicator: Indicator, division: Division, day: date) -> Reading | None:
    """A figure at the end of a day, by the rules all services share; None before the first change."""
    steps = sum(TODAY - timedelta(days=days) <= day for days in HISTORY_DAYS)
    if not steps or (indicator.id in YOUNG and day < TODAY - timedelta(days=62)):
        return None
    above, below = _numbers(indicator)
    place = [one.code for one in plan().shown_divisions].index(division.code) - 1
    top, bottom = (
        (_sum(numbers) if place < 0 else numbers[place]) if numbers else None for numbers in (above, below)
    )
    if top is not None:
        top = top * (100 - 5 * (len(HISTORY_DAYS) - steps)) // 100
    return read(
        indicator,
        target(indicator, division),
        None if top is None else Decimal(top),
        None if bottom is None else Decimal(bottom),
    )


def target(indicator: Indicator, division: Division) -> Target | None:
    return indicator.target_at("county" if division.level == "county" else "township")


def _numbers(indicator: Indicator) -> tuple[Numbers, Numbers | None]:
    """The townships' numbers: those above, or such as come to between half and all of the target."""
    if indicator.id in PARTS:
        return PARTS[indicator.id]
    dice = zlib.crc32(indicator.id.encode())
    share = Decimal(50 + dice % 60) / 100
    wanted = (indicator.target.value if indicator.target else Decimal(20)) / indicator.scale * share
    if not indicator.denominator:
        return [max(int(wanted), 0), *[0] * 10], None
    below: Numbers = [40 + (dice >> place) % 50 for place in range(11)]
    return [int(wanted * number) for number in below if number is not None], below


def _sum(parts: Numbers) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def kept(indicators: Iterable[Indicator]) -> Iterable[tuple[Indicator, Division]]:
    for indicator in indicators:
        for division in plan().shown_divisions:
            if division.level in indicator.levels:
                yield indicator, division


def figure(indicator: Indicator, division: Division, version: int = 100) -> Figure:
    """A figure as it stands today."""

    def reading_at(day: date) -> Reading:
        unknown = Reading(None, None, None, None, "no_data")
        return reading(indicator, division, day) or unknown

    return Figure(
        indicator=indicator.id,
        division=division.code,
        as_of=TODAY,
        definition=indicator.definition_id,
        version=version,
        updated_at=UPDATED,
        **{
            **asdict(reading_at(TODAY)),
            **asdict(prospect(indicator, target(indicator, division), reading_at, TODAY)),
        },
    )


@cache
def _figures() -> list[Figure]:
    return [figure(*where) for where in kept(plan().indicators.values())]


def figures() -> list[Figure]:
    """All figures of the county, in the order of the plan's indicators and divisions."""
    return list(_figures())


def write_figures(clickhouse: ClickHouse, table: str, rows: list[Figure]) -> None:
    """Insert into indicator_live."""
    clickhouse.insert(table, {name: [getattr(row, name) for row in rows] for name in Figure.model_fields})


def write_history(clickhouse: ClickHouse, rows: Iterable[tuple[str, str, date, Reading]]) -> None:
    """Insert (indicator, division, day, reading) into indicator_history."""
    told = [
        {
            "indicator": indicator,
            "division": division,
            "day": day,
            "definition": plan().indicators[indicator].definition_id,
            **asdict(reading),
        }
        for indicator, division, day, reading in rows
    ]
    columns: dict[str, list[object]] = {name: [row[name] for row in told] for name in told[0]}
    stamp: dict[str, list[object]] = {"version": [10] * len(told), "updated_at": [UPDATED] * len(told)}
    clickhouse.insert("indicator_history", {**columns, **stamp})


def fill(clickhouse: ClickHouse) -> None:
    """Write the whole county: figures, history, vouchers, feeds."""
    write_figures(clickhouse, "indicator_live", figures())
    days = [TODAY - timedelta(days=days) for days in HISTORY_DAYS]
    write_history(
        clickhouse,
        (
            (indicator.id, division.code, day, told)
            for indicator, division in kept(plan().indicators.values())
            for day in days
            if (told := reading(indicator, division, day)) is not None
        ),
    )
    clickhouse.insert("voucher_hourly", voucher_columns())
    clickhouse.insert(
        "feed_live",
        {
            "source": ["县卫生健康局", "县民政局", "县教育体育局", "县商务局", "县统计局"],
            "stream": ["childcare-place", "facility", "fitness-event", "consumption-voucher", "statistic"],
            "records": [1_204, 318, 57, 182_406, 231],
            "newest_time": [UPDATED - timedelta(minutes=minutes) for minutes in (3, 250, 1_900, 0, 40_000)],
            "received_at": [UPDATED] * 5,
        },
    )


def voucher_columns() -> dict[str, list[object]]:
    """Sixty hours of two campaigns, with nothing at night."""
    rows: list[tuple[object, ...]] = []
    start = UPDATED.replace(minute=0) - timedelta(hours=103)
    for number in range(104):
        hour = start + timedelta(hours=number)
        if 15 <= hour.hour < 23:  # 23:00 to 07:00 in the county
            continue
        busy = 40 + (number * 37) % 60
        for campaign, part in (("qihua", 3), ("qixiang", 1)):
            issued = Decimal(busy * part * 50)
            redeemed = issued * Decimal("0.7") + Decimal("0.35")
            nothing = Decimal(0)
            rows += [
                (campaign, "catering", "532622101", hour, "issued", busy * part, issued, nothing, nothing),
                (campaign, "retail", "532622102", hour, "redeemed", busy, redeemed, redeemed * 3, redeemed),
            ]
    names = (
        *("campaign", "sector", "division", "hour", "step", "records", "face_value", "order_amount"),
        "redeemed_value",
    )
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


ALERT_LOG = """
CREATE TABLE IF NOT EXISTS alert_log (alert_id UUID, rule String, indicator String, division String,
    subject String, severity String, state String, condition String DEFAULT state, held String,
    value Nullable(Float64), threshold Decimal(18, 4), as_of Date, figure_version UInt64, reason String,
    by String, changed_at DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY changed_at
"""


def write_alerts(clickhouse: ClickHouse) -> None:
    """One rule that fires, one that fired and is over, one of a plan that has gone, a stopped feed."""
    clickhouse.query(ALERT_LOG)
    firing = ("childcare_places_below_target", "childcare_places_per_1000", "532622", "warning", "firing")
    over = ("nursing_beds_below_target", "eldercare_nursing_bed_share", "532622", "warning")
    gone = ("forgotten_rule", "forgotten_indicator", "532622101", "critical", "firing")
    feed = ("feed-stopped", "minmai.feed.clinics", "532622", "critical", "firing")
    low = "每千人口托位数 4.43，低于目标 4.5 · 4.43 is below the target 4.5"
    rows = [
        (*firing, 4.43, Decimal("4.5"), low, UPDATED - timedelta(hours=5)),
        (*over, "firing", 49.5, Decimal(51), "", UPDATED - timedelta(hours=9)),
        (*over, "resolved", 54.3, Decimal(51), "", UPDATED - timedelta(hours=1)),
        (*feed, 95.0, Decimal(90), "拒收 190 条 · 190 were refused", UPDATED - timedelta(hours=2)),
        (*gone, None, Decimal(1), "<img src=x onerror=window.__injected=1>", UPDATED),
    ]
    names = (
        "rule",
        "indicator",
        "division",
        "severity",
        "state",
        "value",
        "threshold",
        "reason",
        "changed_at",
    )
    columns: dict[str, list[object]] = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    columns["alert_id"] = [UUID(int=number) for number in range(len(rows))]
    columns["as_of"] = [TODAY] * len(rows)
    columns["figure_version"] = list(range(len(rows)))
    clickhouse.insert("alert_log", columns)
