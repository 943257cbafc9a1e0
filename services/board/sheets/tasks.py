"""The sheet of the plan's tasks."""

from collections.abc import Sequence

from schemas.declaration import Text
from schemas.words import NOT_REPORTED, REPORT, STATUS
from services.board.panels import words
from services.board.sheets.frame import Frame
from services.board.sheets.sheet import Cell, Sheet, head, moment_head
from services.board.tables.knowledge import Knowledge
from services.board.tables.tasks import TaskMeasure, TaskState

_TITLE = Text(zh="任务", en="tasks")


def tasks_sheet(frame: Frame, knowledge: Knowledge, tasks: Sequence[TaskState]) -> Sheet:
    """Return the tasks, one a row, with their newest reports."""
    plan = frame.plan
    return frame.sheet(
        what=_TITLE,
        id="tasks",
        division=plan.divisions[plan.county.county],
        when=knowledge,
        heads=[
            head(Text(zh="序号", en="number")),
            head(Text(zh="行动", en="action")),
            head(Text(zh="分组", en="group")),
            head(_TITLE),
            head(Text(zh="牵头部门", en="lead departments")),
            head(Text(zh="配合单位", en="co-operating units")),
            head(words.STATUS_TITLE),
            head(Text(zh="进度", en="progress"), "%", 0),
            head(Text(zh="进展说明", en="what has been done")),
            moment_head(Text(zh="报告时间", en="reported"), plan.zone),
            head(Text(zh="报告单位", en="reported by")),
            head(Text(zh="记录编号", en="record")),
            head(Text(zh="衡量指标及状态", en="indicators that measure it, and their status")),
        ],
        rows=(_row(task) for task in tasks),
    )


def _row(task: TaskState) -> list[Cell]:
    report = task.report
    known = {str(name): text for name, text in REPORT.items()}
    status = known.get(report.status, Text(zh=report.status, en=report.status)) if report else NOT_REPORTED
    return [
        task.number,
        task.action.both,
        task.group.both,
        task.title.both,
        "、".join(task.lead),
        "、".join(task.cooperating),
        status.both,
        report.percent if report else None,
        report.note if report else "",
        report.time if report else None,
        report.source if report else "",
        report.id if report else "",
        "；".join(map(_measure, task.indicators)),
    ]


def _measure(one: TaskMeasure) -> str:
    return f"{one.name.zh}：{STATUS[one.status].zh}"
