"""The sheet of what the public is told: one row a figure, with how it is made."""

from collections.abc import Iterator

from schemas.declaration import Text
from schemas.words import STATUS, THEMES
from services.board.panels import words
from services.board.sheets.frame import Frame
from services.board.sheets.sheet import Cell, Sheet, head
from services.board.tables.public import PublicIndicators

WITHHELD = Text(zh="数量少，不公布", en="too few to publish")
_SIGNS = {"at_least": "≥", "at_most": "≤", "exactly": "="}


def public_sheet(frame: Frame, answer: PublicIndicators) -> Sheet:
    """Return the whole answer as a sheet."""
    return frame.sheet(
        what=Text(zh="公开指标", en="public figures"),
        id="public",
        division=answer.divisions[0],
        when=str(answer.as_of or answer.made_at.date()),
        heads=[
            head(Text(zh="主题", en="theme")),
            head(Text(zh="指标编号", en="id")),
            head(words.INDICATOR_TITLE),
            head(Text(zh="区划代码", en="division code")),
            head(words.DIVISION_TITLE),
            head(words.VALUE),
            head(words.UNIT),
            head(Text(zh="目标方向", en="direction of the target")),
            head(words.TARGET),
            head(words.STATUS_TITLE),
            head(words.DUE),
            head(Text(zh="口径", en="definition")),
            head(Text(zh="分子", en="numerator")),
            head(Text(zh="分母", en="denominator")),
            head(Text(zh="数据来源", en="source")),
            head(words.OWNER),
            head(Text(zh="拒收率（%）", en="share refused (%)")),
        ],
        rows=_rows(answer),
    )


def _rows(answer: PublicIndicators) -> Iterator[list[Cell]]:
    names = {one.code: one.name for one in answer.divisions}
    for one in answer.indicators:
        denominator = one.source.denominator
        made = [
            one.definition.both,
            one.source.numerator.both,
            denominator.both if denominator else None,
            "；".join(sender.both for sender in one.source.senders),
            one.source.department,
            one.quality.refused,
        ]
        for figure in one.figures:
            yield [
                THEMES[one.theme].both,
                one.id,
                one.name.both,
                figure.division,
                names[figure.division],
                figure.value,
                one.unit.both,
                _SIGNS[one.direction] if one.direction and figure.target is not None else None,
                figure.target,
                WITHHELD.both if figure.status is None else STATUS[figure.status].both,
                figure.due,
                *made,
            ]
