"""The newest report on each task of the plan, as `task_live` holds it."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from schemas.streams import STREAMS
from services.platform.clickhouse import ClickHouse

_STREAM = STREAMS["task-report"]
_REPORT = ("percent", "status", "note", "reported_at", "source", "record_id")


class TaskReports:
    """Reads the newest reports that have not been withdrawn."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def known(self) -> set[str]:
        """Return the tasks that have ever been reported on."""
        rows = self._clickhouse.query(f"SELECT DISTINCT subject FROM {_STREAM.log_table}")
        return {subject for (subject,) in rows}

    def rows(self, tasks: Collection[str], version: int) -> dict[str, list[Any]]:
        """Return the rows of `task_live` for some tasks, as columns."""
        if not tasks:
            return {}
        rows = self._clickhouse.query(
            "SELECT subject, argMax(tuple(percent, status, note, time, source, id), (time, source, id))"
            f" FROM {_STREAM.log_table} WHERE subject IN %(tasks)s AND identity NOT IN"
            " (SELECT retracted FROM retraction_log WHERE stream = %(stream)s) GROUP BY subject",
            {"tasks": list(tasks), "stream": _STREAM.name},
        )
        found: dict[str, tuple[Any, ...]] = dict(rows)
        nothing = None, None, "", None, "", ""
        reports = [found.get(task, nothing) for task in tasks]
        return {
            "task": [int(task) for task in tasks],
            **{name: [report[at] for report in reports] for at, name in enumerate(_REPORT)},
            "version": [version] * len(reports),
            "updated_at": [datetime.now(UTC)] * len(reports),
        }
