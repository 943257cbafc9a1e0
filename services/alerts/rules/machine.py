"""How one standing goes from condition to condition: pure. docs/alerts.md has it as a table.

A reading is weighed at its own time. That a duration is over needs no new reading: the last one is weighed
again, later. Weighing the same again changes nothing, so neither does a repeat, nor a restart.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert import Condition, HeldCondition
from schemas.declaration import Text
from schemas.rules import RuleBase, written
from services.alerts.reading import Reading
from services.alerts.rules import words
from services.alerts.rules.limits import Limit
from services.alerts.rules.words import Verdict

_CHANGES = uuid5(NAMESPACE_URL, "minmai.alert.v1")
_TICK = timedelta(milliseconds=1)  # the log's resolution


@dataclass(frozen=True)
class Standing:
    """Where one rule stands in one place. What the log has of it says all of this.

    `held` is what no_data or error froze; `began_at` when pending or recovering began, later by the time it
    was frozen; `changed_at` and `alert_id` are None while the log has nothing of it.
    """

    condition: Condition = "ok"
    held: HeldCondition | None = None
    began_at: datetime | None = None
    alert_id: UUID | None = None
    changed_at: datetime | None = None

    @property
    def stands(self) -> HeldCondition:
        """The condition, or what is held."""
        if self.condition == "no_data" or self.condition == "error":  # noqa: PLR1714 - mypy narrows only so
            return self.held or "ok"
        return self.condition

    @property
    def active(self) -> bool:
        """Whether an alert is on."""
        return self.stands in ("firing", "recovering")


@dataclass(frozen=True)
class Outcome:
    """The standing that follows, why, and whether that is a change, for the log."""

    standing: Standing
    reason: Text
    changed: bool = False
    correction: bool = False


def weigh(rule: RuleBase, standing: Standing, reading: Reading) -> Outcome:
    """Return what follows from a reading, at its time."""
    if reading.status != "value":
        why = reading.why or Text(zh="无数据", en="no data")
        return freeze(standing, reading.status, reading.at, why)
    before, at = standing, reading.at
    stood = standing.stands
    thawed = _thawed(standing, at)
    side = verdict(reading)
    stands, when = _next(rule, thawed, side, at)
    wait = rule.keep_firing if standing.active else rule.for_
    reason = words.reason(reading, side, stood, stands, written(wait))
    told = stood in ("firing", "recovering", "resolved")
    correction = reading.correction and told and (stands != stood or standing.active)
    if correction:
        reason = words.revised(reason, reading.revision)
    changed = stands != before.condition and (before.changed_at is not None or stands != "ok")
    after = replace(thawed, condition=stands, held=None)
    if stands != stood:
        after = replace(after, began_at=when if stands in ("pending", "recovering") else None)
        if stood in ("ok", "resolved"):
            after = replace(after, alert_id=_episode(reading, standing))
    if not (changed or correction):
        return Outcome(after, reason)
    after = replace(after, changed_at=later(before, when))
    return Outcome(after, reason, changed=True, correction=correction)


def freeze(standing: Standing, into: Literal["no_data", "error"], at: datetime, why: Text) -> Outcome:
    """Return the standing without data, or in error: what it was is held, and its time stands still.

    It is a change for the log where the log has something to hold.
    """
    held = standing.stands
    reason = words.frozen(why, held)
    if standing.condition == into:
        return Outcome(standing, reason)
    after = replace(_thawed(standing, at), condition=into, held=held)
    if standing.changed_at is None:
        return Outcome(after, reason)
    return Outcome(replace(after, changed_at=later(standing, at)), reason, changed=True)


def verdict(reading: Reading) -> Verdict:
    """Return on which side of its threshold and clear level a reading with a value is."""
    if reading.fires is not None:
        return "broken" if reading.fires else "clear"
    limit = Limit(reading.direction, reading.threshold, reading.clear_level)
    value = reading.value if reading.value is not None else Fraction(0)
    if limit.broken_by(value):
        return "broken"
    return "clear" if limit.cleared_by(value) else "between"


def _next(rule: RuleBase, standing: Standing, side: Verdict, at: datetime) -> tuple[HeldCondition, datetime]:
    """Return the condition that follows, and when it began if it is another."""
    stands, began = standing.stands, standing.began_at or at
    found: tuple[HeldCondition, datetime] = stands, at
    if standing.active and side != "clear":
        found = "firing", at
    elif stands == "firing":
        found = ("recovering" if rule.keep_firing else "resolved"), at
    elif stands == "recovering":
        over = began + rule.keep_firing
        found = ("resolved", over) if over <= at else ("recovering", at)
    elif stands == "pending" and side == "broken":
        over = began + rule.for_
        found = ("firing", over) if over <= at else ("pending", at)
    elif stands == "pending":
        found = "ok", at
    elif side == "broken":
        found = ("pending" if rule.for_ else "firing"), at
    return found


def _thawed(standing: Standing, at: datetime) -> Standing:
    """The time for which it was frozen does not count."""
    if standing.held is None or standing.began_at is None or standing.changed_at is None:
        return standing
    return replace(standing, began_at=standing.began_at + max(at - standing.changed_at, timedelta(0)))


def _episode(reading: Reading, standing: Standing) -> UUID:
    """Its id follows from what came before: deciding it again after a crash names it the same."""
    place = "/".join(part for part in reading.key if part)
    return uuid5(_CHANGES, f"{place}/{reading.version}/{standing.alert_id or ''}")


def later(before: Standing, at: datetime) -> datetime:
    """Return when the next change is: later than the one before, whatever the clock does.

    The newest row is the last one written.
    """
    return at if before.changed_at is None else max(at, before.changed_at + _TICK)
