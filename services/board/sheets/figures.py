"""Sheets of figures: as they stand, and how one came to be."""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.declaration import Indicator, Text
from schemas.indicator import Figure
from schemas.words import STANDING, STATUS, THEMES
from services.board.panels import words
from services.board.sheets.frame import Frame
from services.board.sheets.sheet import Cell, Head, Sheet, head, moment_head
from services.board.tables.figures import HistoryPoint
from services.board.tables.knowledge import Knowledge
from services.platform.plan import Division

_NUMERATOR = Text(zh="分子", en="numerator")
_DENOMINATOR = Text(zh="分母", en="denominator")
_DAY = Text(zh="起始日", en="from this day on")
_SIGNS = {"at_least": "≥", "at_most": "≤", "exactly": "="}


def figures_sheet(
    frame: Frame,
    division: Division,
    knowledge: Knowledge,
    found: Sequence[tuple[Indicator, Sequence[Figure]]],
) -> Sheet:
    """Return figures, one a row; `division` is the one they all are of, or the county whose parts they are
    of."""
    only = found[0][0] if len(found) == 1 else None
    return frame.sheet(
        what=only.name if only else Text(zh="指标", en="indicators"),
        id=only.id if only else "indicators",
        division=division,
        when=knowledge,
        heads=[*_FIGURE_HEADS, moment_head(words.UPDATED, frame.plan.zone)],
        rows=_figures(frame, found),
    )


_FIGURE_HEADS: list[Head] = [
    head(Text(zh="主题", en="theme")),
    head(Text(zh="指标编号", en="id")),
    head(words.INDICATOR_TITLE),
    head(Text(zh="区划代码", en="division code")),
    head(words.DIVISION_TITLE),
    head(_NUMERATOR),
    head(_DENOMINATOR),
    head(words.VALUE),
    head(words.UNIT),
    head(Text(zh="目标方向", en="direction of the target")),
    head(words.TARGET),
    head(words.STATUS_TITLE),
    head(words.DUE),
    head(Text(zh="差距（目标 − 现值）", en="gap (target − value)")),
    head(Text(zh="每月所需变化", en="change a month needed")),
    head(Text(zh="每月实际变化", en="change a month observed")),
    head(words.FORECAST),
    head(Text(zh="预计下限（80 %）", en="expected, low end of 80 %")),
    head(Text(zh="预计上限（80 %）", en="expected, high end of 80 %")),
    head(Text(zh="预计达标日", en="day it is expected to be met")),
    head(Text(zh="到期时的值", en="value on the due day")),
    head(words.REASON),
    head(Text(zh="数据日", en="as of")),
    head(words.OWNER),
    head(Text(zh="定义", en="definition")),
    head(Text(zh="定义版本", en="version of the definition")),
]


def _figures(frame: Frame, found: Sequence[tuple[Indicator, Sequence[Figure]]]) -> Iterator[list[Cell]]:
    for one, figures in found:
        for figure in figures:
            division = frame.plan.divisions[figure.division]
            target = None if division.level == "community" else one.target_at(division.level)
            yield [
                THEMES[one.theme].both,
                one.id,
                one.name.both,
                division.code,
                division.name,
                figure.numerator,
                figure.denominator,
                figure.value,
                one.unit.both,
                _SIGNS[target.direction] if target else None,
                figure.target,
                STATUS[figure.status].both,
                figure.due,
                figure.gap,
                figure.pace_needed,
                figure.pace_observed,
                figure.forecast,
                figure.forecast_low,
                figure.forecast_high,
                figure.forecast_day,
                figure.value_at_due,
                " · ".join(filter(None, (figure.reason_zh, figure.reason_en))),
                figure.as_of,
                one.owner,
                one.definition.both,
                figure.definition,
                figure.updated_at,
            ]


def history_sheet(
    frame: Frame,
    indicator: Indicator,
    division: Division,
    knowledge: Knowledge,
    *,
    until: date | None,
    points: Sequence[HistoryPoint],
) -> Sheet:
    """Return a step series, one point a row."""
    unit = indicator.unit.zh
    last = [(Text(zh="最后一行有效至", en="the last row holds until"), str(until))] if until else []
    return frame.sheet(
        what=Text(zh=f"{indicator.name.zh}-历史", en=f"{indicator.name.en}: history"),
        id=f"{indicator.id}-history",
        division=division,
        when=knowledge,
        heads=[
            head(_DAY),
            head(_NUMERATOR),
            head(_DENOMINATOR),
            head(words.VALUE, unit),
            head(words.TARGET, unit),
            head(words.STATUS_TITLE),
        ],
        rows=(
            [
                point.day,
                point.numerator,
                point.denominator,
                point.value,
                point.target,
                STANDING[point.status].both,
            ]
            for point in points
        ),
        notes=[*last, (Text(zh="定义", en="definition"), indicator.definition.both)],
    )
