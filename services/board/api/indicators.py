"""Routes of the indicators: figures, history, contributors, breakdown."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from schemas.declaration import Indicator
from schemas.fields import Contract
from schemas.indicator import Figure
from services.board.api.asked import Asked, Cursor, KnownAt, Limit, read_cursor, write_cursor
from services.board.problems import invalid, not_found
from services.board.tables.breakdown import GROUPS, Breakdown, Group, fields_of
from services.board.tables.figures import Figures, HistoryPoint, since
from services.board.tables.knowledge import Knowledge
from services.board.tables.records import Contributor, Contributors
from services.platform.plan import County, Division, Plan


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
    plan: Plan,
    asked: Asked,
    figures: Figures,
    contributors: Contributors,
    breakdown: Breakdown,
    *,
    synthetic: bool,
) -> APIRouter:
    """The routes below /v1/indicators."""
    router = APIRouter(prefix="/v1/indicators")
    add_figures(router, plan, asked, figures, synthetic=synthetic)
    add_records(router, asked, figures, contributors, breakdown)
    return router


def add_figures(router: APIRouter, plan: Plan, asked: Asked, figures: Figures, *, synthetic: bool) -> None:
    """Figures and their history."""

    def read(indicators: Sequence[Indicator], division: str | None, knowledge: Knowledge) -> list[Figure]:
        divisions = plan.shown_divisions if division is None else [asked.division(division)]
        return figures.at(indicators, divisions, knowledge)

    @router.get("")
    def indicators(
        division: str | None = None, knowledge: Knowledge = Depends(asked.knowledge)
    ) -> IndicatorList:
        found = read(list(plan.indicators.values()), division, knowledge)
        return IndicatorList(
            county=plan.county,
            divisions=plan.shown_divisions,
            synthetic=synthetic,
            as_of=max((figure.as_of for figure in found), default=None),
            indicators=[
                IndicatorFigures(
                    declaration=indicator,
                    figures=[figure for figure in found if figure.indicator == indicator.id],
                )
                for indicator in plan.indicators.values()
            ],
        )

    @router.get("/{id}")
    def indicator(
        id: str, division: str | None = None, knowledge: Knowledge = Depends(asked.knowledge)
    ) -> IndicatorFigures:
        declared = asked.indicator(id)
        return IndicatorFigures(declaration=declared, figures=read([declared], division, knowledge))

    @router.get("/{id}/history")
    def history(
        id: str,
        division: str | None = None,
        first: Annotated[date | None, Query(alias="from", description="首日 · first day")] = None,
        last: Annotated[date | None, Query(alias="to", description="末日 · last day")] = None,
        known_at: KnownAt = None,
    ) -> History:
        declared = asked.indicator(id)
        place = asked.division(division, declared)
        if first is not None and last is not None and first > last:
            raise invalid("from", f"{first} 晚于 to（{last}）", f"{first} is after `to` ({last})")
        knowledge = asked.knowledge(None, known_at)
        until, points = figures.history(declared, place, knowledge, last)
        return History(indicator=id, division=place.code, until=until, points=since(points, first))


def add_records(
    router: APIRouter, asked: Asked, figures: Figures, contributors: Contributors, breakdown: Breakdown
) -> None:
    """What figures are made of."""

    @router.get("/{id}/records")
    def records(
        id: str,
        *,
        part: Literal["numerator", "denominator"] = "numerator",
        division: str | None = None,
        cursor: Cursor = None,
        limit: Limit = 100,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> Records:
        declared = asked.indicator(id)
        place = asked.division(division, declared)
        parts = declared.numerator if part == "numerator" else declared.denominator
        if not parts:
            raise not_found(f"指标 {id} 没有分母 · {id} has no denominator")
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

    @router.get("/{id}/breakdown")
    def groups(
        id: str,
        by: Annotated[str, Query(max_length=50, description="字段 · field")],
        division: str | None = None,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> list[Group]:
        declared = asked.indicator(id)
        place = asked.division(division, declared)
        known = sorted(frozenset().union(*(fields_of(part) for part in declared.numerator)))
        if by not in known:
            names = ", ".join(known) or "（无 · none）"
            raise invalid("by", f"{id} 可按这些字段细分：{names}", f"{id} can be taken apart by {names}")
        found = breakdown.groups(declared, by, place, knowledge)
        if found is None:
            raise invalid("by", f"按 {by} 细分超过 {GROUPS} 组", f"{by} makes more than {GROUPS} groups")
        return found
