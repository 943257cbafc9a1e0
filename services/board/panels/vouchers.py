"""Voucher money: what came of it in the time range, by the minute, by the hour, and where."""

from dataclasses import replace

from schemas.consumption_voucher import Step
from schemas.declaration import Text
from schemas.parts import RecordsPart
from services.board.panels import words
from services.board.panels.figures import quoted
from services.board.panels.model import FROM, TO, Colour, Column, Panel, Section
from services.platform.plan import Plan

LIVE = 3
"""Hours before the end of the time range that are looked at by the minute."""

_MONEY: dict[Step, tuple[str, Text, Colour]] = {
    "issued": ("face_value", Text(zh="发放", en="issued"), words.BLUE),
    "claimed": ("face_value", Text(zh="领取", en="claimed"), words.AMBER),
    "redeemed": ("redeemed_value", Text(zh="核销", en="redeemed"), words.GREEN),
    "refunded": ("redeemed_value", Text(zh="退款", en="refunded"), words.RED),
    "expired": ("face_value", Text(zh="过期", en="expired"), words.GREY),
}
"""Of each step the money that it moves, by its column."""
_YUAN = "元"


def sections(plan: Plan) -> tuple[Section, ...]:
    """Return what is shown of the whole county."""
    county = plan.county.county
    live = Text(zh="消费券实时", en="vouchers live")
    return (
        Section(
            live, (totals(plan, quoted(county), county), by_minute(quoted(county)), by_hour(quoted(county)))
        ),
        Section(
            Text(zh="消费券去向", en="where vouchers go"), (_by_sector(quoted(county)), _by_township(plan))
        ),
    )


def totals(plan: Plan, division: str, code: str) -> Panel:
    """The money of each step in the time range, in a division: an SQL string, and what links name it by."""
    figures = _figures(plan)
    return Panel(
        id="voucher-totals",
        title=Text(zh="所选时段的消费券金额", en="voucher money in the time range"),
        kind="stat",
        sql=f"SELECT {_sums()} FROM voucher_hourly WHERE {_within(division)}",
        columns=tuple(
            replace(one, link=f"{figures[one.name]}/{code}/records") if one.name in figures else one
            for one in _columns()
        ),
        about=Text(zh="时段内开始的各小时合计", en="of the hours that begin in the time range"),
        height=4,
    )


def by_hour(division: str) -> Panel:
    """The same by the hour of the step."""
    return Panel(
        id="voucher-hours",
        title=Text(zh="消费券金额：每小时", en="voucher money by the hour"),
        kind="time_series",
        every=3600,
        sql=f"""
SELECT hour AS time, {_sums()} FROM voucher_hourly WHERE {_within(division)} GROUP BY time ORDER BY time""",
        columns=(Column("time", words.TIME), *_columns()),
    )


def by_minute(division: str) -> Panel:
    """The same by the minute, in the last hours of the time range; what has been withdrawn is left out."""
    return Panel(
        id="voucher-minutes",
        title=Text(zh=f"消费券金额：最近 {LIVE} 小时每分钟", en=f"by the minute, the last {LIVE} hours"),
        kind="time_series",
        every=60,
        within=LIVE,
        sql=f"""
SELECT minute AS time, {_names()} FROM (
    SELECT toStartOfMinute(toDateTime(time, 'UTC')) AS minute, {_sums()}
    FROM consumption_voucher_log
    WHERE time >= toStartOfMinute(greatest({FROM}, {TO} - INTERVAL {LIVE} HOUR) + INTERVAL 59 SECOND)
        AND time <= {TO} AND startsWith(division, {division})
        AND identity NOT IN (SELECT retracted FROM retraction_log WHERE stream = 'consumption-voucher')
    GROUP BY minute
) ORDER BY time""",
        columns=(Column("time", words.TIME), *_columns()),
    )


def _by_sector(division: str) -> Panel:
    return Panel(
        id="voucher-sectors",
        title=Text(zh="按行业", en="by sector"),
        kind="bar",
        sql=f"""
SELECT toString(sector) AS sector, {_sums()} FROM voucher_hourly WHERE {_within(division)}
GROUP BY sector ORDER BY redeemed DESC, sector""",
        columns=(Column("sector", Text(zh="行业", en="sector"), words=words.SECTORS), *_columns()),
        width=12,
    )


def _by_township(plan: Plan) -> Panel:
    redeemed = _figures(plan).get("redeemed")
    return Panel(
        id="voucher-townships",
        title=Text(zh="按乡镇", en="by township"),
        kind="bar",
        sql=f"""
SELECT toString(division) AS township, {_sums()} FROM voucher_hourly
WHERE {_within(quoted(plan.county.county))} GROUP BY township ORDER BY redeemed DESC, township""",
        columns=(
            Column(
                "township",
                words.DIVISION_TITLE,
                words=words.places(plan),
                link=f"{redeemed}/{{value}}/records" if redeemed else "",
            ),
            *_columns(),
        ),
        width=12,
    )


def _figures(plan: Plan) -> dict[str, str]:
    """Return the indicators that are the money of a step and nothing else, by the step."""
    return {
        step: one.id
        for one in plan.indicators.values()
        for part in one.numerator
        for step, (column, *_shown) in _MONEY.items()
        if len(one.numerator) == 1
        and not one.denominator
        and isinstance(part, RecordsPart)
        and (part.sum, part.alternatives) == (column, [{"step": step}])
    }


def _within(division: str) -> str:
    return f"startsWith(division, {division}) AND hour >= {FROM} AND hour <= {TO}"


def _names() -> str:
    return ", ".join(_MONEY)


def _sums() -> str:
    """Rows take away as well, where something has been withdrawn: only sums say anything."""
    return ", ".join(
        f"toFloat64(sumIf(ifNull({column}, 0), step = '{step}')) AS {step}"
        for step, (column, *_shown) in _MONEY.items()
    )


def _columns() -> tuple[Column, ...]:
    return tuple(
        Column(step, title, unit=_YUAN, decimals=2, colour=colour)
        for step, (_column, title, colour) in _MONEY.items()
    )
