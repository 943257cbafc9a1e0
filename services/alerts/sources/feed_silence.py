"""Agencies that have sent nothing for longer than they promised, by the working calendar of China.

When a record last came in stands in `feed_live`, by the county's clock, so a restart forgets nothing. And
nothing is said about a time of which not everything is counted (`counted.py`): a feed is not silent because
the records it sent still wait. By working days silence is only said on a working day, on which somebody can
do something about it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Text
from schemas.feed import FeedPromise
from schemas.rules import FeedSilentRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.counted import Counted
from services.alerts.sources.measured import Moment
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from services.platform.working_days import announced

_UNITS = {
    "working_days": Text(zh="个工作日", en="working days"),
    "days": Text(zh="天", en="days"),
    "hours": Text(zh="小时", en="hours"),
}
_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


def silence(plan: Plan, promise: FeedPromise, last: datetime | None, until: datetime) -> Fraction | None:
    """Return how long a feed has been silent at a moment, in the unit of its promise.

    In days it is how many have begun since the day of the last record. It is broken when this is more than
    was promised. Before the first record the promise runs from the day on which the county begins; None: it
    has not begun, so nobody is silent yet.
    """
    begin = _begin(plan, promise)
    if last is None:
        first = plan.county.since
        if first is None or until < _midnight(plan, first):
            return None
        begin = max(begin, _midnight(plan, first))
    since = begin if last is None else max(last, begin)
    if promise.every.hours is not None:
        return Fraction(max(0, (until - since) // _MICROSECOND), _HOUR // _MICROSECOND)
    today = until.astimezone(plan.zone).date()
    heard = since.astimezone(plan.zone).date()
    if last is None or last < begin:
        heard -= timedelta(days=1)
    if promise.every.days is not None:
        return Fraction(max(0, (today - heard).days))
    return Fraction(plan.working_days.among(heard, today))


class FeedSilence:
    """The promises of a plan, held against what came in."""

    interval = timedelta(minutes=1)

    def __init__(
        self, plan: Plan, rules: Sequence[FeedSilentRule], clickhouse: ClickHouse, counted: Counted
    ) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse
        self._counted = counted

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each promise that holds; none until everything of some moment is counted."""
        self._counted.look(moment)
        until = self._counted.through
        if until is None:
            return
        heard = self._heard()
        for rule in self._rules:
            for feed, promise in self._plan.feeds.items():
                if until >= _begin(self._plan, promise):
                    yield self._reading(rule, moment, promise, heard.get(feed), until)

    def _heard(self) -> Mapping[str, datetime]:
        """When the last record of each feed came in."""
        rows = self._clickhouse.query(
            "SELECT concat(source, '/', stream), max(received_at) FROM feed_live GROUP BY source, stream"
        )
        return dict(rows)

    def _reading(
        self,
        rule: FeedSilentRule,
        moment: Moment,
        promise: FeedPromise,
        last: datetime | None,
        until: datetime,
    ) -> Reading:
        [(unit, most)] = promise.every.model_dump(exclude_none=True).items()
        value = silence(self._plan, promise, last, until)
        return Reading(
            rule=rule.id,
            division=self._plan.county.county,
            subject=promise.id,
            subject_name=promise.name,
            value=value,
            status="no_data" if value is None else "value",
            direction="at_most",
            threshold=Decimal(most),
            clear_level=Decimal(most),
            numerator=None,
            denominator=None,
            unit=_UNITS[unit],
            decimals=0,
            as_of=until.astimezone(self._plan.zone).date(),
            version=moment.version,
            at=moment.now,
            why=self._why(promise, last, until, unit),
            measured=promise.id,
            measured_name=promise.name,
            owner=promise.agency,
        )

    def _why(self, promise: FeedPromise, last: datetime | None, until: datetime, unit: str) -> Text:
        zone = self._plan.zone
        if last is None:
            zh, en = "尚未上报过", "nothing has come yet"
        else:
            heard = last.astimezone(zone)
            zh, en = f"最近一次上报于 {heard:%Y-%m-%d %H:%M}", f"last heard of at {heard:%Y-%m-%d %H:%M}"
        year = until.astimezone(zone).year
        if unit == "working_days" and not announced(year):
            zh += f"（{year} 年放假安排未知，按周一至周五计）"
            en += f" (the holidays of {year} are not known: Mondays to Fridays are counted)"
        return Text(zh=zh, en=en)


def _begin(plan: Plan, promise: FeedPromise) -> datetime:
    return _midnight(plan, promise.since)


def _midnight(plan: Plan, day: date) -> datetime:
    return datetime.combine(day, time(), plan.zone)
