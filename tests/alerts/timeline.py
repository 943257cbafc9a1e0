"""Timelines: what is measured when, by a clock that the test moves, and what changes follow when.

    line = Timeline(rule(for_="2h"))
    line.at("0h", 4.2)                       # a reading of 4.2
    line.at("3h")                            # nothing new: the clock goes on
    line.restart()                           # a new process, from the log and the live reading
    assert line.log == ["0h pending", "2h firing"]

Threshold and clear level are 4.5 and 4.6, at least. Times are days, hours and minutes after a noon. That a
duration is over is noticed at the next tick, and dated by the moment itself: no tolerance is needed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeVar
from uuid import UUID

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.rules import LagRule, Rule, RuleBase
from services.alerts.entry import Laid, Logged, Over
from services.alerts.reading import Reading
from services.alerts.rules.machine import Standing
from services.alerts.watch import Watch
from services.platform.plan import Plan
from tests.alerts.figures import COUNTY, PLAN

NOON = datetime(2024, 5, 6, 4, tzinfo=UTC)
RULE = "lag"
NAME = Text(zh="规则", en="rule")

Said = float | int | Fraction | Literal["no_data", "error"]


R = TypeVar("R", bound=RuleBase)


def rule(model: type[R] = LagRule, **given: Any) -> R:  # type: ignore[assignment]  # the default of a type variable
    """A rule on a number, with `for_`, `keep_firing` and whatever else is given."""
    named = {"for" if name == "for_" else name: value for name, value in given.items()}
    return model.model_validate({"id": RULE, "name": NAME, "threshold": "4.5", **named})


def plan_of(*rules: Rule) -> Plan:
    """The plan with these rules alone."""
    return replace(PLAN, rules={one.id: one for one in rules})


def moment(said: str) -> datetime:
    """`90m`, `2h`, `1d2h` after noon."""
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
    parts = re.findall(r"(\d+)([dhm])", said)
    return NOON + sum((int(number) * units[unit] for number, unit in parts), timedelta())


def said(at: datetime) -> str:
    """A moment as the tests write it."""
    minutes = round((at - NOON).total_seconds() / 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def logged_of(changes: list[AlertChange]) -> list[Logged]:
    """What the log would say after these changes, as `Log.standings` reads it back."""
    newest: dict[tuple[str, str, str], AlertChange] = {}
    told: dict[tuple[str, str, str], AlertChange] = {}
    for change in changes:
        again = AlertChange.model_validate_json(change.model_dump_json())
        key = (again.rule, again.division, again.subject)
        newest[key] = again
        if again.state in ("firing", "resolved"):
            told[key] = again
    return [
        Logged(
            key,
            Standing(one.condition, one.held, one.began_at, one.alert_id, one.changed_at),
            one.state,
            one.figure_version,
            one,
            told.get(key),
        )
        for key, one in newest.items()
    ]


@dataclass
class Timeline:
    """A watch under a clock that the test moves, with what its log has."""

    plan: Plan
    unreliable: Mapping[str, list[str]] = field(default_factory=dict)
    changes: list[AlertChange] = field(default_factory=list)
    live: dict[tuple[str, str, str], Reading] = field(default_factory=dict)
    now: datetime = NOON
    version: int = 0

    def __post_init__(self) -> None:
        self.watch = Watch(self.plan, "https://board.example", [], self.unreliable)

    @classmethod
    def of(cls, *rules: Rule, **given: Any) -> "Timeline":
        """A timeline of these rules."""
        return cls(plan_of(*rules), **given)

    def at(self, when: str, value: Said | None = None, **given: Any) -> list[AlertChange]:
        """Move the clock; with a value, something is measured then."""
        self.now = moment(when)
        made = [] if value is None else self.measure(value, **given)
        return made + self.keep(self.watch.tick(self.now))

    def measure(self, value: Said, rule: str = RULE, subject: str = "", **given: Any) -> list[AlertChange]:
        """Take a reading now."""
        self.version += 1
        return self.take(reading(value, self.version, self.now, rule=rule, subject=subject, **given))

    def take(self, one: Reading) -> list[AlertChange]:
        """Take a reading as it is; the newest is what a source says after a restart."""
        known = self.live.get(one.key)
        if known is None or one.version > known.version:
            self.live[one.key] = one
        return self.keep(self.watch.weigh([one]))

    def lay(self, state: Over, over: dict[UUID, Laid]) -> list[AlertChange]:
        return self.keep(self.watch.lay(state, over, self.now))

    def restart(self) -> None:
        """Begin anew, from the log and what the sources say now."""
        self.watch = Watch(self.plan, "https://board.example", logged_of(self.changes), self.unreliable)
        readings = [replace(one, at=self.now, correction=False) for one in self.live.values()]
        self.keep(self.watch.weigh(readings))
        self.keep(self.watch.settle(self.now))

    def keep(self, made: list[AlertChange]) -> list[AlertChange]:
        self.changes += made
        return made

    @property
    def log(self) -> list[str]:
        """`{when} {state}` of each change, in order; a correction says so."""
        return [
            f"{said(one.changed_at)} {one.state}{' (correction)' if one.correction else ''}"
            for one in self.changes
        ]

    @property
    def whole_log(self) -> list[tuple[Any, ...]]:
        """All that decides, of each change."""
        return [
            (one.alert_id, one.state, one.condition, one.before, one.held, one.began_at, one.changed_at)
            for one in self.changes
        ]


def reading(
    value: Said,
    version: int,
    at: datetime,
    *,
    rule: str = RULE,
    division: str = COUNTY,
    subject: str = "",
    correction: bool = False,
) -> Reading:
    """A reading against 4.5, clear at 4.6, at least."""
    known = not isinstance(value, str)
    exactly = Fraction(str(value)) if isinstance(value, float) else Fraction(value) if known else None  # type: ignore[arg-type]  # a number then
    return Reading(
        rule=rule,
        division=division,
        subject=subject,
        subject_name=Text(zh=subject, en=subject) if subject else None,
        value=exactly,
        status="value" if known else value,  # type: ignore[arg-type]  # one of the two words then
        direction="at_least",
        threshold=Decimal("4.5"),
        clear_level=Decimal("4.6"),
        numerator=None,
        denominator=None,
        unit=Text(zh="个", en="places"),
        decimals=2,
        as_of=date(2024, 5, 6),
        version=version,
        at=at,
        why=None if known else Text(zh="数据不全", en="no data"),
        correction=correction,
    )
