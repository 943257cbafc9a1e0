"""The declarations of a plan: indicators and tasks, as they stand in a county's plan folder.

An indicator is a numerator, perhaps a denominator, and what was promised; everything else (table rows,
panels, default alerts, API, documentation) follows from it.
"""

from datetime import date
from decimal import Decimal
from hashlib import blake2b
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.fields import Contract
from schemas.parts import Part, Parts, StatisticPart, streams_of
from schemas.statistic import MEASURES

Level = Literal["county", "township"]
IndicatorId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Theme = Literal[
    "childcare_education",
    "health",
    "elder_care",
    "communities",
    "sports_culture",
    "vouchers",
    "support",
]


class Text(Contract):
    """A text in the users' language and in English."""

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    @property
    def both(self) -> str:
        """Chinese, and English beside where it is another."""
        return self.zh if self.zh == self.en else f"{self.zh} · {self.en}"


class Target(Contract):
    """What was promised: at least, at most or exactly a value, by a day (none: every year)."""

    direction: Literal["at_least", "at_most", "exactly"]
    value: Decimal
    due: date | None = None
    levels: Annotated[list[Level], Field(description="levels the promise holds for")] = ["county", "township"]

    def due_at(self, day: date) -> date:
        """Return the day by which the promise is to be kept; of a yearly one the end of that day's year."""
        return self.due or date(day.year, 12, 31)


class Baseline(Contract):
    """The value that the plan started from, in the indicator's unit."""

    value: Decimal
    day: date


class Limits(Contract):
    """Values that the indicator cannot go beyond by its nature, such as 0 and 100 %."""

    low: Decimal | None = None
    high: Decimal | None = None


METHOD = 1
"""How declarations become figures; raise it when the code comes to others for the same declaration."""

_COMPUTED = {"numerator", "denominator", "scale", "decimals", "levels", "target", "baseline", "limits"}
"""The fields of an indicator that decide what its figures are; all others are words."""


class Change(Contract):
    """A change of an indicator's definition: since when, and what."""

    day: date
    what: Text


class Indicator(Contract):
    """One figure of the plan."""

    id: IndicatorId
    name: Text
    definition: Text
    unit: Text
    theme: Theme
    numerator: Annotated[Parts, Field(min_length=1, description="a part, or parts that are added up")]
    denominator: Annotated[Parts, Field(description="as the numerator; none: a plain number")] = []
    scale: Annotated[Decimal, Field(gt=0, description="value = scale × numerator ÷ denominator")] = Decimal(1)
    decimals: Annotated[int, Field(ge=0, le=4, description="decimals shown")] = 2
    levels: list[Level] = ["county", "township"]
    target: Target | None = None
    baseline: Baseline | None = None
    limits: Limits = Limits()
    task: Annotated[int | None, Field(ge=1, description="row of the plan's annex it measures")] = None
    source: Annotated[str, Field(min_length=1, description="where in the plan: `text`, `row N`")]
    owner: Annotated[str, Field(description="lead department; empty for a watched figure")] = ""
    note: Text | None = None
    changes: Annotated[list[Change], Field(description="changes of the definition, oldest first")] = []

    @property
    def version(self) -> int:
        """The number of the definition: 1, and one more with each of `changes`."""
        return 1 + len(self.changes)

    @property
    def definition_id(self) -> str:
        """Version and digest of what decides the figures, as `2.9f86d081`.

        The digest tells two definitions apart even if nobody has counted the version up.
        """
        said = self.model_dump_json(include=_COMPUTED, by_alias=True, exclude_defaults=True)
        return f"{self.version}.{blake2b(f'{METHOD} {said}'.encode(), digest_size=4).hexdigest()}"

    @property
    def streams(self) -> frozenset[str]:
        """Streams whose records can change this figure."""
        return frozenset().union(*(streams_of(part) for part in (*self.numerator, *self.denominator)))

    @property
    def resets(self) -> bool:
        """Whether it begins anew each year."""
        return any(_of_one_year(part) for part in self.numerator)

    def target_at(self, level: Level) -> Target | None:
        """Return the target that holds at a level, if any."""
        return self.target if self.target and level in self.target.levels else None

    @model_validator(mode="after")
    def _changes_are_in_order(self) -> "Indicator":
        if any(one.day > other.day for one, other in pairwise(self.changes)):
            raise ValueError("`changes` begin with the oldest")
        return self

    @model_validator(mode="after")
    def _target_has_an_owner_and_a_level(self) -> "Indicator":
        if self.target and not self.owner:
            raise ValueError("an indicator with a target needs an owner, its lead department")
        if self.target and not set(self.target.levels) & set(self.levels):
            raise ValueError("the target holds for none of the indicator's levels")
        return self


def _of_one_year(part: Part) -> bool:
    if isinstance(part, StatisticPart):
        return MEASURES[part.statistic].yearly
    return getattr(part, "in_year", False)


class Task(Contract):
    """One row of the plan's annex: who has promised to do what."""

    number: Annotated[int, Field(ge=1)]
    action: Annotated[Text, Field(description="the action of the plan it belongs to")]
    group: Annotated[Text, Field(description="the heading within the action")]
    title: Text
    lead: Annotated[list[str], Field(min_length=1, description="lead departments")]
    cooperating: Annotated[list[str], Field(description="co-operating units")] = []
    indicators: Annotated[list[IndicatorId], Field(description="indicators that measure it")] = []
