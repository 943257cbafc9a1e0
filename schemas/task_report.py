"""Stream `task-report`: a lead department's report on one of the plan's tasks."""

from typing import Annotated, Literal

from schemas.fields import Contract, about

TaskStatus = Literal["not_started", "on_schedule", "delayed", "done", "suspended"]


class TaskReport(Contract):
    """任务进展报告 · how far a task is; the event's `time` is the moment it describes."""

    task: Annotated[
        int, about("任务序号，见方案附件", "task, by the plan's annex", ("号", "number"), ge=1, le=999)
    ]
    percent: Annotated[int, about("完成进度", "progress", ("%", "per cent"), ge=0, le=100)]
    status: Annotated[
        TaskStatus,
        about(
            "状态：not_started 未启动、on_schedule 按计划推进、delayed 滞后、done 已完成、suspended 暂停",
            "status",
        ),
    ]
    note: Annotated[str, about("进展说明", "what has been done", max_length=2000)] = ""
