"""Routes of places: the map, divisions, their facilities, and the records of one facility."""

from collections.abc import Collection
from functools import partial
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query, Response

from schemas.declaration import Text
from schemas.facility.base import Status
from schemas.fields import Contract
from schemas.parts_in_words import derived_in_words
from schemas.streams import STREAMS
from schemas.vocabulary import Called, vocabulary
from schemas.words import STREAMS as STREAM_NAMES
from services.board.api.asked import Asked, Cursor, Limit, read_cursor, write_cursor
from services.board.sheets.download import DOWNLOADS, Format, download
from services.board.sheets.facilities import facilities_sheet
from services.board.sheets.frame import Frame
from services.board.tables.facilities import Counted, Facilities, Facility, Kind, Told
from services.board.tables.knowledge import Knowledge
from services.board.tables.local_feeds import LocalFeed, LocalFeeds
from services.board.tables.records import Place
from services.platform.plan import Division, Plan
from services.platform.plan_files.schematic import Schematic
from services.platform.problems import invalid, not_found

_KINDS = vocabulary("facility")["kind"].words
_STATUSES = get_args(Status)


class NamedFeed(LocalFeed):
    """What an agency has sent of a division; `name`: what the plan calls the feed, if it is promised."""

    name: Text | None


class DivisionPage(Contract):
    """A division, what lies in it, its facilities by kind and status, and who has told of it."""

    division: Division
    inside: list[Division]
    facilities: list[Kind]
    feeds: list[NamedFeed]


class FacilityList(Contract):
    """A page of facilities by id; `next`: the cursor of the next page, None on the last."""

    division: str
    facilities: list[Facility]
    next: str | None


class FacilityPage(Contract):
    """A facility, the figures it counts in, and the newest of its `total` records, the newest first.

    `facility` is None where no record of its own counts: all are withdrawn, or only its places were told.
    """

    id: str
    facility: Facility | None
    counted: list[Counted]
    total: int
    records: list[Told]


class StreamWords(Contract):
    """What a stream is called, and the fields of its records."""

    name: Text
    fields: dict[str, Called]


def routes(frame: Frame, asked: Asked, facilities: Facilities, feeds: LocalFeeds) -> APIRouter:
    """The routes below /v1 that lead from the county to one record."""
    router = APIRouter(prefix="/v1")
    plan = frame.plan
    _add_facilities(router, asked, facilities, frame)

    @router.get("/schematic")
    def schematic() -> Schematic:
        return plan.schematic

    @router.get("/words")
    def words() -> dict[str, StreamWords]:
        derived = {name: Called(name=said, unit=None, words={}) for name, said in derived_in_words().items()}
        return {
            name: StreamWords(
                name=STREAM_NAMES[name],
                fields={**vocabulary(name), **(derived if name == "facility" else {})},
            )
            for name in STREAMS
        }

    @router.get("/divisions/{id}")
    def division(id: str, knowledge: Knowledge = Depends(asked.knowledge)) -> DivisionPage:
        place = asked.division(id)
        inside = [one for one in plan.divisions.values() if one.parent == place.code]
        return DivisionPage(
            division=place,
            inside=inside,
            facilities=facilities.kinds(place, knowledge),
            feeds=[_named(plan, one) for one in feeds.of(place, knowledge)],
        )

    return router


def _named(plan: Plan, feed: LocalFeed) -> NamedFeed:
    promise = plan.feeds.get(f"{feed.source}/{feed.stream}")
    return NamedFeed(**feed.model_dump(), name=promise.name if promise else None)


def _add_facilities(router: APIRouter, asked: Asked, facilities: Facilities, frame: Frame) -> None:
    @router.get("/facilities", response_model=FacilityList, responses=DOWNLOADS)
    def listed(
        *,
        division: str | None = None,
        kind: Annotated[str | None, Query(max_length=50, description="类别 · kind")] = None,
        status: Annotated[str | None, Query(max_length=50, description="状态 · status")] = None,
        find: Annotated[
            str | None, Query(max_length=100, description="名称或编号的一部分 · part of its name or id")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
        format: Format = None,
        knowledge: Knowledge = Depends(asked.knowledge),
    ) -> FacilityList | Response:
        """As JSON a page of them, as a sheet all."""
        place = asked.division(division)
        _one_of("kind", kind, _KINDS)
        _one_of("status", status, _STATUSES)
        narrowed = partial(facilities.of, place, knowledge, kind=kind, status=status, find=find)
        if format:
            return download(format, lambda: facilities_sheet(frame, place, knowledge, narrowed()))
        day = knowledge.day if knowledge.asked else None
        question = ("facilities", place.code, kind, status, find, day, knowledge.known_at)
        begin = read_cursor(cursor, *question)
        found = list(narrowed(after=begin.key, limit=limit + 1))
        end = Place(key=("", found[limit - 1].id)) if len(found) > limit else None
        return FacilityList(
            division=place.code,
            facilities=found[:limit],
            next=write_cursor(end, *question) if end else None,
        )

    @router.get("/facilities/{id}")
    def facility(
        id: str, limit: Limit = 1_000, knowledge: Knowledge = Depends(asked.knowledge)
    ) -> FacilityPage:
        total, records = facilities.told(id, knowledge, limit)
        if not total:
            raise not_found(f"没有机构 {id} 的记录 · there is no record of a facility {id}")
        found = facilities.facility(id, asked.indicators(knowledge), knowledge)
        state, counted = found or (None, [])
        return FacilityPage(id=id, facility=state, counted=counted, total=total, records=records)


def _one_of(parameter: str, value: str | None, known: Collection[str]) -> None:
    if value is not None and value not in known:
        listed = ", ".join(known)
        raise invalid(parameter, f"没有 {value}，可用：{listed}", f"there is no {value}, only {listed}")
