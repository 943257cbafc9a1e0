"""Panels of figures: how many stand how, which, what each is and was, and how townships differ."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from schemas.declaration import Indicator, Target, Text
from services.board.panels import words
from services.board.panels.model import FROM, TO, Column, Panel, Threshold
from services.board.panels.words import GREEN, ORANGE
from services.platform.plan import Division, Plan


def quoted(text: str) -> str:
    """Return an SQL string of a name that has only letters, digits and marks that mean nothing in SQL."""
    return f"'{text}'"


def listed(names: Iterable[str]) -> str:
    """Return an SQL array of such names."""
    return f"CAST([{', '.join(map(quoted, names))}], 'Array(String)')"


def aims(plan: Plan) -> list[Indicator]:
    """Return the indicators with a target for the county."""
    return [one for one in plan.indicators.values() if one.target_at("county")]


def counts(indicators: Sequence[Indicator], division: str) -> Panel:
    """How many targets stand how in a division, an SQL string; one that no row tells of has no data."""
    counted = ", ".join(f"countIf(status = '{status}') AS {status}" for status in words.AIMED)
    return Panel(
        id="counts",
        title=Text(zh="目标按状态", en="targets by status"),
        kind="stat",
        sql=f"""
SELECT {counted} FROM (
    SELECT if(live.status = '', 'no_data', live.status) AS status
    FROM (SELECT arrayJoin({_ids(indicators)}) AS indicator) AS declared
    LEFT JOIN (
        SELECT toString(indicator) AS indicator, toString(status) AS status
        FROM indicator_live FINAL WHERE division = {division}
    ) AS live USING (indicator)
)""",
        columns=words.counted(words.AIMED, words.STATUSES),
        height=4,
    )


def wall(plan: Plan, indicators: Sequence[Indicator]) -> Panel:
    """The status of each indicator in the county and each of its townships."""
    states = ", ".join(
        f"coalesce(nullIf(anyIf(live.status, live.division = '{one.code}'), ''), "
        f"if(has({_ids(_kept(indicators, one))}, declared.indicator), 'no_data', '')) AS d{one.code}"
        for one in plan.shown_divisions
    )
    county = plan.county.county
    return Panel(
        id="wall",
        title=Text(zh="状态墙", en="state wall"),
        kind="state_wall",
        sql=f"""
SELECT declared.indicator AS indicator, {states}
FROM (SELECT arrayJoin({_ids(indicators)}) AS indicator) AS declared
LEFT JOIN (
    SELECT toString(indicator) AS indicator, toString(division) AS division, toString(status) AS status
    FROM indicator_live FINAL
) AS live USING (indicator)
GROUP BY indicator ORDER BY indexOf({_ids(indicators)}, indicator)""",
        columns=(
            Column(
                "indicator",
                words.INDICATOR_TITLE,
                words=words.names(indicators),
                link=f"{{value}}/{county}/records",
            ),
            *(
                Column(
                    f"d{one.code}",
                    Text(zh=one.name, en=one.name),
                    words=words.STATUSES,
                    link=f"{{row:indicator}}/{one.code}/records",
                )
                for one in plan.shown_divisions
            ),
        ),
        height=min(4 + len(indicators), 24),
    )


def now(indicator: Indicator, division: str) -> Panel:
    """The value of a figure of the county, by its target's colours; NULL while there is none."""
    return Panel(
        id=f"{indicator.id}-now",
        title=indicator.name,
        kind="stat",
        sql=f"""
SELECT max(value) AS value FROM indicator_live FINAL
WHERE indicator = '{indicator.id}' AND division = {quoted(division)}""",
        columns=(
            Column(
                "value",
                words.VALUE,
                unit=indicator.unit.zh,
                decimals=indicator.decimals,
                thresholds=thresholds(indicator.target_at("county")),
            ),
        ),
        about=_about(indicator),
        link=f"{indicator.id}/{division}/records",
        width=5,
    )


def trend(plan: Plan, indicator: Indicator, division: str, width: int) -> Panel:
    """What a figure of the county was in the time range, and its target."""
    return Panel(
        id=f"{indicator.id}-trend",
        title=Text(zh=f"{indicator.name.zh}：走势", en=f"{indicator.name.en}: trend"),
        kind="time_series",
        sql=steps(plan, quoted(indicator.id), quoted(division)),
        columns=(
            Column("time", words.TIME),
            Column("value", words.VALUE, indicator.unit.zh, indicator.decimals, colour=words.BLUE),
            Column("target", words.TARGET, indicator.unit.zh, indicator.decimals, colour=words.GREY),
        ),
        link=f"{indicator.id}/{division}",
        width=width,
    )


def townships(plan: Plan, indicator: Indicator, width: int) -> Panel:
    """What a figure is in each township."""
    codes = [one.code for one in plan.shown_divisions if one.level == "township"]
    return Panel(
        id=f"{indicator.id}-townships",
        title=Text(zh=f"{indicator.name.zh}：各乡镇", en=f"{indicator.name.en}: townships"),
        kind="bar",
        sql=f"""
SELECT declared.division AS division, live.value AS value
FROM (SELECT arrayJoin({listed(codes)}) AS division) AS declared
LEFT JOIN (
    SELECT toString(division) AS division, value FROM indicator_live FINAL WHERE indicator = '{indicator.id}'
) AS live USING (division)
ORDER BY indexOf({listed(codes)}, division)""",
        columns=(
            Column(
                "division",
                words.DIVISION_TITLE,
                words=words.places(plan),
                link=f"{indicator.id}/{{value}}/records",
            ),
            Column(
                "value",
                words.VALUE,
                indicator.unit.zh,
                indicator.decimals,
                thresholds=thresholds(indicator.target_at("township")),
            ),
        ),
        width=width,
    )


def steps(plan: Plan, indicator: str, division: str) -> str:
    """Return the query of a figure's step series in the time range, both an SQL string.

    It begins with what held when the range begins, and ends when the range does, or with the newest day.
    """
    zone = quoted(plan.county.time_zone)
    where = f"""indicator = {indicator} AND division = {division} AND toDateTime(day, {zone}) <= {TO}
    AND definition = (SELECT any(definition) FROM indicator_live FINAL
        WHERE indicator = {indicator} AND division = {division})"""
    held = "argMax(tuple(value), day).1 AS value, argMax(tuple(target), day).1 AS target"
    return f"""
SELECT time, value, target FROM (
    SELECT greatest(toDateTime(day, {zone}), {FROM}) AS time, {held}
    FROM indicator_history FINAL WHERE {where} GROUP BY time
    UNION ALL
    SELECT least({TO}, assumeNotNull((SELECT toDateTime(max(as_of), {zone}) + INTERVAL 86399 SECOND
        FROM indicator_live FINAL WHERE indicator = {indicator} AND division = {division}))) AS time, {held}
    FROM indicator_history FINAL WHERE {where} HAVING count() > 0 AND time > {FROM}
) ORDER BY time"""


def thresholds(target: Target | None) -> tuple[Threshold, ...]:
    """Return the colours of a target: green where it is met. A colour holds from its value on, included."""
    if target is None:
        return ()
    mark = float(target.value)
    beyond = math.nextafter(mark, math.inf)
    if target.direction == "at_least":
        return Threshold(None, ORANGE), Threshold(mark, GREEN)
    if target.direction == "at_most":
        return Threshold(None, GREEN), Threshold(beyond, ORANGE)
    return Threshold(None, ORANGE), Threshold(mark, GREEN), Threshold(beyond, ORANGE)


def _kept(indicators: Iterable[Indicator], division: Division) -> list[Indicator]:
    return [one for one in indicators if division.level in one.levels]


def _ids(indicators: Iterable[Indicator]) -> str:
    return listed(one.id for one in indicators)


_SIGNS = {"at_least": "≥", "at_most": "≤", "exactly": "="}


def _about(indicator: Indicator) -> Text:
    promised = ""
    if target := indicator.target:
        promised = f" {_SIGNS[target.direction]} {_plain(target.value)}"
    return Text(
        zh=f"{indicator.definition.zh}；单位：{indicator.unit.zh}"
        + (f"；目标{promised}，{target.due or '每年'}；{indicator.owner}" if target else ""),
        en=f"{indicator.definition.en}; unit: {indicator.unit.en}"
        + (f"; target{promised}, {target.due or 'every year'}" if target else ""),
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
