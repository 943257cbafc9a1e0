"""What agencies have promised to send, and how often: one entry of a plan's `feeds.yaml` each."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from schemas.declaration import IndicatorId, Text
from schemas.fields import Contract
from schemas.retraction import RecordStream

AGENCY = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class Cadence(Contract):
    """How long it may take from one record to the next: in one of three units."""

    working_days: Annotated[
        int | None, Field(ge=1, le=400, description="by the working calendar; a holiday is no silence")
    ] = None
    days: Annotated[int | None, Field(ge=1, le=800, description="calendar days, holidays included")] = None
    hours: Annotated[int | None, Field(ge=1, le=10_000)] = None

    @model_validator(mode="after")
    def _one_unit(self) -> "Cadence":
        if sum(one is not None for one in (self.working_days, self.days, self.hours)) != 1:
            raise ValueError(
                "working_days、days、hours 须写且只写一个 · give exactly one of working_days, days, hours"
            )
        return self


class FeedPromise(Contract):
    """An agency's promise for one stream: a record at least every so often, from a day on."""

    agency: Annotated[str, Field(pattern=AGENCY, description="source of its events")]
    stream: RecordStream
    name: Annotated[Text, Field(description="what people call it: who sends what")]
    every: Cadence
    since: Annotated[date, Field(description="first day that it holds for")]
    indicators: Annotated[
        list[IndicatorId],
        Field(description="figures nobody can rely on while it is silent; none: those that read the stream"),
    ] = []

    @property
    def id(self) -> str:
        """What alerts call it: `agency/stream`."""
        return f"{self.agency}/{self.stream}"
