"""Panels asked of the tables: what the board draws, and what it gives to download."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from time import perf_counter
from typing import Any

import orjson
from clickhouse_driver.errors import ErrorCodes, ServerException

from services.board.body import Body
from services.board.metrics import Metrics
from services.board.panels.every import dashboards
from services.board.panels.model import Asked, Dashboard, Panel, Times, filled
from services.board.panels.time_range import FIRST, TimeRange, read_range
from services.board.shared import Shared
from services.platform.clickhouse import ClickHouse
from services.platform.clock import Clock, WallClock
from services.platform.errors import Unavailable
from services.platform.plan import Plan
from services.platform.problems import invalid

ROWS = 50_000
"""A panel that has more is asked for less time, or not at all."""
AT_ONCE = 4
"""Statements of panels that run at the same time: the rest of the board wants ClickHouse too."""

LIMITS: Mapping[str, Any] = {
    "readonly": 2,
    "max_execution_time": 15,
    "max_result_rows": ROWS,
    "result_overflow_mode": "throw",
    "max_rows_to_read": 200_000_000,
    "max_memory_usage": 1_000_000_000,
}
"""A statement only reads, as Grafana's do: deploy/clickhouse/users/minmai.xml."""

_TOO_MUCH = frozenset(
    {ErrorCodes.TOO_MANY_ROWS, ErrorCodes.TOO_MANY_ROWS_OR_BYTES, ErrorCodes.TOO_MANY_BYTES}
)
_TOO_LONG = frozenset({ErrorCodes.TIMEOUT_EXCEEDED, ErrorCodes.MEMORY_LIMIT_EXCEEDED})


@dataclass(frozen=True)
class Question:
    """What is asked of a panel: a time range as it was written, and what was chosen."""

    dashboard: str
    panel: str
    begin: str
    end: str
    division: str = ""
    indicator: str = ""


@dataclass(frozen=True)
class Answer:
    """What a panel's statement gave; `at` is what the clock of its dashboard told when it was asked, None
    before it has told anything."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    range: TimeRange
    at: datetime | None
    body: Body


class Panels:
    """The dashboards of a plan, and what their panels' statements give."""

    def __init__(
        self, clickhouse: ClickHouse, plan: Plan, clock: Clock, metrics: Metrics, *, share_seconds: float
    ) -> None:
        """`share_seconds`: see Shared."""
        self.dashboards: Mapping[str, Dashboard] = {one.id: one for one in dashboards(plan)}
        self._panels = {(one.id, panel.id): panel for one in self.dashboards.values() for panel in one.panels}
        self._clickhouse = clickhouse
        self._plan = plan
        self._clocks: Mapping[Times, Clock] = {"event": clock, "receipt": WallClock()}
        self._metrics = metrics
        self._shared = Shared(seconds=share_seconds, threads=AT_ONCE)

    def panel(self, dashboard: str, id: str) -> Panel | None:
        """Return a panel by its names."""
        return self._panels.get((dashboard, id))

    async def answer(self, question: Question) -> Answer:
        """Return what a panel that is there shows, asked anew if nobody has just done so.

        Raises Unavailable if ClickHouse does not answer or not in time, and 422 for a time range that cannot
        be read or has too much in it.
        """
        found, shared = await self._shared.get(question, partial(self._ask, question))
        self._metrics.panel_answers.labels("shared" if shared else "statement").inc()
        return found

    def outdate(self) -> None:
        """Figures have changed: whoever asks from now on is not given what was before."""
        self._shared.outdate()

    def close(self) -> None:
        """Ask nothing more."""
        self._shared.close()

    def _ask(self, question: Question) -> Answer:
        panel = self._panels[question.dashboard, question.panel]
        times = self.dashboards[question.dashboard].times
        now = self._clocks[times].now()
        range_ = self._range(question, times)
        own = self._range(question, panel.times or times)
        asked = Asked(own.begin, own.end, own.step, question.division, question.indicator)
        columns, rows = self._timed(question.dashboard, lambda: self._read(filled(panel.sql, asked)))
        return _answer(columns, [[_plain(value) for value in row] for row in rows], range_, now)

    def _range(self, question: Question, times: Times) -> TimeRange:
        now = self._clocks[times].now() or FIRST
        try:
            return read_range(question.begin, question.end, now, self._plan.zone)
        except ValueError as error:
            raise invalid("from, to", *_both(error)) from None

    def _read(self, sql: str) -> tuple[list[str], Sequence[Sequence[Any]]]:
        try:
            return self._clickhouse.table(sql, settings=LIMITS)
        except ServerException as error:
            if error.code in _TOO_MUCH:
                raise invalid(
                    "from, to", f"超过 {ROWS} 行，请缩短时段", f"more than {ROWS} rows: choose a shorter time"
                ) from error
            raise
        except Unavailable as error:
            if error.code in _TOO_LONG:
                raise Unavailable(
                    f"这个图表查询太久，请缩短时段或稍后再试 · a panel's statement took too long or too much "
                    f"memory (code {error.code}): choose a shorter time, or try again"
                ) from error
            raise

    def _timed(
        self, dashboard: str, read: Callable[[], tuple[list[str], Sequence[Sequence[Any]]]]
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        began, outcome = perf_counter(), "failed"
        try:
            found = read()
            outcome = "answered"
            return found
        finally:
            self._metrics.panel_seconds.labels(dashboard, outcome).observe(perf_counter() - began)


def _plain(value: Any) -> Any:
    """Return a value of ClickHouse's as JSON knows it, times in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return float(value) if isinstance(value, Decimal) else value


def _answer(columns: list[str], rows: list[list[Any]], range_: TimeRange, at: datetime | None) -> Answer:
    told = {
        "columns": columns,
        "rows": rows,
        "from": range_.begin,
        "to": range_.end,
        "step": range_.step,
    }
    # When it was asked makes it no other answer.
    body = Body(_json({**told, "at": at}), tagged=_json(told))
    _made = body.packed  # here, in this thread, for all who will take it
    return Answer(columns, rows, range_, at, body)


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def _both(error: ValueError) -> tuple[str, str]:
    zh, _, en = str(error).partition(" · ")
    return zh, en
