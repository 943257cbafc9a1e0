"""What the county's plan and the calendar say of a record: divisions, tasks, days."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.fitness_event import FitnessEvent
from schemas.task_report import TaskReport
from services.ingest.agencies import Agency
from services.ingest.faults import Refusal, shown
from services.platform.clock import AHEAD
from services.platform.plan import Plan

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


class Local:
    """Checks against one plan. `inside` is put before the name of a field at fault."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def time(self, value: object, now: datetime, *, zone_needed: bool) -> datetime:
        """Return the moment a record tells of, in UTC.

        Raises Refusal if there is none, it is not a time, it names no zone though it must, or it is before
        1971 or more than an hour ahead of now.
        """
        if value is None:
            raise Refusal("missing_field", "缺少必填字段 · required field is missing", "time")
        moment = _moment(value, None if zone_needed else self._plan.zone)
        if moment is None:
            raise Refusal(
                "invalid_field",
                "应为 ISO 8601 时间，如 2024-05-01T09:30:00+08:00 · must be an ISO 8601 time with its zone",
                "time",
            )
        if not EARLIEST <= moment <= now + AHEAD:
            raise Refusal(
                "time_out_of_range",
                "时间不得早于 1971 年，也不得晚于现在 1 小时以上 · "
                "time must not be before 1971 nor more than 1 hour ahead of now",
                "time",
            )
        return moment

    def check_division(self, agency: Agency, code: str | None, inside: str) -> None:
        """Raise Refusal if a division is not the county's, or not the agency's to tell of."""
        if code is None:
            return
        if code not in self._plan.divisions:
            raise Refusal(
                "unknown_division",
                f"区划代码 {shown(code)} 不在本县区划表中 · division is not in this county's list",
                inside + "division",
            )
        if not agency.may_tell_of(code):
            raise Refusal(
                "forbidden_division",
                f"本密钥不能上报区划 {shown(code)} 的数据 · this key may not push for this division",
                inside + "division",
            )

    def check_task(self, report: TaskReport, inside: str) -> None:
        """Raise Refusal if the plan has tasks and not this one."""
        if self._plan.tasks and report.task not in self._plan.tasks:
            raise Refusal(
                "unknown_task",
                f"方案中没有任务 {report.task}，有 1 至 {max(self._plan.tasks)} · the plan has no such task",
                inside + "task",
            )

    def check_day(self, event: FitnessEvent, time: datetime, inside: str) -> None:
        """Raise Refusal if an event was held on a day that was yet to come."""
        if event.status == "held" and event.day > time.astimezone(self._plan.zone).date():
            raise Refusal(
                "invalid_field",
                f"活动 {event.day} 才举办，记录时间更早，状态不能为已举办 · "
                "an event cannot have been held on a day later than the record's time",
                inside + "day",
            )


def _moment(value: object, zone: ZoneInfo | None) -> datetime | None:
    """The moment of an ISO 8601 text, in UTC; `zone` is that of a text without one. None if it is none."""
    if not isinstance(value, str):  # a number names no zone, and seconds look like milliseconds
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
