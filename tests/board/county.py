"""A county's figures as the aggregator would have left them: every status, three months of history."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from uuid import UUID

from schemas.declaration import Indicator
from schemas.indicator import Figure, FigureStatus
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan, load_plan

PLAN = Path(__file__).parents[2] / "plans" / "yanshan"
TODAY = date(2024, 5, 31)
UPDATED = datetime(2024, 5, 31, 6, 30, tzinfo=UTC)
HISTORY_DAYS = (90, 75, 62, 40, 33, 21, 12, 5, 0)

# Numerators and denominators of the townships, in the order of the plan's divisions file.
PEOPLE = (129_310, 88_204, 42_115, 51_377, 24_870, 33_902, 29_441, 18_730, 27_659, 15_208, 21_334)
PARTS: dict[str, tuple[list[int | None], list[int | None] | None]] = {
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


def figure(
    indicator: Indicator,
    division: Division,
    numerator: Decimal | None,
    denominator: Decimal | None,
    *,
    version: int = 100,
    day: date = TODAY,
) -> Figure:
    """A figure by the rules all services share."""
    target = indicator.target_at("county" if division.level == "county" else "township")
    value: Decimal | None = None
    status: FigureStatus
    if numerator is None or (indicator.denominator is not None and denominator is None):
        status = "no_data"
    elif indicator.denominator is not None and denominator == 0:
        status = "not_applicable"
    else:
        value = indicator.scale * numerator / (denominator or Decimal(1))
        status = "watched" if target is None else ("met" if value >= target.value else "below")
    return Figure(
        indicator=indicator.id,
        division=division.code,
        numerator=numerator,
        denominator=denominator,
        value=None if value is None else float(value),
        target=target.value if target else None,
        status=status,
        as_of=day,
        version=version,
        updated_at=UPDATED,
    )


def figures(share: Decimal = Decimal(1), version: int = 100, day: date = TODAY) -> list[Figure]:
    """All figures of the county; `share` of every numerator, as on an earlier day."""
    content = plan()
    county, *townships = content.shown_divisions
    found = []
    for indicator in content.indicators.values():
        above, below = PARTS[indicator.id]
        numerators = [None if part is None else int(part * share) for part in above]
        denominators = below or [None] * len(townships)
        sums = [_sum(numerators), _sum(denominators)]
        for division, top, bottom in zip(
            [county, *townships], [sums[0], *numerators], [sums[1], *denominators], strict=True
        ):
            found.append(
                figure(indicator, division, _decimal(top), _decimal(bottom), version=version, day=day)
            )
    return found


def _sum(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _decimal(part: int | None) -> Decimal | None:
    return None if part is None else Decimal(part)


def write_figures(clickhouse: ClickHouse, table: str, rows: list[Figure]) -> None:
    """Insert into indicator_live, or into indicator_history with `as_of` as the day."""
    columns = {name: [getattr(row, name) for row in rows] for name in Figure.model_fields}
    if table == "indicator_history":
        columns["day"] = columns.pop("as_of")
    clickhouse.insert(table, columns)


def fill(clickhouse: ClickHouse) -> None:
    """Write the whole county: figures, history, vouchers, feeds."""
    write_figures(clickhouse, "indicator_live", figures())
    for place, days in enumerate(HISTORY_DAYS):
        share = Decimal(60 + 5 * place) / 100
        write_figures(
            clickhouse,
            "indicator_history",
            figures(share, version=10 + place, day=TODAY - timedelta(days=days)),
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
            rows.append((campaign, "catering", "532622101", hour, "issued", busy * part, issued, Decimal(0)))
            rows.append(
                (campaign, "retail", "532622102", hour, "redeemed", busy, redeemed, redeemed * Decimal(3))
            )
    names = ("campaign", "sector", "division", "hour", "step", "records", "face_value", "order_amount")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


ALERT_LOG = """
CREATE TABLE IF NOT EXISTS alert_log (alert_id UUID, rule String, indicator String, division String,
    severity String, state String, value Nullable(Float64), threshold Decimal(18, 4), as_of Date,
    figure_version UInt64, reason String, changed_at DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY changed_at
"""


def write_alerts(clickhouse: ClickHouse) -> None:
    """One rule that fires, one that fired and is over, one of a plan that has gone."""
    clickhouse.query(ALERT_LOG)
    firing = ("childcare_places_below_target", "childcare_places_per_1000", "532622", "warning", "firing")
    over = ("nursing_beds_below_target", "eldercare_nursing_bed_share", "532622", "warning")
    gone = ("forgotten_rule", "forgotten_indicator", "532622101", "critical", "firing")
    low = "每千人口托位数 4.43，低于目标 4.5 · 4.43 is below the target 4.5"
    rows = [
        (*firing, 4.43, Decimal("4.5"), low, UPDATED - timedelta(hours=5)),
        (*over, "firing", 49.5, Decimal(51), "", UPDATED - timedelta(hours=9)),
        (*over, "resolved", 54.3, Decimal(51), "", UPDATED - timedelta(hours=1)),
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
