"""The keeper: one worker that keeps the figures, from what every worker's blocks touched.

It holds the tally in memory, as a cache: a keeper begins by reading everything that stands in the log tables,
and from then on looks only where a touch says. Which worker keeps is decided by Kafka (whoever owns the
partition of the dead letters); a keeper that was superseded and does not know it yet writes nothing, because
each of its inserts asks ClickHouse whether its term is still the newest.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from schemas.declaration import Indicator
from schemas.indicator import Figure
from services.aggregate import metrics
from services.aggregate.tasks import TaskReports
from services.aggregate.touches import VOUCHERS, Touched, Touches
from services.figures.prospect import prospect
from services.figures.source import Source
from services.figures.standing import Reading
from services.figures.tally import ENTITY_STREAMS, Tally
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_READING = ("numerator", "denominator", "value", "target", "status")
_FIRST_DAY = date(1971, 1, 1)
_TERM = 40
"""A version is the term and, in so many bits, the number of the refresh within it."""

Key = tuple[str, str]
"""(indicator, division)."""


class Keeper:
    """Keeps `indicator_history`, `indicator_live` and `task_live` true to the records; its methods block."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan, worker: str) -> None:
        self._clickhouse = clickhouse
        self._plan = plan
        self._worker = worker
        self._touches = Touches(clickhouse)
        indicators = list(plan.indicators.values())
        self._source = Source(clickhouse, plan, indicators)
        self._tally = Tally(plan, indicators)
        self._tasks = TaskReports(clickhouse)
        self._keys = [
            (one.id, division.code) for one in indicators for division in self._tally.divisions(one)
        ]
        self._types: dict[str, dict[str, str]] = {}
        self._live: dict[Key, Figure] = {}
        self._untaken: Touched = {}
        self._pending: dict[Key, date] = {}
        self._pending_tasks: set[str] = set()
        self._today: date | None = None
        self._term = 0
        self._number = 0

    def begin(self) -> list[Figure]:
        """Take over: read everything that stands. Returns the figures in the table, to be told again.

        A keeper that died may have written some and told nobody.
        """
        self._term = self._take_over()
        self._touches.begin()
        self._source.fill(self._tally)
        self._tally.take_touched()
        self._pending = self._differing()
        self._pending_tasks = self._tasks.known()
        rows = self._clickhouse.rows("SELECT * FROM indicator_live FINAL ORDER BY indicator, division")
        kept = set(self._keys)
        figures = [Figure.model_validate(row) for row in rows if (row["indicator"], row["division"]) in kept]
        self._live = {(one.indicator, one.division): one for one in figures}
        return figures

    def refresh(self, today: date) -> list[Figure]:
        """Bring the tables up to what has been told, and return the live figures that changed.

        Every record of a block that was told before the call is in the tables when it returns. Safe to repeat
        after any error: what could not be written stays pending.
        """
        for stream, days in self._touches.new().items():
            self._untaken.setdefault(stream, set()).update(days)
        self._take()
        for key, day in self._tally.take_touched().items():
            self._pend(key, day)
        new_day = today != self._today
        if new_day and self._today is not None:
            for key, day in self._tally.passing(self._today + timedelta(days=1), today).items():
                self._pend(key, day)
        self._number += 1
        version = (self._term << _TERM) + self._number
        changed = self._changed(self._keys if new_day else self._pending, today, version)
        self._write("indicator_history", self._history(today, version))
        self._write("indicator_live", _columns(changed))
        self._write("task_live", self._tasks.rows(self._pending_tasks, version))
        self._write("block_shown", self._shown())
        for written_at in self._touches.unshown.values():
            metrics.fresh(metrics.SHOWN_SECONDS, written_at)
        self._touches.unshown.clear()
        self._pending, self._pending_tasks, self._today = {}, set(), today
        self._live.update({(one.indicator, one.division): one for one in changed})
        return changed

    def _take_over(self) -> int:
        # Versions from before there were terms were numbers of records, so the first term is above them.
        [(newest, highest)] = self._clickhouse.query(
            "SELECT (SELECT max(term) FROM keeper), (SELECT max(version) FROM indicator_live)"
        )
        term = max(int(newest), int(highest) >> _TERM) + 1
        self._clickhouse.insert("keeper", {"term": [term], "worker": [self._worker]})
        return term

    def _take(self) -> None:
        """Look at what was touched; what cannot be read now stays to be looked at."""
        for stream, days in list(self._untaken.items()):
            if stream == VOUCHERS:
                for cell in self._source.vouchers(days):
                    self._tally.set_vouchers(*cell)
            elif stream in ENTITY_STREAMS:
                for one in self._source.states(stream, days):
                    self._tally.set_state(stream, one.subject, one.day, one.state)
            else:
                self._pending_tasks |= {subject for subject, _ in days}
            del self._untaken[stream]

    def _pend(self, key: Key, day: date) -> None:
        self._pending[key] = min(day, self._pending.get(key, day))

    def _differing(self) -> dict[Key, date]:
        """Return the figures with a row that is not what the records come to, and the first such day.

        Also a day that is none any more, because what was told of it has been withdrawn, must hold what is
        so on it.
        """
        there: dict[Key, dict[date, Reading]] = {}
        for indicator, division, day, *fields in self._clickhouse.query(
            f"SELECT indicator, division, day, {', '.join(_READING)} FROM indicator_history FINAL"
        ):
            there.setdefault((indicator, division), {})[day] = Reading(*fields)
        differing: dict[Key, date] = {}
        for key in self._keys:
            known = there.get(key, {})
            held = self._tally.reading(*key, date.min)  # what no row says
            for day in sorted({*known, *self._tally.days(*key, _FIRST_DAY, date.max)}):
                held, reading = known.get(day, held), self._tally.reading(*key, day)
                if reading != held:
                    differing[key] = day
                    self._tally.revisit(*key, known)
                    break
        return differing

    def _history(self, today: date, version: int) -> dict[str, list[Any]]:
        """Return the rows of the history that pending figures change."""
        names = ("indicator", "division", "day", *_READING, "version", "updated_at")
        now = datetime.now(UTC)
        rows = [
            (*key, day, *(getattr(reading, name) for name in _READING), version, now)
            for key, first in self._pending.items()
            for day in self._tally.days(*key, first, today)
            for reading in [self._tally.reading(*key, day)]
        ]
        return {name: [row[at] for row in rows] for at, name in enumerate(names)}

    def _shown(self) -> dict[str, list[Any]]:
        """Return the rows of the blocks that the tables now hold all of."""
        blocks = list(self._touches.unshown)
        names = ("topic_id", "partition", "first_offset")
        return {name: [block[at] for block in blocks] for at, name in enumerate(names)} | {
            "shown_at": [datetime.now(UTC)] * len(blocks)
        }

    def _changed(self, keys: Iterable[Key], today: date, version: int) -> list[Figure]:
        """Return the live figures that are not what the table holds."""
        changed = []
        for key in keys:
            figure = self._figure(self._plan.indicators[key[0]], key[1], today, version)
            before = self._live.get(key)
            if before is None or _said(before) != _said(figure):
                changed.append(figure)
        return changed

    def _figure(self, indicator: Indicator, division: str, today: date, version: int) -> Figure:
        reading_at = partial(self._tally.reading, indicator.id, division)
        reading = reading_at(today)
        level = self._plan.divisions[division].level
        target = None if level == "community" else indicator.target_at(level)
        fields = vars(reading) | vars(prospect(indicator, target, reading_at, today))
        return Figure(
            indicator=indicator.id,
            division=division,
            as_of=today,
            version=version,
            updated_at=datetime.now(UTC),
            **fields,
        )

    def _write(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows, unless another keeper has taken over."""
        if not columns or not next(iter(columns.values())):
            return
        names = ", ".join(columns)
        types = self._types.get(table) or self._types.setdefault(table, self._read_types(table))
        self._clickhouse.query(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM rows WHERE %(worker)s ="
            " (SELECT argMax(worker, (term, begun_at, worker)) FROM keeper)",
            {"worker": self._worker},
            given={"rows": {f"{name} {types[name]}": values for name, values in columns.items()}},
        )

    def _read_types(self, table: str) -> dict[str, str]:
        rows = self._clickhouse.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = %(table)s",
            {"table": table},
        )
        return dict(rows)


def _said(figure: Figure) -> dict[str, Any]:
    """Return what makes a figure another one."""
    return figure.model_dump(exclude={"version", "updated_at"})


def _columns(figures: Sequence[Figure]) -> dict[str, list[Any]]:
    return {name: [getattr(one, name) for one in figures] for name in Figure.model_fields}
