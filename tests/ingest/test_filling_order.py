"""Whatever is counted and pushed amid filling, in whatever order: nothing is overlooked."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import identity
from services.ingest import filling
from services.ingest.filling import Filling
from services.ingest.filter import Filter
from services.ingest.receipts import Name
from services.platform.clickhouse import Rows
from services.platform.errors import Unavailable

STREAMS = ("facility", "statistic")
Step = tuple[str, int, int]
"""What happens (`count`: by another process's push, `push`: here, `away`), and with which records."""


class Counting:
    """What filling asks of ClickHouse; before each answer, the next of the steps happens."""

    def __init__(self, steps: Sequence[Step], filter: Filter) -> None:
        self.filter = filter
        self.counted: set[Name] = set()
        self.pushed: set[Name] = set()
        self._steps = list(steps)
        self._told: list[tuple[Any, ...]] = []
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def is_over(self) -> bool:
        return not self._steps

    def query(self, sql: str, params: dict[str, Any], *, given: Any = None) -> Rows:
        if self._steps:
            self._happen(*self._steps.pop(0))
        if sql == filling._STANDING:
            after, stream = params["after"].int, params["stream"]
            found = sorted(one for of, one in self.counted if of == stream and one > after)
            page = found[: filling._PAGE]
            return [([one >> 64 for one in page], UUID(int=page[-1] if page else 0))]
        if sql == filling._NEW:
            taken = set(zip(*given["taken"].values(), strict=True))
            new = [row for row in self._told if row[3] >= params["since"] and row[:3] not in taken]
            return new[: filling._BLOCKS]
        return [(self._now, len(self.counted))]

    def _happen(self, what: str, first: int, number: int) -> None:
        self._now += timedelta(seconds=random.Random(first).choice([0, 1, 7]))
        names = {
            (STREAMS[one % 2], identity("agency", str(one // 2))) for one in range(first, first + number)
        }
        if what == "away":
            raise Unavailable("ClickHouse does not answer")
        if what == "push":
            known = names & self.pushed
            assert known <= set(self.filter.suspects(names))
            self.pushed |= names
            return
        for stream in STREAMS:
            new = [one for of, one in sorted(names - self.counted) if of == stream]
            if new:
                halves = [one >> 64 for one in new]
                block = (UUID(int=1), 0, len(self._told))
                self._told.append((*block, self._now, stream, halves))
        self.counted |= names


STEPS = st.tuples(st.sampled_from(["count", "count", "push", "away"]), st.integers(0, 60), st.integers(0, 20))


@given(stood=st.integers(0, 40), steps=st.lists(STEPS, max_size=25), room=st.integers(1, 100))
def test_nothing_is_overlooked(stood: int, steps: list[Step], room: int) -> None:
    async def run() -> None:
        filter = Filter(64_000, room=room)
        clickhouse = Counting([("count", 0, stood), *steps], filter)
        one = Filling(clickhouse, filter)  # type: ignore[arg-type]  # all of ClickHouse it uses
        while True:
            was_over = clickhouse.is_over
            before = clickhouse.counted.copy()
            try:
                await one.look()
            except Unavailable:
                continue
            wanted = before | clickhouse.pushed
            for stream, name in wanted:
                assert filter.suspects([(stream, name)])
            if was_over:
                return

    with patch.object(filling, "_PAGE", 3), patch.object(filling, "_BLOCKS", 2):
        asyncio.run(run())
