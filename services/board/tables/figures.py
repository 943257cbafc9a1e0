"""Figures: as they stand, at the end of any day, and as known at any moment."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from schemas.declaration import Indicator, Target
from schemas.fields import Contract
from schemas.indicator import Figure, Standing
from services.board.tables.knowledge import Knowledge
from services.figures.prospect import month_ends, prospect
from services.figures.source import load
from services.figures.standing import Reading
from services.figures.tally import Tally
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan

_LAST_DAY = date(2149, 6, 6)
"""The last day ClickHouse's Date knows."""
_READING = ("numerator", "denominator", "value", "target", "status")


class HistoryPoint(Contract):
    """A figure from a day on, until the next point."""

    day: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    target: Decimal | None
    status: Standing


@dataclass(frozen=True)
class _Past:
    """The readings of one figure at some days of interest, and where the newest of them comes from."""

    days: list[date]
    readings: list[Reading]
    definition: str
    version: int
    updated_at: datetime


class Figures:
    """Reads of figures; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._plan = plan

    def at(
        self, indicators: Sequence[Indicator], divisions: Sequence[Division], knowledge: Knowledge
    ) -> list[Figure]:
        """The figures of some indicators in some divisions, in the order of both."""
        wanted = [
            (indicator, division)
            for indicator in indicators
            for division in divisions
            if division.level in indicator.levels
        ]
        if not knowledge.asked:
            live = self._live(indicators, divisions)
            return [live[key] for one, place in wanted if (key := (one.id, place.code)) in live]
        if knowledge.known_at is not None:
            return self._as_known(wanted, knowledge)
        return self._past(wanted, knowledge.day)

    def history(
        self,
        indicator: Indicator,
        division: Division,
        knowledge: Knowledge,
        last: date | None,
        definition: str | None = None,
    ) -> tuple[date | None, list[HistoryPoint]]:
        """The step series of a figure: a point for every day on which it changed.

        With `definition` as it stood when that was last in use. Returned with the day until which it holds:
        `last`, or the newest day there is if that is earlier.
        """
        if knowledge.known_at is not None:
            until = min(last, knowledge.day) if last else knowledge.day
            return until, self._history_as_known(indicator, division, knowledge, until)
        live = self._live([indicator], [division]).get((indicator.id, division.code))
        today = live.as_of if live else None
        until_now = min((day for day in (last, today) if day is not None), default=None)
        rows = self._clickhouse.rows(
            f"SELECT day, {', '.join(_READING)} FROM indicator_history FINAL "
            "WHERE indicator = %(indicator)s AND division = %(division)s "
            "AND definition = %(definition)s AND day <= %(last)s ORDER BY day",
            {
                "definition": definition or (live.definition if live else indicator.definition_id),
                "indicator": indicator.id,
                "division": division.code,
                "last": min(until_now or _LAST_DAY, _LAST_DAY),
            },
        )
        return until_now, [HistoryPoint.model_validate(row) for row in rows]

    def _live(
        self, indicators: Sequence[Indicator], divisions: Sequence[Division]
    ) -> dict[tuple[str, str], Figure]:
        rows = self._clickhouse.rows(
            f"SELECT {', '.join(Figure.model_fields)} FROM indicator_live FINAL "
            "WHERE indicator IN %(indicators)s AND division IN %(divisions)s",
            _names(indicators, divisions),
        )
        return {(row["indicator"], row["division"]): Figure.model_validate(row) for row in rows}

    def _as_known(self, wanted: Sequence[tuple[Indicator, Division]], knowledge: Knowledge) -> list[Figure]:
        """Return figures computed anew from the records that were known; such figures have no version."""
        tally = self._tally([one for one, _ in wanted], knowledge)
        stamp = {"version": 0, "updated_at": datetime.now(UTC)}

        def figure(one: Indicator, place: Division) -> Figure:
            reading_at = partial(tally.reading, one.id, place.code)
            return _figure(one, place, reading_at, knowledge.day, definition=one.definition_id, **stamp)

        return [figure(one, place) for one, place in wanted]

    def _history_as_known(
        self, indicator: Indicator, division: Division, knowledge: Knowledge, until: date
    ) -> list[HistoryPoint]:
        tally = self._tally([indicator], knowledge)
        points: list[HistoryPoint] = []
        before: Reading | None = None
        for day in tally.days(indicator.id, division.code, date.min, until):
            reading = tally.reading(indicator.id, division.code, day)
            if reading != before:
                points.append(HistoryPoint(day=day, **asdict(reading)))
            before = reading
        return points

    def _tally(self, indicators: Iterable[Indicator], knowledge: Knowledge) -> Tally:
        asked = {one.id: one for one in indicators}
        return load(self._clickhouse, self._plan, list(asked.values()), knowledge.known_at)

    def _past(self, wanted: Sequence[tuple[Indicator, Division]], day: date) -> list[Figure]:
        past = self._readings(wanted, day)
        unknown = Tally(self._plan, {one.id: one for one, _ in wanted}.values())
        found = []
        for indicator, division in wanted:
            told = past.get((indicator.id, division.code))
            nothing = unknown.reading(indicator.id, division.code, day)

            def reading_at(at: date, told: _Past | None = told, nothing: Reading = nothing) -> Reading:
                place = bisect_right(told.days, at) if told else 0
                return told.readings[place - 1] if told and place else nothing

            stamp = {
                "definition": told.definition if told else indicator.definition_id,
                "version": told.version if told else 0,
                "updated_at": told.updated_at if told else datetime.now(UTC),
            }
            found.append(_figure(indicator, division, reading_at, day, **stamp))
        return found

    def _readings(
        self, wanted: Sequence[tuple[Indicator, Division]], day: date
    ) -> dict[tuple[str, str], _Past]:
        """Return what the history tells of some figures, as far as a status by pace on a day looks back.

        For each day of interest it is the newest row up to it, however many there are between.
        """
        due = {target.due_at(day) for one, place in wanted if (target := _target(one, place))}
        days = sorted({one for one in (*month_ends(day), *due, day) if one <= day})
        rows = self._clickhouse.query(
            f"""
            SELECT indicator, division, max(day) AS newest,
                argMax(({", ".join(_READING)}, definition, version, updated_at), day)
            FROM indicator_history FINAL
            WHERE indicator IN %(indicators)s AND division IN %(divisions)s AND day <= %(day)s
                AND (indicator, division, definition) IN
                (SELECT indicator, division, definition FROM indicator_live FINAL)
            GROUP BY indicator, division, arrayFirstIndex(one -> one >= day, {_days(days)})
            ORDER BY indicator, division, newest""",
            {**_names([one for one, _ in wanted], [place for _, place in wanted]), "day": day},
        )
        grouped: dict[tuple[str, str], list[tuple[date, tuple[Any, ...]]]] = defaultdict(list)
        for indicator, division, newest, told in rows:
            grouped[indicator, division].append((newest, told))
        return {
            key: _Past(
                [newest for newest, _ in found],
                [Reading(*told[: len(_READING)]) for _, told in found],
                definition=found[-1][1][-3],
                version=found[-1][1][-2],
                updated_at=found[-1][1][-1],
            )
            for key, found in grouped.items()
        }


def _target(indicator: Indicator, division: Division) -> Target | None:
    return None if division.level == "community" else indicator.target_at(division.level)


def _figure(
    indicator: Indicator, division: Division, reading_at: Callable[[date], Reading], day: date, **stamp: Any
) -> Figure:
    ahead = prospect(indicator, _target(indicator, division), reading_at, day)
    fields = {**asdict(reading_at(day)), **asdict(ahead), **stamp}
    return Figure(indicator=indicator.id, division=division.code, as_of=day, **fields)


def _names(indicators: Iterable[Indicator], divisions: Iterable[Division]) -> dict[str, tuple[str, ...]]:
    return {
        "indicators": tuple(dict.fromkeys(one.id for one in indicators)),
        "divisions": tuple(dict.fromkeys(one.code for one in divisions)),
    }


def _days(days: Iterable[date]) -> str:
    listed = ", ".join(f"toDate('{day}')" for day in days)
    return f"[{listed}]"


def since(points: Iterable[HistoryPoint], first: date | None) -> list[HistoryPoint]:
    """Return the points from a day on, the first of them what held then, if anything did."""
    found = list(points)
    if first is None:
        return found
    held = [point for point in found if point.day <= first][-1:]
    carried = [point.model_copy(update={"day": first}) for point in held]
    return carried + [point for point in found if point.day > first]
