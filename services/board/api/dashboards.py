"""Routes of the dashboards: what there is, and what each panel shows."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, JsonValue

from schemas.declaration import Text
from schemas.fields import Contract
from services.board.api.asked import Asked
from services.board.body import Body
from services.board.panels.asking import Panels, Question
from services.board.panels.model import Choice, Colour, Column, Dashboard, Kind, Panel, Section, Times
from services.board.sheets.download import DOWNLOADS, Format, download
from services.board.sheets.frame import Frame
from services.board.sheets.panels import panel_sheet
from services.platform.problems import not_found

Moment = Annotated[
    str | None,
    Query(
        max_length=40,
        description="时刻、日期，或 now-7d 这样的时长 · a moment or a day (from its beginning, to its end), "
        "in the county's zone without one of its own, or a length back: `now`, `now-15m`, `now-7d`, `now-1y` "
        "(s, m, h, d, w, M, y)",
    ),
]

_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "未变 · not changed"}}


class ShownWord(Contract):
    """What stands for a value, and by what it means its colour."""

    text: Text
    colour: Colour | None


class ShownThreshold(Contract):
    """From `value` on (null: from below all others) a number has this colour."""

    value: float | None
    colour: Colour


class ShownColumn(Contract):
    """A column of a panel's answer. `words` stand for its values; `link` is a page of the board (what stands
    behind the `#`), with `{value}` for the value, `{row:NAME}` for that of the column NAME in the same row,
    and `{division}` for the one chosen; a value that `words` could stand for, but none does, leads nowhere.
    `unit` is one of the plan's, or `s` for a length of time."""

    name: str
    title: Text
    unit: str
    decimals: int | None
    words: Mapping[str, ShownWord]
    link: str
    colour: Colour | None
    thresholds: list[ShownThreshold]


class ShownPanel(Contract):
    """A panel, without its statement. `width` and `height` are in a grid of 24 columns; `link` is the page of
    the board that has more, with `{division}` and `{indicator}` for those chosen. `every`: of a time series
    whose rows each tell of a stretch of time of their own, its seconds, or `step` for the answer's; where no
    row is, there was nothing. Without it a row holds until the next. `within`: it looks at no more than so
    many hours before the end of the range."""

    id: str
    title: Text
    kind: Kind
    about: Text | None
    link: str
    every: int | Literal["step"] | None
    within: int | None
    width: int
    height: int
    columns: list[ShownColumn]


class ShownSection(Contract):
    """Panels under one heading; their widths fill whole lines."""

    title: Text
    panels: list[ShownPanel]


class ShownDashboard(Contract):
    """Panels that are looked at together. `span`: how far back at first; `refresh`: how often they are asked
    for anew; `choices`: what people choose, one of each. `times`: whether a range of time is of when things
    were so (`event`) or of when they were received and done (`receipt`)."""

    id: str
    title: Text
    choices: list[Choice]
    span: str
    refresh: str
    times: Times
    sections: list[ShownSection]


class ShownDashboards(Contract):
    """All dashboards, in the order in which people read them."""

    dashboards: list[ShownDashboard]


class PanelAnswer(Contract):
    """What a panel shows: rows by its columns; times in UTC, what is not known is null.

    `from`, `to` and `step` (in seconds) are the time range as it was read; `at`: what the dashboard's clock
    told when it was asked, null before anything has come in.
    """

    columns: list[str]
    rows: list[list[JsonValue]]
    begin: Annotated[datetime, Field(alias="from")]
    to: datetime
    step: int
    at: datetime | None


def routes(frame: Frame, asked: Asked, panels: Panels) -> APIRouter:
    """The routes below /v1/dashboards."""
    plan = frame.plan
    router = APIRouter(prefix="/v1/dashboards")
    declared = ShownDashboards(dashboards=[_dashboard(one) for one in panels.dashboards.values()])

    body = Body(declared.model_dump_json().encode())

    @router.get("", responses={200: {"model": ShownDashboards}, **_UNCHANGED})
    async def dashboards(request: Request) -> Response:
        return body.answer(request)

    @router.get(
        "/{id}/panels/{panel}", responses={200: {"model": PanelAnswer, **DOWNLOADS[200]}, **_UNCHANGED}
    )
    async def answer(
        request: Request,
        id: str,
        panel: str,
        *,
        begin: Annotated[Moment, Query(alias="from")] = None,
        end: Annotated[Moment, Query(alias="to")] = None,
        division: str | None = None,
        indicator: str | None = None,
        format: Format = None,
    ) -> Response:
        """`from` and `to` are the dashboard's own range unless they are given; `division` and `indicator` are
        looked at where it lets people choose, else not."""
        whole = panels.dashboards.get(id)
        found = panels.panel(id, panel)
        if whole is None or found is None:
            raise not_found(f"没有图表 {id}/{panel} · there is no panel {id}/{panel}")
        place = asked.division(division if "division" in whole.choices else None)
        question = Question(
            id,
            panel,
            begin or whole.span,
            end or "now",
            place.code if "division" in whole.choices else "",
            _chosen(indicator) if "indicator" in whole.choices else "",
        )
        told = await panels.answer(question)
        if format:
            sheet = partial(panel_sheet, frame, whole, found, place, answer=told)
            return await run_in_threadpool(download, format, sheet)
        return told.body.answer(request)

    def _chosen(indicator: str | None) -> str:
        chosen = indicator or next(iter(plan.indicators))
        asked.known(chosen)
        return chosen

    return router


def _dashboard(one: Dashboard) -> ShownDashboard:
    return ShownDashboard(
        id=one.id,
        title=one.title,
        choices=list(one.choices),
        span=one.span,
        refresh=one.refresh,
        times=one.times,
        sections=[_section(section) for section in one.sections],
    )


def _section(one: Section) -> ShownSection:
    return ShownSection(title=one.title, panels=[_panel(panel) for panel in one.panels])


def _panel(one: Panel) -> ShownPanel:
    return ShownPanel(
        id=one.id,
        title=one.title,
        kind=one.kind,
        about=one.about,
        link=one.link,
        every=one.every,
        within=one.within,
        width=one.width,
        height=one.height,
        columns=[_column(column) for column in one.columns],
    )


def _column(one: Column) -> ShownColumn:
    return ShownColumn(
        name=one.name,
        title=one.title,
        unit=one.unit,
        decimals=one.decimals,
        words={value: ShownWord(text=word.text, colour=word.colour) for value, word in one.words.items()},
        link=one.link,
        colour=one.colour,
        thresholds=[ShownThreshold(value=mark.value, colour=mark.colour) for mark in one.thresholds],
    )
