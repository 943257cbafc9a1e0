"""Sources: what alert rules look at, but for the figures of indicators, which come by themselves.

Each kind of rule has one small module that asks ClickHouse (and of the pipeline itself Kafka) and makes
readings of the answer. A source keeps nothing that it could not read again, so a restart forgets nothing.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

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
    """What the sources found: readings, and the rules that could not be measured, each with why."""

    readings: list[Reading]
    failed: dict[str, Text]


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
        self._sources = sources_of(plan, rules, clickhouse, kafka)
        self._asked: dict[Source, Moment] = {}
        self._troubles: dict[Source, str] = {}

    def measure(self, now: datetime, standing: Collection[Key]) -> Measured:
        """Ask the sources whose time has come; `now` is the county's clock; blocks.

        What is comfortably good, and does not stand otherwise, is left out. A source that cannot be asked now
        is asked again after its interval.
        """
        moment = Moment(now, self._wall(), self._plan.zone)
        found = Measured([], {})
        for source, rules in self._sources:
            if self._due(source, moment):
                self._asked[source] = moment
                try:
                    with migrated():
                        found.readings.extend(source.readings(moment, standing))
                except Unavailable as error:
                    found.failed.update(dict.fromkeys(rules, self._trouble(source, error)))
                else:
                    self._troubles.pop(source, None)
        kept = {one.key for one in found.readings if not _at_rest(one)} | set(standing)
        return Measured([one for one in found.readings if one.key in kept], found.failed)

    def _due(self, source: Source, moment: Moment) -> bool:
        last = self._asked.get(source)
        if last is None:
            return True
        waited = moment.wall - last.wall
        passed = max(waited, moment.now - last.now)
        return waited >= min(_BREATH, source.interval) and passed >= source.interval

    def _trouble(self, source: Source, error: Unavailable) -> Text:
        if str(error) != self._troubles.get(source):
            log.warning("%s cannot measure now: %s", type(source).__name__, error)
        self._troubles[source] = str(error)
        return Text(zh=f"现在无法测量（{error}）", en=f"cannot be measured now: {error}")


def sources_of(
    plan: Plan, rules: Sequence[RuleBase], clickhouse: ClickHouse, kafka: str
) -> list[tuple[Source, list[str]]]:
    """Return the sources that these rules need, each with the ids of its rules."""
    counted = Counted(clickhouse, kafka)
    made: list[tuple[Source, list[str]]] = []

    def of(wanted: type[R]) -> list[R]:
        return [rule for rule in rules if isinstance(rule, wanted)]

    def add(make: Callable[[list[R]], Source], found: list[R]) -> None:
        if found:
            made.append((make(found), [rule.id for rule in found]))

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
        return True
    return Limit(reading.direction, reading.threshold, reading.clear_level).cleared_by(reading.value)
