"""How far figures can be relied on: what of their records is refused, and which of their feeds are silent."""

from collections.abc import Collection, Mapping

from schemas.declaration import Indicator
from schemas.feed import FeedPromise
from schemas.fields import Contract
from schemas.parts import RecordsPart, streams_of
from services.board.tables.others import Others
from services.board.tables.records import asks_for_places
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_SILENT = "feed_silent"
_ON = ("firing", "recovering")
_SETTLED = "SELECT letter FROM dead_letter_replayed WHERE outcome IN ('counted', 'duplicate')"


class Quality(Contract):
    """Of the records an indicator is made of and the feeds that bring them.

    `refused`: of all that came of its streams since the beginning how many percent were refused and have not
    been mended; None before the first. `feeds`: promises of agencies that it rests on; `silent`: how many of
    them are broken now, None where no alerts are kept that would say so.
    """

    refused: float | None
    feeds: int
    silent: int | None


class Qualities:
    """Reads; blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, others: Others, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._others = others
        self._plan = plan

    def of(self, indicators: Collection[Indicator]) -> Mapping[str, Quality]:
        """Return how each of some indicators stands, by id."""
        came, silent = self._came(), self._silent()

        def quality(one: Indicator) -> Quality:
            counts = [came[stream] for stream in streams(one) if stream in came]
            kept, refused = (sum(numbers) for numbers in zip(*counts, strict=True)) if counts else (0, 0)
            feeds = {feed for feed, promise in self._plan.feeds.items() if _rests_on(one, promise)}
            return Quality(
                refused=round(100 * refused / (kept + refused), 1) if kept + refused else None,
                feeds=len(feeds),
                silent=None if silent is None else len(feeds & silent),
            )

        return {one.id: quality(one) for one in indicators}

    def _came(self) -> Mapping[str, tuple[int, int]]:
        """How many records of each stream were counted, and how many refused and not mended."""
        rows = self._clickhouse.query(
            "SELECT stream, sum(kept), sum(refused) FROM (SELECT toString(stream) AS stream,"
            " toUInt64(records) AS kept, toUInt64(0) AS refused FROM feed_live"
            " UNION ALL SELECT toString(stream), toUInt64(0), toUInt64(1) FROM dead_letter FINAL"
            f" WHERE id NOT IN ({_SETTLED})) GROUP BY stream"
        )
        return {stream: (kept, refused) for stream, kept, refused in rows}

    def _silent(self) -> frozenset[str] | None:
        """The feeds, as `agency/stream`, whose promise is broken; None if nothing would say so."""
        rules = {id for id, rule in self._plan.rules.items() if rule.kind == _SILENT}
        alerts = self._others.alerts()
        if not rules or alerts is None:
            return None
        return frozenset(
            one.subject for one in alerts if one.rule in rules and (one.held or one.condition) in _ON
        )


def streams(indicator: Indicator) -> list[str]:
    """Return the streams whose records a figure is made of, in one order."""
    parts = (*indicator.numerator, *indicator.denominator)
    asks = any(isinstance(part, RecordsPart) and asks_for_places(part) for part in parts)
    found = frozenset().union(*map(streams_of, parts))
    return sorted(found if asks else found - {"childcare-place"})


def _rests_on(indicator: Indicator, promise: FeedPromise) -> bool:
    """Whether a figure rests on a promise: it is named there or, where none is, reads the stream."""
    return indicator.id in promise.indicators if promise.indicators else promise.stream in streams(indicator)
