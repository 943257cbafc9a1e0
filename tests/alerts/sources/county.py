"""A county that tests fill with records, counted by the aggregator's own path, and that sources look at."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from schemas.rules import RULE, Rule
from services.aggregate.blocks import Place
from services.alerts.reading import Key, Reading
from services.alerts.sources import Source
from services.alerts.sources.measured import Moment
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan, load_plan
from tests.aggregate.support import Worker, event, messages, place

PLAN = load_plan(Path(__file__).parents[3] / "plans" / "yanshan")
COUNTY = "532622"
TOWNSHIPS = ("532622101", "532622102", "532622103")
WALL = datetime(2026, 3, 1, tzinfo=UTC)


def rule(kind: str, **fields: Any) -> Any:
    """A rule of a kind, as the plan would have it."""
    return RULE.validate_python(
        {"id": kind, "kind": kind, "name": {"zh": "规则", "en": "rule"}, **fields},
    )


def planned(*rules: Rule, plan: Plan = PLAN) -> Plan:
    """The plan with these rules alone."""
    return replace(plan, rules={one.id: one for one in rules})


def withdrawal(stream: str, record: dict[str, Any], time: datetime) -> dict[str, Any]:
    """The withdrawal of a record."""
    data = {"stream": stream, "record": record["id"], "reason": "wrong"}
    return event("retraction", record["source"], f"not-{record['id']}", time, data)


@dataclass
class County:
    """What has been counted, by stream."""

    pool: ClickHouse
    worker: Worker = field(init=False)
    _places: dict[str, Place] = field(default_factory=dict)
    _offsets: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.worker = Worker(self.pool)

    async def count(self, stream: str, events: Sequence[dict[str, Any]]) -> None:
        """Count records as one block."""
        if not events:
            return
        where = self._places.setdefault(stream, place(stream))
        first = self._offsets.get(stream, 0)
        self._offsets[stream] = first + len(events)
        await self.worker.count(where, messages(events, first))


def read(
    source: Source, now: datetime, standing: Collection[Key] = (), wall: datetime = WALL
) -> list[Reading]:
    """What a source says at a moment."""
    return list(source.readings(Moment(now, wall, PLAN.zone), standing))


def values(readings: Iterable[Reading]) -> dict[Key, Fraction | None]:
    """The values of readings, by key; no key may be there twice."""
    found = {one.key: one.value for one in readings}
    assert len(found) == len(list(readings))
    return found


def money(number: int) -> Decimal:
    """So many fen, in yuan."""
    return Decimal(number) / 100
