"""Parts: what a numerator or a denominator adds up, as it stands in a plan's indicators.yaml.

A part names current records (or places, or a constant); how it becomes a figure of a division and a day is
the matter of services/figures.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from schemas.consumption_voucher import ConsumptionVoucher
from schemas.facility import KINDS
from schemas.fields import Contract
from schemas.fitness_event import FitnessEvent
from schemas.statistic import MEASURES

PLACE_FIELDS = {"places": "total", "inclusive_places": "inclusive", "enrolled": "enrolled"}
"""What a childcare facility has from its newest childcare-place record, and the field there."""

PER_RESIDENT = {
    f"{area}_per_resident": area for area in ("elder_care_area", "indoor_sports_area", "outdoor_sports_area")
}
"""What an estate has by division through its residents, and the field that is divided."""

VOUCHER_SUMS = ("face_value", "order_amount", "redeemed_value")
_VOUCHER_FIELDS = ("campaign", "sector", "division", "step")

Fields = Mapping[str, Any]
"""A field's name and its type annotation."""


def _fields(model: type[Contract]) -> dict[str, Any]:
    return {name: field.annotation for name, field in model.model_fields.items()}


def _facility_fields(model: type[Contract]) -> dict[str, Any]:
    fields = _fields(model)
    more: dict[str, str] = {}
    if get_args(fields["kind"]) == ("childcare",):
        more = PLACE_FIELDS
    elif "residents" in fields:
        more = PER_RESIDENT
    return {**fields, **dict.fromkeys(more, Decimal)}


RECORDS: dict[str, list[Fields]] = {
    "facility": [_facility_fields(kind) for kind in KINDS],
    "fitness-event": [_fields(FitnessEvent)],
    "consumption-voucher": [
        {name: ConsumptionVoucher.model_fields[name].annotation for name in (*_VOUCHER_FIELDS, *VOUCHER_SUMS)}
    ],
}
"""What records of a stream have that a part may ask for, one entry a kind."""

Scalar = bool | int | Decimal | str


class Bound(Contract):
    """A condition on a number: at least, or at most, so much. A record without the field does not meet it."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bound":
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least` or `at_most`")
        return self


Condition = Bound | Scalar | list[Scalar]
Where = dict[str, Condition]
Setting = Literal["urban", "rural"]


class RecordsPart(Contract):
    """Adds up current records of one stream in a division.

    Exactly one of: `sum` (a field), `count` (of records), `having` (number of divisions of that level that
    have at least one such record; with `setting`, only urban or only rural ones).
    """

    from_: Annotated[Literal["facility", "fitness-event", "consumption-voucher"], Field(alias="from")]
    sum: Annotated[str | None, Field(description="field to add up")] = None
    count: Annotated[bool, Field(description="count the records")] = False
    having: Annotated[Literal["community", "township"] | None, Field(description="count divisions")] = None
    setting: Setting | None = None
    where: Annotated[
        Where | list[Where],
        Field(description="field: what it must be; of several such sets one must be met whole"),
    ] = {}
    in_year: Annotated[
        bool, Field(description="only what happened in the calendar year of the day looked at")
    ] = False

    @property
    def alternatives(self) -> list[Where]:
        """The sets of conditions of which a record must meet one."""
        return self.where if isinstance(self.where, list) else [self.where]

    @property
    def kinds(self) -> frozenset[str]:
        """The facility kinds that the part can count; empty for other streams."""
        if self.from_ != "facility":
            return frozenset()
        return frozenset(get_args(fields["kind"])[0] for fields in self._possible())

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
        if self.from_ == "consumption-voucher" and self.sum not in (None, *VOUCHER_SUMS):
            raise ValueError(f"of vouchers one of {', '.join(VOUCHER_SUMS)} can be added up")
        known = {name for fields in RECORDS[self.from_] for name in fields}
        asked = {name for where in self.alternatives for name in where} | ({self.sum} if self.sum else set())
        if unknown := sorted(asked - known):
            raise ValueError(f"{self.from_} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        if not self.alternatives or any(not list(self._meeting(where)) for where in self.alternatives):
            raise ValueError(f"no {self.from_} record can ever meet `where`")
        return self

    def _possible(self) -> Iterator[Fields]:
        for where in self.alternatives:
            yield from self._meeting(where)

    def _meeting(self, where: Where) -> Iterator[Fields]:
        """Yield the kinds of record that can meet a set of conditions and have what is added up."""
        for fields in RECORDS[self.from_]:
            has_sum = self.sum is None or self.sum in fields
            if has_sum and all(_can_meet(fields.get(name), one) for name, one in where.items()):
                yield fields


def _can_meet(annotation: Any, condition: Condition) -> bool:
    """Whether a field of this type (None: the record has no such field) can meet a condition."""
    if annotation is None:
        return False
    if isinstance(condition, Bound):
        return True
    words = {word for word in get_args(annotation) if isinstance(word, str)}
    wanted = condition if isinstance(condition, list) else [condition]
    return not words or any(one in words for one in wanted)


class StatisticPart(Contract):
    """The newest reports of a measure, added up over divisions and (without `dimension`) dimensions.

    With `places` the number of divisions whose report is above nought.
    """

    statistic: Annotated[str, Field(description="measure")]
    dimension: Annotated[str | None, Field(description="none: all of them")] = None
    places: Annotated[bool, Field(description="count divisions with more than nought")] = False
    setting: Annotated[Setting | None, Field(description="only urban, or only rural communities")] = None

    @model_validator(mode="after")
    def _is_in_the_vocabulary(self) -> "StatisticPart":
        measure = MEASURES.get(self.statistic)
        if measure is None:
            raise ValueError(f"there is no measure {self.statistic!r}; there are {', '.join(MEASURES)}")
        if self.dimension is not None and self.dimension not in measure.dimensions:
            has = ", ".join(measure.dimensions) or "no dimensions"
            raise ValueError(f"{self.statistic} has no dimension {self.dimension!r}; it has {has}")
        if self.setting and not (self.places and measure.level == "community"):
            raise ValueError("`setting` goes with `places` of a measure that is reported per community")
        return self


class DivisionsPart(Contract):
    """The number of divisions of a level (with `setting`, only urban or only rural ones)."""

    divisions: Literal["community", "township"]
    setting: Setting | None = None


class ConstantPart(Contract):
    """A number the plan itself names."""

    constant: Decimal


def _form(part: Any) -> str:
    """Return which form of part is meant, so that a mistake is told of that form alone."""
    if not isinstance(part, dict):
        return type(part).__name__
    forms = {"statistic": StatisticPart, "divisions": DivisionsPart, "constant": ConstantPart}
    return next((form.__name__ for key, form in forms.items() if key in part), RecordsPart.__name__)


Part = Annotated[
    Annotated[RecordsPart, Tag("RecordsPart")]
    | Annotated[StatisticPart, Tag("StatisticPart")]
    | Annotated[DivisionsPart, Tag("DivisionsPart")]
    | Annotated[ConstantPart, Tag("ConstantPart")],
    Discriminator(_form),
]
Parts = Annotated[list[Part], BeforeValidator(lambda given: given if isinstance(given, list) else [given])]
"""A part, or parts that are added up."""


def streams_of(part: Part) -> frozenset[str]:
    """Return the streams whose records can change a part."""
    if isinstance(part, StatisticPart):
        return frozenset({"statistic"})
    if isinstance(part, RecordsPart):
        return frozenset({"facility", "childcare-place"} if part.from_ == "facility" else {part.from_})
    return frozenset()
