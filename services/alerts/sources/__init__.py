"""Sources: what alert rules look at, but for the figures of indicators, which come by themselves.

Each kind of rule has one small module that asks ClickHouse (and of the pipeline itself Kafka) and makes
readings of the answer. A source keeps nothing that it could not read again, so a restart forgets nothing.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from schemas import rules as kinds
from schemas.declaration import Text
from schemas.rules import IndicatorRule, RuleBase
from services.alerts.log import migrated
from services.alerts.reading import Key, Reading
from services.alerts.rules.limits import Limit
from services.alerts.sources.childcare import Childcare, ChildcareRule
from services.alerts.sources.counted import Counted
from services.alerts.sources.feed_silence import FeedSilence
from services.alerts.sources.feed_stops import FeedStops
from services.alerts.sources.freshness import Freshness
from services.alerts.sources.lag import Lag
from services.alerts.sources.lost_notices import LostNotices
from services.alerts.sources.measured import Moment
from services.alerts.sources.opened import opened
from services.alerts.sources.refusals import Refusals
from services.alerts.sources.voucher_budget import VoucherBudgets
from services.alerts.sources.voucher_peaks import VoucherPeaks
from services.alerts.sources.voucher_refunds import VoucherRefunds
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.plan import Plan

log = logging.getLogger(__name__)

R = TypeVar("R", bound=RuleBase)

_BREATH = timedelta(seconds=4)
"""A source is not asked more often than this because the county's clock runs fast."""


class Source(Protocol):
    """Measures for the rules of one kind."""

    @property
    def interval(self) -> timedelta:
        """How often it is asked, by whichever clock runs faster."""

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterable[Reading]:
        """Measure, and yield a reading for each division and subject; blocks.

        `standing` are the keys of alerts that are not at rest: each gets a reading for as long as anything
        can be said of it. Raises Unavailable.
        """


@dataclass(frozen=True)
class Measured:
    """What the sources found: readings, the rules that were measured, and those that could not be, each with
    why.
    """

    readings: list[Reading]
    rules: frozenset[str]
    failed: dict[str, Text]


@dataclass(frozen=True)
class Asked:
    """A source, and the rules it measures for."""

    make: Callable[[list[Any]], Source]
    rules: list[Any]
    source: Source

    @classmethod
    def of(cls, make: Callable[[list[Any]], Source], rules: list[Any]) -> "Asked":
        return cls(make, rules, make(rules))

    @property
    def ids(self) -> list[str]:
        """Those of the rules."""
        return [rule.id for rule in self.rules]

    def parted(self) -> "list[Asked]":
        """A source for each rule."""
        return [Asked.of(self.make, [rule]) for rule in self.rules]


class Sources:
    """All sources of a plan's rules."""

    def __init__(
        self,
        plan: Plan,
        clickhouse: ClickHouse,
        kafka: str,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = plan
        self._wall = wall
        rules = [rule for rule in plan.rules.values() if rule.enabled]
        self.rules = frozenset(rule.id for rule in rules if not isinstance(rule, IndicatorRule))
        """The ids of the rules that are measured here."""
        self._asked = sources_of(plan, rules, clickhouse, kafka)
        self._last: dict[Source, Moment] = {}
        self._troubles: dict[Source, str] = {}

    def measure(self, now: datetime, standing: Collection[Key]) -> Measured:
        """Ask the sources whose time has come; `now` is the county's clock; blocks.

        What is comfortably good, and does not stand otherwise, is left out. A source that cannot be asked now
        is asked again after its interval. One that fails by what nobody foresaw is parted first, so that of
        several rules only the one that fails does.
        """
        moment = Moment(now, self._wall(), self._plan.zone)
        readings: list[Reading] = []
        well: set[str] = set()
        failed: dict[str, Text] = {}
        for one in list(self._asked):
            if not self._due(one.source, moment):
                continue
            self._last[one.source] = moment
            try:
                readings += self._of(one.source, moment, standing)
                self._troubles.pop(one.source, None)
                well.update(one.ids)
            except Unavailable as error:
                failed.update(dict.fromkeys(one.ids, self._trouble(one, error)))
            except Exception as error:
                if len(one.rules) > 1:
                    self._part(one)
                else:
                    failed.update(dict.fromkeys(one.ids, self._fault(one, error)))
        kept = {one.key for one in readings if not _at_rest(one)} | set(standing)
        told = [self._linked(one) for one in readings if one.key in kept]
        return Measured(told, frozenset(well), failed)

    def _of(self, source: Source, moment: Moment, standing: Collection[Key]) -> list[Reading]:
        with migrated():
            found = list(source.readings(moment, standing))
        if unknown := {one.division for one in found} - self._plan.divisions.keys():
            raise LookupError(f"divisions {sorted(unknown)} are none of the plan's")
        return found

    def _linked(self, reading: Reading) -> Reading:
        link = reading.link or opened(self._plan, self._plan.rules[reading.rule].kind)
        return replace(reading, link=link)

    def _due(self, source: Source, moment: Moment) -> bool:
        last = self._last.get(source)
        if last is None:
            return True
        waited = moment.wall - last.wall
        passed = max(waited, moment.now - last.now)
        return waited >= min(_BREATH, source.interval) and passed >= source.interval

    def _part(self, one: Asked) -> None:
        at = self._asked.index(one)
        self._asked[at : at + 1] = one.parted()
        self._last.pop(one.source)

    def _trouble(self, one: Asked, error: Unavailable) -> Text:
        if self._is_news(one, error):
            log.warning("%s cannot measure now: %s", type(one.source).__name__, error)
        return Text(zh=f"现在无法测量（{error}）", en=f"cannot be measured now: {error}")

    def _fault(self, one: Asked, error: Exception) -> Text:
        if self._is_news(one, error):
            log.exception("%s fails for %s", type(one.source).__name__, ", ".join(one.ids))
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Text(zh=f"测量出错（{said}），详见日志", en=f"measuring it failed ({said}): see the log")

    def _is_news(self, one: Asked, error: Exception) -> bool:
        before, self._troubles[one.source] = self._troubles.get(one.source), str(error)
        return before != str(error)


def sources_of(plan: Plan, rules: Sequence[RuleBase], clickhouse: ClickHouse, kafka: str) -> list[Asked]:
    """Return the sources that these rules need."""
    counted = Counted(clickhouse, kafka)
    made: list[Asked] = []

    def of(wanted: type[R]) -> list[R]:
        return [rule for rule in rules if isinstance(rule, wanted)]

    def add(make: Callable[[list[R]], Source], found: list[R]) -> None:
        if found:
            made.append(Asked.of(make, found))

    add(lambda stops: FeedStops(plan, stops, clickhouse), of(kinds.FeedStoppedRule))
    add(lambda silent: FeedSilence(plan, silent, clickhouse, counted), of(kinds.FeedSilentRule))
    add(lambda budgets: VoucherBudgets(plan, budgets, clickhouse), of(kinds.VoucherBudgetRule))
    add(lambda peaks: VoucherPeaks(plan, peaks, clickhouse), of(kinds.VoucherPeakRule))
    add(lambda refunds: VoucherRefunds(plan, refunds, clickhouse), of(kinds.VoucherRefundRule))
    full: list[ChildcareRule] = [*of(kinds.ChildcareFullRule), *of(kinds.ChildcareEmptyRule)]
    add(lambda childcare: Childcare(plan, childcare, clickhouse), full)
    add(lambda refused: Refusals(plan, refused, clickhouse), of(kinds.RefusedShareRule))
    add(lambda lags: Lag(plan, lags, counted), of(kinds.LagRule))
    add(lambda late: Freshness(plan, late, clickhouse, counted), of(kinds.FreshnessRule))
    add(lambda lost: LostNotices(plan, lost, clickhouse), of(kinds.NoticesLostRule))
    return made


def _at_rest(reading: Reading) -> bool:
    if reading.fires is not None:
        return not reading.fires
    if reading.value is None:
        return not reading.subject  # of which facility, feed or campaign nothing is known is shown
    return Limit(reading.direction, reading.threshold, reading.clear_level).cleared_by(reading.value)
