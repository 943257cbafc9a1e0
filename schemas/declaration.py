"""The declarations of a plan: indicators and alert rules, as they stand in a county's plan folder.

An indicator is a numerator, perhaps a denominator, and what was promised. Both are *parts*; a part says
which current records it adds up, and everything else (table rows, panels, default alerts, API) follows.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.facility import KINDS
from schemas.fields import Contract
from schemas.fitness_event import FitnessEvent
from schemas.statistic import Measure

# What a part may add up or ask for. A facility's places and children come from its newest childcare-place
# record; vouchers are added up from their hourly sums, so only what those keep can be asked for.
RECORD_FIELDS: dict[str, frozenset[str]] = {
    "facility": frozenset(name for kind in KINDS for name in kind.model_fields)
    | {"places", "inclusive_places", "children"},
    "fitness-event": frozenset(FitnessEvent.model_fields),
    "consumption-voucher": frozenset(
        {"campaign", "sector", "division", "step", "records", "face_value", "order_amount"}
    ),
}

Scalar = str | bool | int
Level = Literal["county", "township"]
IndicatorId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Text(Contract):
    """A text in the users' language and in English."""

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class RecordsPart(Contract):
    """Adds up current records of one stream in a division.

    Exactly one of: `sum` (a field), `count` (of records), `having` (number of divisions of that level that
    have at least one such record; with `setting`, only urban or only rural ones).
    """

    from_: Annotated[Literal["facility", "fitness-event", "consumption-voucher"], Field(alias="from")]
    sum: Annotated[str | None, Field(description="field to add up")] = None
    count: Annotated[bool, Field(description="count the records")] = False
    having: Annotated[Literal["community", "township"] | None, Field(description="count divisions")] = None
    setting: Literal["urban", "rural"] | None = None
    where: Annotated[
        dict[str, Scalar | list[Scalar]], Field(description="field: the value, or the values, it must have")
    ] = {}
    in_year: Annotated[
        bool, Field(description="only what happened in the calendar year of the day looked at")
    ] = False

    @model_validator(mode="after")
    def _one_way_of_adding(self) -> "RecordsPart":
        if (self.sum is not None) + self.count + (self.having is not None) != 1:
            raise ValueError("give exactly one of `sum`, `count: true`, `having`")
        if self.setting and not self.having:
            raise ValueError("`setting` goes with `having`")
        if self.having and self.from_ != "facility":
            raise ValueError("`having` counts divisions with a facility")
        if self.in_year and self.from_ != "fitness-event":
            raise ValueError("`in_year` goes with fitness-event, whose records have a day of their own")
        known = RECORD_FIELDS[self.from_]
        unknown = sorted({*self.where, *([self.sum] if self.sum else [])} - known)
        if unknown:
            raise ValueError(f"{self.from_} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return self


class StatisticPart(Contract):
    """The latest reported figure of a measure; above its level the sum of its divisions' reports."""

    statistic: Measure
    dimension: str = ""


class DivisionsPart(Contract):
    """The number of divisions of a level (with `setting`, only urban or only rural ones)."""

    divisions: Literal["community", "township"]
    setting: Literal["urban", "rural"] | None = None


Part = RecordsPart | StatisticPart | DivisionsPart


def streams_of(part: Part | None) -> frozenset[str]:
    """Return the streams whose records can change a part."""
    if isinstance(part, StatisticPart):
        return frozenset({"statistic"})
    if isinstance(part, RecordsPart):
        return frozenset({"facility", "childcare-place"} if part.from_ == "facility" else {part.from_})
    return frozenset()


class Target(Contract):
    """What was promised: at least, at most or exactly a value, by a day (none: every year)."""

    direction: Literal["at_least", "at_most", "exactly"]
    value: Decimal
    due: date | None = None
    levels: Annotated[list[Level], Field(description="levels the promise holds for")] = ["county", "township"]


class Indicator(Contract):
    """One figure of the plan."""

    id: IndicatorId
    name: Text
    definition: Text
    unit: Text
    numerator: Part
    denominator: Part | None = None
    scale: Annotated[Decimal, Field(gt=0, description="value = scale × numerator ÷ denominator")] = Decimal(1)
    decimals: Annotated[int, Field(ge=0, le=4, description="decimals shown")] = 2
    levels: list[Level] = ["county", "township"]
    target: Target | None = None
    source: Annotated[str, Field(description="where in the plan: `text`, `row N`")]
    owner: Annotated[str, Field(description="lead department; empty for a watched figure")] = ""
    note: str = ""

    @property
    def streams(self) -> frozenset[str]:
        """Streams whose records can change this figure."""
        return streams_of(self.numerator) | streams_of(self.denominator)

    def target_at(self, level: Level) -> Target | None:
        """Return the target that holds at a level, if any."""
        return self.target if self.target and level in self.target.levels else None


class ThresholdRule(Contract):
    """An alert on an indicator: fires below (or above) a threshold, clears beyond it by a margin.

    Without `threshold` it is the indicator's own target; `clear_margin` is in the indicator's unit.
    """

    id: IndicatorId
    indicator: IndicatorId
    threshold: Decimal | None = None
    clear_margin: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    severity: Literal["info", "warning", "critical"] = "warning"
    levels: list[Level] = ["county"]
    name: Text
