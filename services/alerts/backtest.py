"""What a rule would have done over a stretch of days: the machine itself, fed with the figure of each day.

Figures are kept as they were at the end of a day, so that is when each is weighed. Durations run on between
two days, as they do in the service; what rose and fell within one day is not seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from schemas.declaration import Indicator
from schemas.fields import Contract
from schemas.indicator import Figure
from schemas.rules import IndicatorRule, StatusRule
from services.alerts.reading import Reading
from services.alerts.rules import machine
from services.alerts.rules.machine import Standing
from services.alerts.sources import indicator as source
from services.platform.errors import MinmaiError
from services.platform.plan import Division

_MOMENT = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


class BacktestError(MinmaiError):
    """The rule cannot be tried on the past, or not by what was wanted."""


class Episode(Contract):
    """One alert: from when it fired until it was resolved, None if it still fires at the end."""

    fired_at: datetime
    resolved_at: datetime | None
    value: float | None

    def length(self, end: datetime) -> timedelta:
        """How long it fired, up to the end of the stretch."""
        return (self.resolved_at or end) - self.fired_at


class Outcome(Contract):
    """What a rule would have done in one division."""

    division: str
    name: str
    fired: int
    """Alerts that began in the stretch."""
    firing_before: bool
    """Whether one from before was still on when the stretch began."""
    firing_after: bool
    days_firing: float
    longest_days: float
    mean_days: float
    """Of all alerts in the stretch, each as long as it was within it."""
    flapped: int
    """Alerts that fired again within the flapping time after the one before had been resolved."""
    days_without_data: int
    episodes: list[Episode]


@dataclass(frozen=True)
class Stretch:
    """The days looked at, first and last included, in the county's zone; and how soon again is flapping."""

    first: date
    last: date
    zone: ZoneInfo
    flapping: timedelta

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + _DAY, time(), self.zone)


def other(
    rule: IndicatorRule,
    threshold: Decimal | None,
    clear_margin: Decimal | None,
    for_: timedelta | None,
    keep_firing: timedelta | None,
) -> IndicatorRule:
    """Return the rule with other numbers; None leaves one as it is.

    Raises BacktestError for a threshold, or margin, where the rule has none.
    """
    if isinstance(rule, StatusRule) and (threshold is not None or clear_margin is not None):
        raise BacktestError(
            f"规则 {rule.id} 看状态，没有界限 · {rule.id} goes by the status, it has no threshold: "
            "try --for and --keep-firing"
        )
    given = {"threshold": threshold, "clear_margin": clear_margin, "for_": for_, "keep_firing": keep_firing}
    return rule.model_copy(update={name: value for name, value in given.items() if value is not None})


def backtest(
    rule: IndicatorRule,
    indicator: Indicator,
    division: Division,
    figures: Iterable[Figure],
    stretch: Stretch,
) -> Outcome:
    """Return what a rule would have done in a division.

    `figures`: that of each day, in order, also of days before the stretch: an alert may be older than it.
    """
    episodes: list[Episode] = []
    standing, last, blind = Standing(), None, 0
    for reading in _readings(rule, indicator, division, figures, stretch.zone):
        if last is not None:
            standing = _weighed(rule, standing, replace(last, at=reading.at - _MOMENT), episodes)
        standing = _weighed(rule, standing, reading, episodes)
        blind += reading.status != "value" and stretch.begin <= reading.at < stretch.end
        last = reading
    if last is not None:
        _weighed(rule, standing, replace(last, at=stretch.end - _MOMENT), episodes)
    return _told(division, _within(episodes, stretch), stretch, blind)


def _readings(
    rule: IndicatorRule, indicator: Indicator, division: Division, figures: Iterable[Figure], zone: ZoneInfo
) -> Iterator[Reading]:
    for figure in figures:
        at = datetime.combine(figure.as_of + _DAY, time(), zone) - _MOMENT
        yield source.reading(rule, indicator, division, figure, at)


def _weighed(rule: IndicatorRule, standing: Standing, reading: Reading, episodes: list[Episode]) -> Standing:
    """Return the standing that follows, and keep what began or ended by it."""
    after = machine.weigh(rule, standing, reading).standing
    at = after.changed_at or reading.at
    if after.active and not standing.active:
        episodes.append(Episode(fired_at=at, resolved_at=None, value=_shown(reading.value)))
    elif standing.active and not after.active:
        episodes[-1] = episodes[-1].model_copy(update={"resolved_at": at})
    return after


def _shown(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _within(episodes: Iterable[Episode], stretch: Stretch) -> list[Episode]:
    return [
        one
        for one in episodes
        if one.fired_at < stretch.end and (one.resolved_at is None or one.resolved_at > stretch.begin)
    ]


def _told(division: Division, episodes: Sequence[Episode], stretch: Stretch, blind: int) -> Outcome:
    lengths = [
        (min(one.resolved_at or stretch.end, stretch.end) - max(one.fired_at, stretch.begin)) / _DAY
        for one in episodes
    ]
    again = (
        later.fired_at - earlier.resolved_at < stretch.flapping
        for earlier, later in pairwise(episodes)
        if earlier.resolved_at is not None
    )
    return Outcome(
        division=division.code,
        name=division.name,
        fired=sum(one.fired_at >= stretch.begin for one in episodes),
        firing_before=bool(episodes) and episodes[0].fired_at < stretch.begin,
        firing_after=any(one.resolved_at is None or one.resolved_at >= stretch.end for one in episodes),
        days_firing=sum(lengths),
        longest_days=max(lengths, default=0.0),
        mean_days=sum(lengths) / len(lengths) if lengths else 0.0,
        flapped=sum(again),
        days_without_data=blind,
        episodes=list(episodes),
    )
