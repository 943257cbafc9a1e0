"""How a source makes a reading of what it has measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from schemas.declaration import Text
from schemas.rules import MeasuredRule, RuleBase
from services.alerts.reading import Reading
from services.platform.plan import Division, Plan

PERCENT = Text(zh="%", en="%")


@dataclass(frozen=True)
class Moment:
    """When something is measured: by the county's clock, and by the wall clock."""

    now: datetime
    wall: datetime
    zone: ZoneInfo

    @property
    def day(self) -> date:
        """The county's calendar day."""
        return self.now.astimezone(self.zone).date()

    @property
    def version(self) -> int:
        """The version of what is measured now: what is measured later knows of more. Milliseconds of 1970."""
        return int(self.wall.timestamp() * 1000)


@dataclass(frozen=True)
class Subject:
    """What a reading is about within a division; the division itself has no name of its own."""

    division: str
    id: str = ""
    name: Text | None = None
    owner: str = ""
    link: str = ""


@dataclass(frozen=True)
class Measure:
    """What is measured: its id and name, its unit, and to how many decimals it is shown."""

    id: str
    name: Text
    unit: Text
    decimals: int = 0


def reading(
    rule: MeasuredRule,
    moment: Moment,
    subject: Subject,
    measure: Measure,
    *,
    value: Fraction | None,
    why: Text,
    parts: tuple[Decimal | None, Decimal | None] = (None, None),
    fires: bool | None = None,
) -> Reading:
    """Make the reading of a rule with a threshold; `value` None: there is no data.

    `parts` are numerator and denominator.
    """
    margin = rule.clear_margin if rule.direction == "at_least" else -rule.clear_margin
    return Reading(
        rule=rule.id,
        division=subject.division,
        subject=subject.id,
        subject_name=subject.name,
        value=value,
        status="no_data" if value is None else "value",
        direction=rule.direction,
        threshold=rule.threshold,
        clear_level=rule.threshold + margin,
        numerator=parts[0],
        denominator=parts[1],
        unit=measure.unit,
        decimals=measure.decimals,
        as_of=moment.day,
        version=moment.version,
        at=moment.now,
        why=why,
        measured=measure.id,
        measured_name=measure.name,
        fires=fires,
        owner=subject.owner,
        link=subject.link,
    )


def share(part: Decimal | int, whole: Decimal | int) -> Fraction | None:
    """Return how much a part is of the whole, in percent; None of nothing."""
    return 100 * Fraction(part) / Fraction(whole) if whole else None


def places(plan: Plan, rule: RuleBase) -> Iterator[Division]:
    """Yield the divisions that a rule looks at."""
    for division in plan.shown_divisions:
        if division.level in rule.levels and (rule.divisions is None or division.code in rule.divisions):
            yield division
