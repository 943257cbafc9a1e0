"""How long a record takes from its topic to the figures."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Text
from schemas.rules import FreshnessRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.counted import Counted
from services.alerts.sources.measured import Measure, Moment, Subject, reading
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

WINDOW = timedelta(minutes=10)
"""Of which blocks the slowest is looked for; what is not shown for longer is among them all the same."""
_TOLD = timedelta(hours=1)
_SECONDS = Text(zh="秒", en="seconds")


class Freshness:
    """Reads what workers have told (`touch`) and what the keeper of the figures has shown (`block_shown`)."""

    interval = timedelta(seconds=15)

    def __init__(
        self, plan: Plan, rules: Sequence[FreshnessRule], clickhouse: ClickHouse, counted: Counted
    ) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse
        self._counted = counted

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield one reading a rule: the slowest block of late, one that is not shown yet included.

        With none it is nought as long as nothing waits on the topics; else nobody counts: there is no data.
        """
        self._counted.look(moment)
        milliseconds = self._slowest()
        if milliseconds is None and not any(self._counted.behind.values()):
            milliseconds = 0
        for rule in self._rules:
            value = None if milliseconds is None else Fraction(milliseconds, 1000)
            yield reading(
                rule,
                moment,
                Subject(self._plan.county.county),
                Measure("block_shown", Text(zh="上屏用时", en="time to the figures"), _SECONDS, 1),
                value=value,
                why=Text(zh="有记录未计数，无从得知", en="records wait, and nobody counts them")
                if value is None
                else Text(
                    zh=f"最近 10 分钟最慢的一批用时 {float(value):.1f} 秒",
                    en=f"the slowest block of the last 10 minutes took {float(value):.1f} s",
                ),
                parts=(None if value is None else Decimal(milliseconds or 0) / 1000, None),
            )

    def _slowest(self) -> int | None:
        """In milliseconds; None if no block was shown of late, and none waits to be."""
        recent = f"now64(3, 'UTC') - INTERVAL {int(_TOLD.total_seconds())} SECOND"
        [(blocks, slowest)] = self._clickhouse.query(
            f"""
            SELECT count(), max(dateDiff('millisecond', written, ifNull(shown, now64(6, 'UTC'))))
            FROM (
                SELECT topic_id, partition, first_offset, min(written_at) AS written FROM touch
                WHERE told_at >= {recent} AND isNotNull(written_at)
                GROUP BY topic_id, partition, first_offset
            ) AS told
            LEFT JOIN (
                SELECT topic_id, partition, first_offset, toNullable(min(shown_at)) AS shown FROM block_shown
                WHERE (topic_id, partition, first_offset) IN
                    (SELECT topic_id, partition, first_offset FROM touch WHERE told_at >= {recent})
                GROUP BY topic_id, partition, first_offset
            ) AS shown USING (topic_id, partition, first_offset)
            WHERE isNull(shown) OR shown >= now() - INTERVAL {int(WINDOW.total_seconds())} SECOND"""
        )
        return int(slowest) if blocks else None
