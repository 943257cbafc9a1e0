"""The plan's tasks with their newest reports and the figures that measure them."""

from datetime import datetime

from schemas.declaration import Task, Text
from schemas.fields import Contract
from schemas.indicator import FigureStatus
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan


class TaskReported(Contract):
    """The newest report of a task's lead department."""

    percent: int
    status: str
    note: str
    time: datetime
    source: str
    id: str


class TaskMeasure(Contract):
    """An indicator that measures a task, as it stands in the whole county; no value while there is none."""

    id: str
    name: Text
    status: FigureStatus
    value: float | None


class TaskState(Contract):
    """One task of the plan; `report` is None while nobody has reported on it."""

    number: int
    action: Text
    group: Text
    title: Text
    lead: list[str]
    cooperating: list[str]
    indicators: list[TaskMeasure]
    report: TaskReported | None


class Tasks:
    """Reads of tasks; blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, plan: Plan) -> None:
        self._clickhouse = clickhouse
        self._plan = plan

    def states(self) -> list[TaskState]:
        """Every task of the plan, by number."""
        reports = {
            row.pop("task"): TaskReported.model_validate(row)
            for row in self._clickhouse.rows(
                "SELECT task, percent, status, note, reported_at AS time, source, record_id AS id "
                "FROM task_live FINAL WHERE reported_at IS NOT NULL"
            )
        }
        figures = {
            indicator: (status, value)
            for indicator, status, value in self._clickhouse.query(
                "SELECT indicator, status, value FROM indicator_live FINAL WHERE division = %(county)s",
                {"county": self._plan.county.county},
            )
        }

        def measure(id: str) -> TaskMeasure:
            status, value = figures.get(id, ("no_data", None))
            return TaskMeasure(id=id, name=self._plan.indicators[id].name, status=status, value=value)

        def state(task: Task) -> TaskState:
            declared = task.model_dump(exclude={"indicators"})
            measures = [measure(id) for id in task.indicators]
            return TaskState(**declared, indicators=measures, report=reports.get(task.number))

        return [state(task) for _number, task in sorted(self._plan.tasks.items())]
