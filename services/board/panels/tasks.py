"""The plan's tasks, as their lead departments report on them."""

from schemas.declaration import Text
from services.board.panels import words
from services.board.panels.model import Column, Dashboard, Panel, Section, Word
from services.platform.plan import Plan

_ORDER = ("delayed", "suspended", "not_reported", "not_started", "on_schedule", "done")


def dashboard(plan: Plan) -> Dashboard:
    """Return the dashboard of the tasks."""
    title = Text(zh="任务", en="tasks")
    return Dashboard(id="tasks", title=title, sections=(Section(title, (_counts(plan), _table(plan))),))


def _states(plan: Plan) -> str:
    """Return a query of every task of the plan, with its newest report if there is one."""
    numbers = ", ".join(str(number) for number in sorted(plan.tasks))
    return f"""
SELECT declared.task AS task, if(report.status = '', 'not_reported', report.status) AS status,
    report.percent AS percent, report.note AS note, report.reported_at AS reported_at
FROM (SELECT arrayJoin(CAST([{numbers}], 'Array(UInt16)')) AS task) AS declared
LEFT JOIN (
    SELECT task, ifNull(status, '') AS status, percent, note, reported_at FROM task_live FINAL
) AS report USING (task)"""


def _counts(plan: Plan) -> Panel:
    counted = ", ".join(f"countIf(status = '{status}') AS {status}" for status in _ORDER)
    return Panel(
        id="counts",
        title=Text(zh="任务按状态", en="tasks by status"),
        kind="stat",
        sql=f"SELECT {counted} FROM ({_states(plan)})",
        columns=words.counted(_ORDER, words.REPORTS),
        link="tasks",
        height=4,
    )


def _table(plan: Plan) -> Panel:
    titles = {str(number): Word(task.title) for number, task in plan.tasks.items()}
    leads = {
        str(number): Word(Text(zh="、".join(task.lead), en="、".join(task.lead)))
        for number, task in plan.tasks.items()
    }
    return Panel(
        id="tasks",
        title=Text(zh="各项任务", en="each task"),
        kind="table",
        sql=f"""
SELECT task AS number, toString(task) AS title, status, percent, toString(task) AS lead, note, reported_at
FROM ({_states(plan)}) ORDER BY number""",
        columns=(
            Column("number", Text(zh="序号", en="number"), decimals=0),
            Column("title", Text(zh="任务", en="task"), words=titles),
            Column("status", words.STATUS_TITLE, words=words.REPORTS),
            Column("percent", Text(zh="进度", en="progress"), unit="%", decimals=0),
            Column("lead", Text(zh="牵头部门", en="lead department"), words=leads),
            Column("note", Text(zh="进展说明", en="what has been done")),
            Column("reported_at", Text(zh="报告时间", en="reported")),
        ),
        link="tasks",
        height=24,
    )
