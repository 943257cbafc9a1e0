"""The changed figure, as it lies on `minmai.indicator.v1` (compacted; key = `{indicator}/{division}`)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import UtcDatetime
from schemas.fields import Contract

FigureStatus = Literal["met", "below", "watched", "no_data", "not_applicable"]


class Figure(Contract):
    """One indicator in one division: what `indicator_live` holds in one row."""

    indicator: str
    division: str
    numerator: Annotated[Decimal | None, Field(description="None while there is no data yet")]
    denominator: Annotated[Decimal | None, Field(description="None where there is none, or no data yet")]
    value: Annotated[float | None, Field(description="scale × numerator ÷ denominator, in the unit")]
    target: Decimal | None
    status: Annotated[
        FigureStatus,
        Field(
            description="met or below the target; watched: no target at this level; no_data: something it "
            "needs has not been reported; not_applicable: its denominator is nought"
        ),
    ]
    as_of: Annotated[date, Field(description="the county's calendar day the figure holds for")]
    version: Annotated[int, Field(description="grows with the records the figure has seen")]
    updated_at: UtcDatetime
