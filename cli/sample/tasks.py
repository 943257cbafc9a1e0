"""The sample county's task reports: each quarter a lead department tells how far its tasks are."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from cli.sample.dice import dice
from cli.sample.outbox import (
    CIVIL,
    COMMERCE,
    CULTURE,
    EDUCATION,
    FINANCE,
    HEALTH,
    LABOUR,
    LAND,
    OFFICE,
    Outbox,
)
from cli.sample.places import Places

_AGENCY = {
    "县卫生健康局": HEALTH,
    "县民政局": CIVIL,
    "县教育体育局": EDUCATION,
    "县工信商务局": COMMERCE,
    "县自然资源局": LAND,
    "县人力资源社会保障局": LABOUR,
    "县文化和旅游局": CULTURE,
    "县财政局": FINANCE,
}
"""Lead departments that report themselves; the government office reports for every other."""

_FIRST, _DUE = date(2022, 10, 1), date(2025, 12, 31)
_BEHIND = 8  # points behind the calendar before a report says so
_DONE_NOTES = ("已完成，转入常态化管理。", "任务全部完成，已通过验收。")
_NOTES = {
    "not_started": ("正在研究制定实施方案。",),
    "on_schedule": ("按季度计划推进。", "各乡（镇）已全面铺开。", "试点工作进展顺利。", "项目资金已到位。"),
    "delayed": ("项目资金未到位，进度滞后。", "用地手续尚未办结。", "专业人员不足，正在协调。"),
    "suspended": ("因政策调整暂停，待上级明确后继续。",),
}


@dataclass
class _Task:
    """How one task goes: its speed against the calendar, a quarter it begins in, one it is suspended in."""

    number: int
    agency: str
    speed: float
    begins: date
    suspended: date | None
    lost: int = 0
    """Days in which nothing was done."""


class Tasks:
    """What is reported of the plan's tasks."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._outbox = outbox
        self._random = dice(seed, "tasks")
        self._tasks = [
            _task(number, task.lead[0], self._random) for number, task in sorted(places.plan.tasks.items())
        ]

    def day(self, day: date) -> None:
        """At a quarter's end report every task, within two weeks."""
        if (day + timedelta(days=1)).day == 1 and day.month % 3 == 0:
            for task in self._tasks:
                self._report(task, day)

    def _report(self, task: _Task, day: date) -> None:
        random, at = self._random, self._outbox.at
        percent, status = _progress(task, day)
        note = random.choice(_DONE_NOTES if status == "done" else _NOTES[status])
        data = {"task": task.number, "percent": percent, "status": status, "note": note}
        described = at(day, 18)
        sent = at(day + timedelta(days=random.randrange(2, 14)), random.uniform(9, 17))
        if random.random() < 0.03:
            wrong = {**data, "percent": min(100, percent + 10), "note": ""}
            record = self._outbox.say(task.agency, "task-report", wrong, described, sent=sent)
            sent += timedelta(days=2)
            self._outbox.withdraw(task.agency, "task-report", record, "填报了下一季度的计划数", sent)
        self._outbox.say(task.agency, "task-report", data, described, sent=sent)


def _task(number: int, lead: str, random: Random) -> _Task:
    speed = random.choices((1.3, 1.06, 0.97, 0.72), (2, 5, 4, 2))[0] * random.uniform(0.97, 1.03)
    begins = date(2024, 1, 1) if random.random() < 0.08 else _FIRST
    suspended = date(2023, 7, 1) + timedelta(days=91 * random.randrange(5)) if random.random() < 0.1 else None
    return _Task(number, _AGENCY.get(lead, OFFICE), speed, begins, suspended)


def _progress(task: _Task, day: date) -> tuple[int, str]:
    """How far a task is at a quarter's end, in per cent, and what its lead department calls that."""
    if day < task.begins:
        return 0, "not_started"
    whole = (_DUE - _FIRST).days
    if task.suspended and task.suspended <= day < task.suspended + timedelta(days=180):
        task.lost += 90
        status = "suspended"
    else:
        status = "on_schedule"
    calendar = 100 * (day - _FIRST).days / whole
    spent = (day - task.begins).days - task.lost
    percent = min(100, max(0, int(100 * task.speed * spent / (whole - (task.begins - _FIRST).days))))
    if percent == 100:
        return 100, "done"
    if status == "on_schedule" and percent < min(100, calendar) - _BEHIND:
        status = "delayed"
    return percent, status
