"""The indicator tables: history and live figures, brought up to what the log tables hold."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from schemas.declaration import DivisionsPart
from schemas.indicator import Figure
from schemas.streams import STREAMS
from services.aggregate.figures import number_of, timeline
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_FIGURE = "numerator, denominator, value, target, status"
_EPOCH = date(2000, 1, 1)


class IndicatorTables:
    """Keeps `indicator_history` and `indicator_live` true to the records."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._plan = plan

    def touched_by(self, streams: Collection[str]) -> list[str]:
        """Return the indicators whose figures records of these streams can change."""
        return [name for name, one in self._plan.indicators.items() if one.streams & set(streams)]

    def refresh(self, indicators: Collection[str], today: date) -> list[Figure]:
        """Recompute indicators from the log tables and return the live figures that changed.

        When it returns, both tables hold every record that was in the log tables when it was called.
        """
        version = self._version(today)
        for name in indicators:
            self._write_history(name, today, version)
        return self._write_live(indicators, today, version)

    def live(self) -> list[Figure]:
        """Return every live figure as it stands in the table."""
        rows = self._clickhouse.rows("SELECT * FROM indicator_live FINAL ORDER BY indicator, division")
        return [Figure.model_validate(row) for row in rows]

    def _version(self, today: date) -> int:
        """Return a number that grows with the records in the log tables, and with the day.

        It is read before the figures are computed. Of two workers that compute a figure at once the one that
        saw more records has the higher version, and its row stays.
        """
        logs = [stream.log_table for stream in STREAMS.values()]
        [(records,)] = self._clickhouse.query(
            "SELECT toUInt64(sum(total_rows)) FROM system.tables"
            " WHERE database = currentDatabase() AND name IN %(logs)s",
            {"logs": logs},
        )
        return (int(records) << 16) + (today - _EPOCH).days

    def _write_history(self, name: str, today: date, version: int) -> None:
        self._clickhouse.query(
            f"""
            INSERT INTO indicator_history (indicator, division, day, {_FIGURE}, version, updated_at)
            SELECT '{name}', now.division, now.day, {_columns_of("now")}, {version}, now64(3, 'UTC')
            FROM ({timeline(self._plan.indicators[name], self._plan, today)}) AS now
            LEFT JOIN (
                SELECT division, day, {_FIGURE} FROM indicator_history FINAL WHERE indicator = '{name}'
            ) AS before
            ON now.division = before.division AND now.day = before.day
            WHERE toString(({_columns_of("now")})) != toString(({_columns_of("before")}))"""
        )

    def _write_live(self, indicators: Collection[str], today: date, version: int) -> list[Figure]:
        names = {"names": list(indicators), "today": today}
        newest = {
            (indicator, division): figure
            for indicator, division, figure in self._clickhouse.query(
                f"SELECT indicator, division, argMax(({_FIGURE}), day) FROM indicator_history FINAL"
                " WHERE indicator IN %(names)s AND day <= %(today)s GROUP BY indicator, division",
                names,
            )
        }
        before = {
            (indicator, division): (figure, as_of)
            for indicator, division, figure, as_of in self._clickhouse.query(
                f"SELECT indicator, division, ({_FIGURE}), as_of FROM indicator_live FINAL"
                " WHERE indicator IN %(names)s",
                names,
            )
        }
        changed: list[Figure] = []
        for name in indicators:
            for division, nothing in self._no_data(name).items():
                figure = newest.get((name, division), nothing)
                if before.get((name, division)) != (figure, today):
                    changed.append(_figure(name, division, figure, today, version))
        self._insert_live(changed)
        return changed

    def _no_data(self, name: str) -> dict[str, tuple[Any, ...]]:
        """Return, for each division the indicator has, its figure while no record has told anything."""
        indicator = self._plan.indicators[name]
        found = {}
        for division in self._plan.shown_divisions:
            if division.level != "community" and division.level in indicator.levels:
                target = indicator.target_at(division.level)
                below = indicator.denominator
                denominator = (
                    Decimal(number_of(below, division, self._plan))
                    if isinstance(below, DivisionsPart)
                    else None
                )
                found[division.code] = (None, denominator, None, target and target.value, "no_data")
        return found

    def _insert_live(self, figures: list[Figure]) -> None:
        names = list(Figure.model_fields)
        self._clickhouse.insert(
            "indicator_live", {name: [getattr(figure, name) for figure in figures] for name in names}
        )


def _columns_of(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in _FIGURE.split(", "))


def _figure(indicator: str, division: str, figure: tuple[Any, ...], today: date, version: int) -> Figure:
    numerator, denominator, value, target, status = figure
    return Figure(
        indicator=indicator,
        division=division,
        numerator=numerator,
        denominator=denominator,
        value=value,
        target=target,
        status=status,
        as_of=today,
        version=version,
        updated_at=datetime.now(UTC),
    )
