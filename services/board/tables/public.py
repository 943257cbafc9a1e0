"""What the public is told of the plan: its figures with how they are made."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from schemas.declaration import Text, Theme
from schemas.fields import Contract
from schemas.indicator import FigureStatus
from schemas.rules import Direction
from services.board.tables.quality import Quality
from services.platform.plan import Division


class PublicFigure(Contract):
    """A figure in one division; a withheld one has neither value nor status."""

    division: str
    value: Annotated[float | None, Field(description="rounded as it is shown")]
    target: Decimal | None
    due: date | None
    status: FigureStatus | None
    withheld: Annotated[bool, Field(description="so few stand behind it that it would tell of each")]


class Source(Contract):
    """What a figure is made of in words, and who sends it, as kinds of offices."""

    numerator: Text
    denominator: Text | None
    senders: list[Text]
    plan: Annotated[str, Field(description="where in the plan")]
    department: Annotated[str, Field(description="lead department; empty for a watched figure")]


class PublicIndicator(Contract):
    """One indicator: what it is, how it stands, how far it can be relied on."""

    id: str
    theme: Theme
    name: Text
    definition: Text
    note: Text | None
    unit: Text
    decimals: int
    scale: Annotated[Decimal, Field(description="value = scale × numerator ÷ denominator")]
    direction: Annotated[
        Direction | None, Field(description="at_least, at_most, exactly; null: only watched")
    ]
    source: Source
    updated_at: Annotated[datetime | None, Field(description="when the county's figure last changed")]
    quality: Quality
    figures: list[PublicFigure]


class PublicIndicators(Contract):
    """All indicators, as they stood at `made_at`; `withheld_below`: fewer institutions, or people, than this
    behind a figure keep it back."""

    county: Text
    title: Text
    document: str
    time_zone: str
    divisions: list[Division]
    synthetic: bool
    as_of: date | None
    made_at: datetime
    withheld_below: Mapping[str, int]
    indicators: list[PublicIndicator]
