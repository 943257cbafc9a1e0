"""The changed figure, as it lies on `minmai.indicator.v1` (compacted; key = `{indicator}/{division}`)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import UtcDatetime
from schemas.fields import Contract

Standing = Literal["met", "below", "watched", "no_data", "not_applicable"]
"""How a figure stands against its target on a day, without looking ahead: what the history keeps."""

FigureStatus = Literal[
    "met",
    "missed",
    "on_track",
    "behind",
    "off_track",
    "cannot_say",
    "watched",
    "no_data",
    "not_applicable",
]


class Figure(Contract):
    """One indicator in one division: what `indicator_live` holds in one row.

    Gap, pace, forecast and band are in the indicator's unit, a pace per 30.4375 days; docs/pace.md has the
    method. They are None where nothing is promised, or nothing can be said.
    """

    indicator: str
    division: str
    numerator: Annotated[Decimal | None, Field(description="None while there is no data yet")]
    denominator: Annotated[Decimal | None, Field(description="None where there is none, or no data yet")]
    value: Annotated[float | None, Field(description="scale × numerator ÷ denominator, in the unit")]
    target: Decimal | None
    status: Annotated[
        FigureStatus,
        Field(
            description="met, or missed as of the due day; before it on_track, behind, off_track by pace, or "
            "cannot_say; watched: no target at this level; no_data: something it needs has not been "
            "reported; not_applicable: its denominator is nought"
        ),
    ]
    due: Annotated[date | None, Field(description="day by which the target is promised")] = None
    gap: Annotated[float | None, Field(description="target − value")] = None
    pace_needed: Annotated[
        float | None, Field(description="change a month that reaches the target in time")
    ] = None
    pace_observed: Annotated[float | None, Field(description="change a month of late")] = None
    forecast: Annotated[float | None, Field(description="expected value on the due day")] = None
    forecast_low: Annotated[float | None, Field(description="lower end of its 80 % band")] = None
    forecast_high: Annotated[float | None, Field(description="upper end of its 80 % band")] = None
    forecast_day: Annotated[
        date | None, Field(description="day on which the target is reached at this pace")
    ] = None
    value_at_due: Annotated[float | None, Field(description="after the due day: what it was then")] = None
    reason_zh: str = ""
    reason_en: str = ""
    as_of: Annotated[date, Field(description="the county's calendar day the figure holds for")]
    definition: Annotated[str, Field(description="version and digest of the definition it is by")] = ""
    version: Annotated[int, Field(description="grows with the records the figure has seen")]
    updated_at: UtcDatetime
