"""The sheet of what a panel shows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.declaration import Text
from services.board.panels.asking import Answer
from services.board.panels.model import Column, Dashboard, Panel
from services.board.sheets.frame import Frame
from services.board.sheets.sheet import Cell, Head, Sheet, head, moment_head
from services.platform.plan import Division

_UNITS: Mapping[str, str] = {"s": "秒 s"}


def panel_sheet(
    frame: Frame, dashboard: Dashboard, panel: Panel, division: Division, *, answer: Answer
) -> Sheet:
    """Return what a panel answered, with words for what they stand for."""
    zone = frame.plan.zone
    title, whole = panel.title, dashboard.title
    begin, end = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (answer.range.begin, answer.range.end))
    at = answer.at or answer.range.end
    columns = [
        (column, any(isinstance(row[place], datetime) for row in answer.rows))
        for place, column in enumerate(panel.columns)
    ]

    def named(column: Column, moments: bool) -> Head:
        if moments:
            return moment_head(column.title, zone)
        return head(column.title, _UNITS.get(column.unit, column.unit), column.decimals)

    return frame.sheet(
        what=Text(zh=f"{whole.zh}-{title.zh}", en=f"{whole.en}: {title.en}"),
        id=f"{dashboard.id}-{panel.id}",
        division=division,
        when=f"{at.astimezone(zone):%Y-%m-%dT%H.%M}",
        heads=[named(column, moments) for column, moments in columns],
        rows=(
            [_shown(column, value) for column, value in zip(panel.columns, row, strict=True)]
            for row in answer.rows
        ),
        notes=[
            (Text(zh="时段", en="time range"), f"{begin} – {end}"),
            *([(Text(zh="说明", en="about"), panel.about.both)] if panel.about else ()),
        ],
    )


def _shown(column: Column, value: Any) -> Cell:
    word = column.words.get(str(value)) if column.words else None
    if word is not None:
        return word.text.both
    return str(value) if isinstance(value, (list, tuple)) else value
