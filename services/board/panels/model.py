"""What a panel is.

A query is one statement for all who run it. What it leaves open it names as Grafana does: `$__fromTime`,
`$__toTime` (the time range), `$__interval_s` (the length of a step of it), and `${division:sqlstring}`,
`${indicator:sqlstring}` where its dashboard lets people choose. Grafana and its ClickHouse plugin put those
in; whoever else runs it does so with `filled`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.declaration import Text

Kind = Literal["stat", "time_series", "bar", "table", "state_wall"]
"""By it, what a query gives. stat: exactly one row of numbers, whatever the tables hold. time_series: `time`,
then numbers, oldest first. bar: a text, then numbers. table: anything. state_wall: a text, then the states of
it, in words that their columns know."""

Choice = Literal["division", "indicator"]
"""What people may choose on a dashboard; always one."""

Times = Literal["event", "receipt"]
"""Of which times a range is: when things were so, which the board's clock tells, or when we received and did
them, which the machine's does. In real use both clocks are one; a demo lives in other years."""

FROM, TO, STEP = "$__fromTime", "$__toTime", "$__interval_s"
DIVISION, INDICATOR = "${division:sqlstring}", "${indicator:sqlstring}"

Colour = Literal["green", "blue", "amber", "orange", "red", "purple", "grey"]
"""By what it means, from met to nothing known; each place has shades of its own for it."""


@dataclass(frozen=True)
class Word:
    """What stands for a value. Without a `colour`: as everything else."""

    text: Text
    colour: Colour | None = None


@dataclass(frozen=True)
class Threshold:
    """From `value` on (None: from below all others) a number has this colour."""

    value: float | None
    colour: Colour


@dataclass(frozen=True)
class Column:
    """A column of the answer, by its name in the query.

    `words` stand for its values, `link` is a page of the board, with `{value}` for the value, `{row:NAME}`
    for the value of the column NAME in the same row, and `{division}` for the one chosen; a value that words
    could stand for, but none does, leads nowhere. `unit` is one of the plan's, or `s` for a length of time.
    """

    name: str
    title: Text
    unit: str = ""
    decimals: int | None = None
    words: Mapping[str, Word] = field(default_factory=dict)
    link: str = ""
    colour: Colour | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One query and how its answer is shown. `id` is its name for ever within its dashboard.

    `link`: the page of the board that has more, with `{division}` and `{indicator}` for those chosen; `width`
    and `height` are in a grid of 24 columns. `every`: of a time series whose rows each tell of a stretch of
    time of their own, its seconds, or `step` for the range's step: where there is no row, there was nothing.
    Without it a row holds until the next. `within`: it looks at no more than so many hours before the end of
    the time range. `times`: what the range means to its query, if other than to its
    dashboard.
    """

    id: str
    title: Text
    kind: Kind
    sql: str
    columns: tuple[Column, ...]
    about: Text | None = None
    link: str = ""
    every: int | Literal["step"] | None = None
    within: int | None = None
    times: Times | None = None
    width: int = 24
    height: int = 8


@dataclass(frozen=True)
class Section:
    """Panels under one heading; their widths fill whole lines."""

    title: Text
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """Panels that are looked at together.

    `span`: how far back it looks at first; `refresh`: how often it asks anew, both as Grafana writes
    lengths of time; `times`: what a range of time means.
    """

    id: str
    title: Text
    sections: tuple[Section, ...]
    choices: tuple[Choice, ...] = ()
    span: str = "now-1y"
    refresh: str = "30s"
    times: Times = "event"

    @property
    def panels(self) -> list[Panel]:
        """All of them, in order."""
        return [panel for section in self.sections for panel in section.panels]


@dataclass(frozen=True)
class Asked:
    """What a query leaves open: a time range (aware datetimes), its step in seconds, and what was chosen."""

    begin: datetime
    end: datetime
    step: int = 3600
    division: str = ""
    indicator: str = ""


def filled(sql: str, asked: Asked) -> str:
    """Return a statement with all that it leaves open put in. Raises ValueError for what it may not name."""
    known = {
        FROM: f"toDateTime({int(asked.begin.timestamp())}, 'UTC')",
        TO: f"toDateTime({int(asked.end.timestamp())}, 'UTC')",
        STEP: str(asked.step),
        DIVISION: _quoted(asked.division),
        INDICATOR: _quoted(asked.indicator),
    }

    def put(found: re.Match[str]) -> str:
        try:
            return known[found[0]]
        except KeyError:
            raise ValueError(f"a query names {found[0]}, which nothing stands for") from None

    return re.sub(r"\$(\{[^}]*\}|\w*)", put, sql)


def _quoted(value: str) -> str:
    if not re.fullmatch(r"\w*", value, re.ASCII):
        raise ValueError(f"{value!r} is no code of a division and no id of an indicator")
    return f"'{value}'"
