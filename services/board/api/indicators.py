"""Routes of the indicators: figures, history, contributors, breakdown."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from schemas.declaration import Indicator
from schemas.fields import Contract
from schemas.indicator import Figure
from services.board.api.asked import Asked, AsOf, Cursor, KnownAt, Limit, read_cursor, write_cursor
from services.board.api.live import Live
from services.board.sheets.download import DOWNLOADS, Format, download
from services.board.sheets.figures import figures_sheet, history_sheet
from services.board.sheets.files import FileFormat
from services.board.sheets.frame import Frame
from services.board.sheets.records import records_sheet
from services.board.tables.breakdown import GROUPS, Breakdown, Group, fields_of
from services.board.tables.definitions import Definitions, Held
from services.board.tables.figures import Figures, HistoryPoint, since
from services.board.tables.knowledge import Knowledge
from services.board.tables.records import Contributor, Contributors
from services.platform.plan import County, Division
from services.platform.problems import invalid, not_found

_TRIES = 5
"""One is enough unless a rebuild switches between two questions to the tables."""


class IndicatorFigures(Contract):
    """An indicator and its figures; a division without one has not been computed yet."""

    declaration: Indicator
    figures: list[Figure]


class IndicatorList(Contract):
    """Everything the page shows at first; `as_of`: the newest day any figure holds for."""

    county: County
    divisions: list[Division]
    synthetic: bool
    as_of: date | None
    indicators: list[IndicatorFigures]


class History(Contract):
    """A step series: each point holds until the next, the last one until `until`."""

    indicator: str
    division: str
    until: date | None
    points: list[HistoryPoint]


class Records(Contract):
    """A page of contributors. `total`: the whole numerator or denominator, None while it is not known; the
    amounts of all pages add up to it. `next`: the cursor of the next page, None on the last."""

    indicator: str
    division: str
    part: Literal["numerator", "denominator"]
    as_of: date
    total: Decimal | None
    records: list[Contributor]
    next: str | None


def routes(
    asked: Asked,
    figures: Figures,
    contributors: Contributors,
    breakdown: Breakdown,
    *,
    definitions: Definitions,
    frame: Frame,
    live: Live,
) -> APIRouter:
    """The routes below /v1/indicators."""
    router = APIRouter(prefix="/v1/indicators")
    add_figures(router, asked, figures, frame, live=live)
    add_history(router, asked, figures, definitions, frame)
    add_records(router, asked, figures, contributors, frame)
    add_breakdown(router, asked, breakdown)
    return router


def add_figures(router: APIRouter, asked: Asked, figures: Figures, frame: Frame, *, live: Live) -> None:
    """The figures of all indicators, and of one."""
    plan = frame.plan

    def read(
        defined: Callable[[], Sequence[Indicator]], division: str | None, knowledge: Knowledge
    ) -> list[IndicatorFigures]:
        divisions = plan.shown_divisions if division is None else [asked.division(division)]
        declared, found = together(defined, lambda ones: figures.at(ones, divisions, knowledge))
        return [
            IndicatorFigures(
                declaration=one, figures=[figure for figure in found if figure.indicator == one.id]
            )
            for one in declared
        ]

    def sheet(
        found: list[IndicatorFigures], division: str | None, knowledge: Knowledge, kind: FileFormat
    ) -> Response:
        shown = [(one.declaration, one.figures) for one in found]
        return download(kind, lambda: figures_sheet(frame, asked.division(division), knowledge, shown))

    @router.get("", response_model=IndicatorList, responses=DOWNLOADS)
    async def indicators(
        request: Request,
        *,
        division: str | None = None,
        format: Format = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
    ) -> Response | IndicatorList:
        if format:
            return await run_in_threadpool(listed_sheet, division, as_of, known_at, format)
        make = partial(listed, division, as_of, known_at)
        if as_of or known_at:
            return await run_in_threadpool(make)
        return await live.answer(request, ("indicators", division), IndicatorList, make)

    def listed_sheet(
        division: str | None, as_of: date | None, known_at: str | None, kind: FileFormat
    ) -> Response:
        knowledge = asked.knowledge(as_of, known_at)
        found = read(lambda: asked.indicators(knowledge), division, knowledge)
        return sheet(found, division, knowledge, kind)

    def listed(division: str | None, as_of: date | None, known_at: str | None) -> IndicatorList:
        knowledge = asked.knowledge(as_of, known_at)
        found = read(lambda: asked.indicators(knowledge), division, knowledge)
        return IndicatorList(
            county=plan.county,
            divisions=plan.shown_divisions,
            synthetic=frame.synthetic,
            as_of=max((figure.as_of for one in found for figure in one.figures), default=None),
            indicators=found,
        )

    @router.get("/{id}", response_model=IndicatorFigures, responses=DOWNLOADS)
    def indicator(
        id: str,
        division: str | None = None,
        format: Format = None,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> IndicatorFigures | Response:
        [found] = read(lambda: [asked.indicator(id, knowledge)], division, knowledge)
        return sheet([found], division, knowledge, format) if format else found


def add_history(
    router: APIRouter, asked: Asked, figures: Figures, definitions: Definitions, frame: Frame
) -> None:
    """How a figure came to be, and by which definitions."""

    @router.get("/{id}/definitions")
    def held(id: str) -> list[Held]:
        asked.known(id)
        return definitions.all(id)

    @router.get("/{id}/history", response_model=History, responses=DOWNLOADS)
    def history(
        id: str,
        *,
        division: str | None = None,
        first: Annotated[date | None, Query(alias="from", description="首日 · first day")] = None,
        last: Annotated[date | None, Query(alias="to", description="末日 · last day")] = None,
        known_at: KnownAt = None,
        definition: Annotated[
            str | None,
            Query(max_length=50, description="按从前的定义，如 1.9f86d081 · by a former definition"),
        ] = None,
        format: Format = None,
    ) -> History | Response:
        knowledge = asked.knowledge(None, known_at)
        declared = asked.indicator(id, knowledge)
        place = asked.division(division, declared)
        if definition is not None and definition not in {one.definition for one in definitions.all(id)}:
            raise not_found(f"指标 {id} 没有定义 {definition} · {id} was never defined by {definition}")
        if first is not None and last is not None and first > last:
            raise invalid("from", f"{first} 晚于 to（{last}）", f"{first} is after `to` ({last})")
        until, points = figures.history(declared, place, knowledge, last, definition)
        points = since(points, first)
        if format:
            return download(
                format,
                lambda: history_sheet(frame, declared, place, knowledge, until=until, points=points),
            )
        return History(indicator=id, division=place.code, until=until, points=points)


def add_records(
    router: APIRouter, asked: Asked, figures: Figures, contributors: Contributors, frame: Frame
) -> None:
    """The records that figures are made of."""

    @router.get("/{id}/records", response_model=Records, responses=DOWNLOADS)
    def records(
        id: str,
        *,
        part: Literal["numerator", "denominator"] = "numerator",
        division: str | None = None,
        cursor: Cursor = None,
        limit: Limit = 100,
        format: Format = None,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> Records | Response:
        """As JSON a page of them, as a sheet all."""
        declared = asked.indicator(id, knowledge)
        place = asked.division(division, declared)
        parts = declared.numerator if part == "numerator" else declared.denominator
        if not parts:
            raise not_found(f"指标 {id} 没有分母 · {id} has no denominator")
        if format:
            return download(
                format,
                lambda: records_sheet(frame, declared, part, place, knowledge, contributors=contributors),
            )
        # A cursor is good for one question. Without a day the next page may be read tomorrow.
        question = (id, part, place.code, knowledge.day if knowledge.asked else None, knowledge.known_at)
        begin = read_cursor(cursor, *question)
        found, end = contributors.page(parts, place, knowledge, begin, limit)
        figure = next(iter(figures.at([declared], [place], knowledge)), None)
        return Records(
            indicator=id,
            division=place.code,
            part=part,
            as_of=knowledge.day,
            total=getattr(figure, part) if figure else None,
            records=found,
            next=write_cursor(end, *question) if end else None,
        )


def add_breakdown(router: APIRouter, asked: Asked, breakdown: Breakdown) -> None:
    """Figures taken apart."""

    @router.get("/{id}/breakdown")
    def groups(
        id: str,
        by: Annotated[str, Query(max_length=50, description="字段 · field")],
        division: str | None = None,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> list[Group]:
        declared = asked.indicator(id, knowledge)
        place = asked.division(division, declared)
        known = sorted(frozenset().union(*(fields_of(part) for part in declared.numerator)))
        if by not in known:
            names = ", ".join(known) or "（无 · none）"
            raise invalid("by", f"{id} 可按这些字段细分：{names}", f"{id} can be taken apart by {names}")
        found = breakdown.groups(declared, by, place, knowledge)
        if found is None:
            raise invalid("by", f"按 {by} 细分超过 {GROUPS} 组", f"{by} makes more than {GROUPS} groups")
        return found


def together(
    defined: Callable[[], Sequence[Indicator]], read: Callable[[Sequence[Indicator]], list[Figure]]
) -> tuple[Sequence[Indicator], list[Figure]]:
    """Return indicators and figures that are by just these definitions, also while a rebuild switches."""
    for _ in range(_TRIES):
        declared = defined()
        found = read(declared)
        ids = {one.id: one.definition_id for one in declared}
        # Figures from before definitions were written down name none.
        if all(not one.definition or one.definition == ids[one.indicator] for one in found):
            break
    return declared, found
