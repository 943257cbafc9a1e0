"""The words of a notice: Chinese first, English beside."""

from schemas.alert import AlertChange
from services.alerts.rules.limits import plain, with_unit

_STATE = {
    "ok": ("正常", "OK"),
    "pending": ("待定", "Pending"),
    "firing": ("告警", "Alert"),
    "recovering": ("恢复中", "Recovering"),
    "resolved": ("解除", "Resolved"),
    "no_data": ("无数据", "No data"),
    "error": ("出错", "Error"),
    "silenced": ("已静音", "Silenced"),
    "inhibited": ("已抑制", "Inhibited"),
    "acknowledged": ("已确认", "Acknowledged"),
}
_SEVERITY = {"info": ("提示", "info"), "warning": ("警告", "warning"), "critical": ("严重", "critical")}
_DIRECTION = {
    "at_least": ("不低于", "at least"),
    "at_most": ("不高于", "at most"),
    "exactly": ("等于", "exactly"),
}


def subject(change: AlertChange) -> str:
    """One line: what, where."""
    zh, en = _STATE[change.state]
    return f"【{zh}】{change.division_name} {change.name.zh} · {en}: {change.name.en}"


def text(change: AlertChange) -> str:
    """The whole notice as plain text: figure, target, gap, day, department, reason, link."""
    severity_zh, severity_en = _SEVERITY[change.severity]
    direction_zh, direction_en = _DIRECTION[change.direction]
    lines = [
        subject(change),
        "",
        f"地区 Place: {change.division_name}（{change.division}）",
        f"指标 Indicator: {change.indicator_name.zh} {change.indicator_name.en}",
        f"数值 Figure: {_amount(change, change.shown)}{_working(change)}",
        f"目标 Target: {direction_zh} {direction_en} {_amount(change, plain(change.threshold))}",
        f"差距 Gap: {_amount(change, change.gap)}",
        f"截至 As of: {change.as_of.isoformat()}",
        *([f"责任部门 Responsible: {change.owner}"] if change.owner else []),
        f"级别 Severity: {severity_zh} {severity_en}",
        f"原因 Reason: {change.reason.zh} · {change.reason.en}",
        "",
        f"看板 Board: {change.link}",
        f"告警编号 Alert id: {change.alert_id}",
    ]
    return "\n".join(lines) + "\n"


def _amount(change: AlertChange, number: str) -> str:
    if not number:
        return "无数据 no data"
    zh = with_unit(number, change.unit.zh)
    return zh if change.unit.zh == change.unit.en else f"{zh} ({change.unit.en})"


def _working(change: AlertChange) -> str:
    if change.denominator is None or change.numerator is None:
        return ""
    return f"，分子 numerator {plain(change.numerator)}，分母 denominator {plain(change.denominator)}"
