"""The keeper: one worker that keeps the figures, from what every worker's blocks touched.

It holds the tally in memory, as a cache: a keeper begins by reading everything that stands in the log tables,
and from then on looks only where a touch says. Which worker keeps is decided by Kafka (whoever owns the
partition of the dead letters); a keeper that was superseded and does not know it yet writes nothing, because
each of its inserts asks ClickHouse whether its term is still the newest.

A rebuild is a new keeper: it prepares beside the one that keeps, and writes only once it has taken over.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from schemas.declaration import Indicator
from schemas.indicator import Figure
from services.aggregate import definitions, metrics
from services.aggregate.comparison import READING, History, Key, Rows, first_difference, keys_of, live_figures
from services.aggregate.tasks import TaskReports
from services.aggregate.touches import VOUCHERS, BlockName, Days, Told, Touched, Touches
from services.figures.prospect import prospect
from services.figures.source import Source
from services.figures.tally import ENTITY_STREAMS, Tally
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_TERM = 40
"""A version is the term and, in so many bits, the number of the refresh within it."""
_AT_ONCE = 2
"""How many streams are looked at together: each waits for ClickHouse more than it computes."""
_NEWEST = "(SELECT argMax(worker, (term, begun_at, worker)) FROM keeper)"
"""The keeper that has taken over last."""


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
        self._keys = keys_of(plan)
        self._history = History(clickhouse, plan)
        self._rebuilds: set[UUID] = set()
        self._unsaid_rebuilds: set[UUID] = set()
        self._unsaid_definitions: list[Indicator] = []
        self._unsaid_blocks: dict[BlockName, datetime] = {}
        self._live: dict[Key, Figure] = {}
        self._untaken: Touched = {}
        self._pending: dict[Key, date] = {}
        self._pending_tasks: set[str] = set()
        self._today: date | None = None
        self._term = 0
        self._number = 0

    def begin(self) -> list[Figure]:
        """Prepare and take over."""
        self.prepare()
        return self.take_over()

    def prepare(self) -> None:
        """Read everything that stands, while another may keep the figures; writes nothing. Repeatable."""
        self._rebuilds = set(self._asked())
        self._unsaid_rebuilds = set(self._rebuilds)
        self._touches.begin()
        self._source.fill(self._tally)
        self._tally.take_touched()
        self._history.newest = -1
        known = self._history.read()
        self._pending = self._differing({key: known.get(key, {}) for key in self._keys})
        self._pending_tasks = self._tasks.known()

    def take_over(self) -> list[Figure]:
        """Keep the figures from now on; nobody else writes any more. Returns those in the table, to be told.

        A keeper that died may have written some and told nobody.
        """
        self._term = self._take_over()
        # What the one before has written since it was read.
        for key, day in self._differing(self._history.read()).items():
            self._pend(key, day)
        self._unsaid_definitions = definitions.newly_held(self._clickhouse, self._plan.indicators)
        figures = live_figures(self._clickhouse, self._keys)
        self._live = {(one.indicator, one.division): one for one in figures}
        return figures

    def hear(self, told: Told) -> None:
        """Take in what a block of this worker touched; from any thread."""
        self._touches.hear(told)

    def superseded(self) -> bool:
        """Whether another keeper has taken over since: what this one writes is refused."""
        [(newest,)] = self._clickhouse.query(f"SELECT {_NEWEST}")
        return bool(newest != self._worker)

    def asked_anew(self) -> bool:
        """Whether a rebuild has been asked for since this keeper read everything."""
        return bool(self._asked() - self._rebuilds)

    def refresh(self, today: date, now: datetime | None = None, *, look: bool = True) -> list[Figure]:
        """Bring the tables up to what has been told, and return the live figures that changed.

        Every record of a block that was heard of, or with `look` told, before the call is in the tables when
        it returns; with `look` table `block_shown` says so.
        """
        self.take(look=look)
        return self.write(today, now, look=look)

    def take(self, *, look: bool) -> None:
        """Read what the records say where a block was heard of or, with `look`, told; writes nothing.

        Safe to repeat after any error.
        """
        for stream, days in self._touches.new(look=look).items():
            self._untaken.setdefault(stream, set()).update(days)
        self._take()

    def write(self, today: date, now: datetime | None = None, *, look: bool = True) -> list[Figure]:
        """Bring the tables up to what has been taken, and return the live figures that changed.

        With `look` table `block_shown` says of which blocks that was all. Safe to repeat after any error:
        what could not be written stays pending. `now` is the moment by the clock that records are received
        by (None: the wall clock).
        """
        for key, day in self._tally.take_touched().items():
            self._pend(key, day)
        new_day = today != self._today
        if new_day and self._today is not None:
            for key, day in self._tally.passing(self._today + timedelta(days=1), today).items():
                self._pend(key, day)
        self._number += 1
        version = (self._term << _TERM) + self._number
        changed = self._changed(self._keys if new_day else self._pending, today, version)
        self._write("indicator_history", self._rows(today, version))
        self._write(
            "indicator_definition", definitions.columns(self._unsaid_definitions, now or datetime.now(UTC))
        )
        self._write("indicator_live", _columns(changed))  # with it a new definition is what is shown
        self._write("task_live", self._tasks.rows(self._pending_tasks, version))
        self._write("rebuild", self._rebuilt())
        self._show()
        if look:
            self._write("block_shown", self._shown())
            self._unsaid_blocks.clear()
        self._unsaid_definitions, self._unsaid_rebuilds = [], set()
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
        with ThreadPoolExecutor(_AT_ONCE) as questions:
            asked = {
                stream: questions.submit(self._standing, stream, days)
                for stream, days in self._untaken.items()
            }
        for stream, standing in asked.items():
            for one in standing.result():
                if stream == VOUCHERS:
                    self._tally.set_vouchers(*one)
                elif stream in ENTITY_STREAMS:
                    self._tally.set_state(stream, one.subject, one.day, one.state)
                else:
                    self._pending_tasks.add(one)
            del self._untaken[stream]

    def _standing(self, stream: str, days: Days) -> list[Any]:
        """Return what the log tables hold of these entities and days; of tasks their numbers alone."""
        if stream == VOUCHERS:
            return list(self._source.vouchers(days))
        if stream in ENTITY_STREAMS:
            return list(self._source.states(stream, days))
        return [subject for subject, _ in days]

    def _pend(self, key: Key, day: date) -> None:
        self._pending[key] = min(day, self._pending.get(key, day))

    def _differing(self, known: Mapping[Key, Rows]) -> dict[Key, date]:
        """Return those figures with a row that is not what the records come to, and the first such day."""
        differing: dict[Key, date] = {}
        for key, rows in known.items():
            day = first_difference(self._tally, key, rows)
            if day is not None:
                differing[key] = day
            # Also of one that agrees: what an earlier day is told of later must reach these rows too.
            self._tally.revisit(*key, rows)
        return differing

    def _rows(self, today: date, version: int) -> dict[str, list[Any]]:
        """Return the rows of the history that pending figures change."""
        names = ("indicator", "division", "day", "definition", *READING, "version", "updated_at")
        now = datetime.now(UTC)
        of = {one.id: one.definition_id for one in self._plan.indicators.values()}
        rows = [
            (*key, day, of[key[0]], *(getattr(reading, name) for name in READING), version, now)
            for key, first in self._pending.items()
            for day in self._tally.days(*key, first, today)
            for reading in [self._tally.reading(*key, day)]
        ]
        return {name: [row[at] for row in rows] for at, name in enumerate(names)}

    def _show(self) -> None:
        """Note that the tables now hold all of the blocks heard of so far."""
        now = datetime.now(UTC)
        for block, written_at in self._touches.unshown.items():
            metrics.fresh(metrics.SHOWN_SECONDS, written_at)
            self._unsaid_blocks[block] = now
        self._touches.unshown.clear()

    def _shown(self) -> dict[str, list[Any]]:
        """Return the rows of the blocks that the tables hold all of, and of which nobody has been told."""
        names = ("topic_id", "partition", "first_offset")
        return {name: [block[at] for block in self._unsaid_blocks] for at, name in enumerate(names)} | {
            "shown_at": list(self._unsaid_blocks.values())
        }

    def _asked(self) -> set[UUID]:
        """Return the rebuilds that have been asked for and are not yet shown."""
        # One row, be it of none: the embedded server has to ask twice for the columns of no rows.
        [(asked,)] = self._clickhouse.query(
            "SELECT groupArray(id) FROM"
            " (SELECT id FROM rebuild GROUP BY id HAVING countIf(said = 'shown') = 0)"
        )
        return set(asked)

    def _rebuilt(self) -> dict[str, list[Any]]:
        """Return the rows of the rebuilds that the tables now show."""
        asked = list(self._unsaid_rebuilds)
        return {"id": asked, "said": ["shown"] * len(asked), "by": [self._worker] * len(asked)}

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
            definition=indicator.definition_id,
            version=version,
            updated_at=datetime.now(UTC),
            **fields,
        )

    def _write(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows, unless another keeper has taken over."""
        if not columns or not next(iter(columns.values())):
            return
        names = ", ".join(columns)
        types = self._clickhouse.types(table)
        self._clickhouse.query(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM rows WHERE %(worker)s = {_NEWEST}",
            {"worker": self._worker},
            given={"rows": {f"{name} {types[name]}": values for name, values in columns.items()}},
        )


def _said(figure: Figure) -> dict[str, Any]:
    """Return what makes a figure another one."""
    return figure.model_dump(exclude={"version", "updated_at"})


def _columns(figures: Sequence[Figure]) -> dict[str, list[Any]]:
    return {name: [getattr(one, name) for one in figures] for name in Figure.model_fields}
