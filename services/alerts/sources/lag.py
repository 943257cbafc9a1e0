"""How many records lie on each partition uncounted."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Text
from schemas.rules import LagRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.counted import Counted
from services.alerts.sources.measured import Measure, Moment, Subject, reading
from services.platform.plan import Plan

_RECORDS = Text(zh="条", en="records")


class Lag:
    """Kafka says how far the topics reach, ClickHouse how far they are counted: no worker need be alive."""

    interval = timedelta(seconds=15)

    def __init__(self, plan: Plan, rules: Sequence[LagRule], counted: Counted) -> None:
        self._plan = plan
        self._rules = rules
        self._counted = counted

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each partition."""
        self._counted.look(moment)
        for rule in self._rules:
            for (topic, partition), waiting in self._counted.behind.items():
                name = f"{topic}/{partition}"
                yield reading(
                    rule,
                    moment,
                    Subject(self._plan.county.county, name, Text(zh=name, en=name)),
                    Measure(topic, Text(zh="未计数的记录", en="records not counted"), _RECORDS),
                    value=Fraction(waiting),
                    why=Text(zh=f"{name} 有 {waiting} 条未计数", en=f"{waiting} records of {name} wait"),
                    parts=(Decimal(waiting), None),
                )
