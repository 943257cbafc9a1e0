"""Routes that anybody may ask: the plan's figures with how they are made, and nothing of whom they count."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from hashlib import blake2b

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from schemas.declaration import Indicator
from schemas.indicator import Figure
from schemas.parts_in_words import parts_in_words
from schemas.words import SENDERS
from services.board.api.asked import Asked
from services.board.api.indicators import together
from services.board.shared import Shared
from services.board.sheets.download import DOWNLOADS, Format, download
from services.board.sheets.frame import Frame
from services.board.sheets.public import public_sheet
from services.board.tables.disclosure import INSTITUTIONS, PEOPLE, Cell, Disclosure
from services.board.tables.figures import Figures
from services.board.tables.knowledge import Knowledge
from services.board.tables.public import PublicFigure, PublicIndicator, PublicIndicators, Source
from services.board.tables.quality import Qualities, Quality, streams

EVERY_SECONDS = 60
"""So often the answer is made anew: a figure that followed each record would tell of each."""
_WORDS = ("id", "theme", "name", "definition", "note", "unit", "decimals", "scale")
_DECIMALS = 6
"""A value that just misses its target is told with so many at most."""


@dataclass(frozen=True)
class Told:
    """The public answer, and as it is sent."""

    answer: PublicIndicators
    body: bytes
    etag: str


class Public:
    """Makes the public answer; shared by all who ask within a minute."""

    def __init__(
        self,
        frame: Frame,
        asked: Asked,
        figures: Figures,
        disclosure: Disclosure,
        qualities: Qualities,
    ) -> None:
        self.frame = frame
        self._plan = frame.plan
        self._asked = asked
        self._figures = figures
        self._disclosure = disclosure
        self._qualities = qualities
        self._shared = Shared(seconds=EVERY_SECONDS, threads=1)

    async def told(self) -> Told:
        """Return what the public is told, at most a minute old."""
        told, _ = await self._shared.get("all", self._encoded)
        return told

    def close(self) -> None:
        """Make no more answers."""
        self._shared.close()

    def made(self) -> PublicIndicators:
        """Return what the public is told; blocks, and raises Unavailable if ClickHouse does not answer."""
        knowledge = self._asked.knowledge()
        places = self._plan.shown_divisions
        declared, found = together(
            lambda: self._asked.indicators(knowledge), lambda ones: self._figures.at(ones, places, knowledge)
        )
        as_of = max((one.as_of for one in found), default=None)
        # By the day that the figures have come to: the clock may have gone on.
        withheld = self._disclosure.withheld(declared, Knowledge(as_of, self._plan.zone)) if as_of else ()
        qualities = self._qualities.of(declared)
        figures = {one.id: [row for row in found if row.indicator == one.id] for one in declared}
        county = self._plan.county
        return PublicIndicators(
            county=county.name,
            title=county.title,
            document=county.document,
            time_zone=county.time_zone,
            divisions=places,
            synthetic=self.frame.synthetic,
            as_of=as_of,
            made_at=datetime.now(UTC),
            withheld_below={"institutions": INSTITUTIONS, "people": PEOPLE},
            indicators=[
                self._indicator(one, figures[one.id], withheld, qualities[one.id]) for one in declared
            ],
        )

    def _encoded(self) -> Told:
        answer = self.made()
        body = answer.model_dump_json().encode()
        return Told(answer, body, f'"{blake2b(body, digest_size=12).hexdigest()}"')

    def _indicator(
        self, one: Indicator, found: Collection[Figure], withheld: Collection[Cell], quality: Quality
    ) -> PublicIndicator:
        county = self._plan.county.county
        told = [row for row in found if row.value is None or (row.indicator, row.division) not in withheld]
        return PublicIndicator(
            **{name: getattr(one, name) for name in _WORDS},
            direction=one.target.direction if one.target else None,
            source=Source(
                numerator=parts_in_words(one.numerator),
                denominator=parts_in_words(one.denominator) if one.denominator else None,
                senders=[SENDERS[stream] for stream in streams(one)],
                plan=one.source,
                department=one.owner,
            ),
            updated_at=next((row.updated_at for row in told if row.division == county), None),
            quality=quality,
            figures=[_figure(one, row, withheld=row not in told) for row in found],
        )


def routes(public: Public) -> APIRouter:
    """The routes below /v1/public: open to everybody."""
    router = APIRouter(prefix="/v1/public")

    @router.get("/indicators", response_model=PublicIndicators, responses=DOWNLOADS)
    async def indicators(request: Request, format: Format = None) -> Response:
        told = await public.told()
        if format:
            sheet = partial(public_sheet, public.frame, told.answer)
            return await run_in_threadpool(download, format, sheet)
        headers = {"ETag": told.etag, "Cache-Control": f"public, max-age={EVERY_SECONDS // 2}"}
        if told.etag in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        return Response(told.body, media_type="application/json", headers=headers)

    return router


def _figure(indicator: Indicator, row: Figure, *, withheld: bool) -> PublicFigure:
    return PublicFigure(
        division=row.division,
        value=None if withheld else _rounded(indicator, row),
        target=row.target,
        due=row.due,
        status=None if withheld else row.status,
        withheld=withheld,
    )


def _rounded(indicator: Indicator, row: Figure) -> float | None:
    """Return the value as it is shown: from more decimals one could tell what was divided by what.

    A value that is not its target never shows as that.
    """
    if row.value is None:
        return None
    value, decimals = Decimal(repr(row.value)), indicator.decimals
    while True:
        shown = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if shown != row.target or value == row.target or decimals == _DECIMALS:
            return float(shown)
        decimals += 1
