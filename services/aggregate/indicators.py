"""The indicator tables: history and live figures, brought up to what the log tables hold."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

from schemas.declaration import DivisionsPart, Indicator, Part, Target, streams_of
from schemas.indicator import Figure
from schemas.streams import STREAMS
from services.aggregate.figures import INDICATORS, PARTS
from services.aggregate.parts import delta_queries, needed, number_of, part_id, parts_of, text, texts
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division, Plan

_FIGURE = "numerator, denominator, value, target, status"
_EPOCH = date(2000, 1, 1)


class IndicatorTables:
    """Keeps `indicator_history` and `indicator_live` true to the records."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._plan = plan
        self._digest = _digest(plan.indicators.values())

    def declare(self) -> None:
        """Write down the plan's indicators for the statements to read; call it before the first refresh."""
        rows = [
            self._declaration(indicator, division)
            for indicator in self._plan.indicators.values()
            for division in self._divisions_of(indicator)
        ]
        self._clickhouse.insert("indicator_declared", {name: [row[name] for row in rows] for name in rows[0]})
        parts = parts_of(self._plan.indicators.values())
        self._write_parts({name: part for name, part in parts.items() if not streams_of(part)}, 0)

    def refresh(self, streams: Collection[str], today: date) -> list[Figure]:
        """Recompute what records of `streams` can change, and return the live figures that changed.

        When it returns, both tables hold every record of these streams that was in the log tables when it was
        called.
        """
        touched = frozenset(streams)
        indicators = [name for name, one in self._plan.indicators.items() if one.streams & touched]
        if not indicators:
            return []
        version = self._version(today)
        parts = parts_of(self._plan.indicators.values())
        self._write_parts({name: part for name, part in parts.items() if streams_of(part) & touched}, version)
        self._clickhouse.query(
            INDICATORS.format(
                plan=text(self._digest),
                indicators=texts(indicators),
                today=f"toDate('{today}')",
                version=version,
            )
        )
        return self._write_live(indicators, today, version)

    def _write_parts(self, parts: dict[str, Part], version: int) -> None:
        for query in delta_queries(parts, self._plan):
            self._clickhouse.query(
                PARTS.format(
                    deltas=query,
                    parts=texts(name for name in parts if text(name) in query),
                    shown=texts(division.code for division in self._plan.shown_divisions),
                    version=version,
                )
            )

    def live(self) -> list[Figure]:
        """Return every live figure as it stands in the table."""
        rows = self._clickhouse.rows("SELECT * FROM indicator_live FINAL ORDER BY indicator, division")
        return [Figure.model_validate(row) for row in rows]

    def _version(self, today: date) -> int:
        """Return a number that grows with the records in the log tables, and with the day.

        It is read before the figures are computed. Of two workers that compute a figure at once the one that
        saw more records has the higher version, and its row stays.
        """
        [(records,)] = self._clickhouse.query(
            "SELECT toUInt64(sum(total_rows)) FROM system.tables"
            " WHERE database = currentDatabase() AND name IN %(logs)s",
            {"logs": [stream.log_table for stream in STREAMS.values()]},
        )
        return (int(records) << 16) + (today - _EPOCH).days

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
            indicator = self._plan.indicators[name]
            for division in self._divisions_of(indicator):
                key = name, division.code
                figure = newest.get(key) or self._no_data(indicator, division)
                if before.get(key) != (figure, today):
                    changed.append(_figure(*key, figure, today, version))
        self._clickhouse.insert(
            "indicator_live", {name: [getattr(one, name) for one in changed] for name in Figure.model_fields}
        )
        return changed

    def _divisions_of(self, indicator: Indicator) -> list[Division]:
        return [division for division in self._plan.shown_divisions if division.level in indicator.levels]

    def _no_data(self, indicator: Indicator, division: Division) -> tuple[Any, ...]:
        """Return the figure while no record has told anything: only a number of places is known then."""
        below = indicator.denominator
        places = number_of(below, division, self._plan) if isinstance(below, DivisionsPart) else None
        target = _target(indicator, division)
        return None, places, None, target and target.value, "no_data"

    def _declaration(self, indicator: Indicator, division: Division) -> dict[str, Any]:
        target = _target(indicator, division)
        return {
            "plan": self._digest,
            "indicator": indicator.id,
            "division": division.code,
            "numerator": part_id(indicator.numerator),
            "needed_numerator": needed(indicator.numerator, division, self._plan),
            "denominator": part_id(indicator.denominator),
            "needed_denominator": needed(indicator.denominator, division, self._plan),
            "scale": indicator.scale,
            "target": target and target.value,
            "direction": indicator.target.direction if indicator.target else "",
        }


def _target(indicator: Indicator, division: Division) -> Target | None:
    return None if division.level == "community" else indicator.target_at(division.level)


def _digest(indicators: Iterable[Indicator]) -> str:
    declared = "\n".join(one.model_dump_json() for one in indicators)
    return blake2b(declared.encode(), digest_size=8).hexdigest()


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
