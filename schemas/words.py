"""The words for what data only names, wherever people read them: Chinese, and English beside."""

from collections.abc import Mapping

from schemas.alert import AlertState
from schemas.consumption_voucher import Sector
from schemas.declaration import Text, Theme
from schemas.indicator import FigureStatus, Standing
from schemas.rules import Severity
from schemas.task_report import TaskStatus

STATUS: Mapping[FigureStatus, Text] = {
    "met": Text(zh="达标", en="met"),
    "missed": Text(zh="逾期未达", en="missed"),
    "on_track": Text(zh="进度正常", en="on track"),
    "behind": Text(zh="进度滞后", en="behind"),
    "off_track": Text(zh="难以按期", en="off track"),
    "watched": Text(zh="监测", en="watched, no target"),
    "cannot_say": Text(zh="暂难判断", en="cannot say"),
    "no_data": Text(zh="暂无数据", en="no data"),
    "not_applicable": Text(zh="不适用", en="not applicable"),
}
STANDING: Mapping[Standing, Text] = {
    "met": STATUS["met"],
    "below": Text(zh="未达标", en="below target"),
    "watched": STATUS["watched"],
    "no_data": STATUS["no_data"],
    "not_applicable": STATUS["not_applicable"],
}
"""How a figure stood on a day, which looks at no due day."""

THEMES: Mapping[Theme, Text] = {
    "childcare_education": Text(zh="托育与教育", en="Childcare and education"),
    "health": Text(zh="医疗卫生", en="Health"),
    "elder_care": Text(zh="养老", en="Elder care"),
    "communities": Text(zh="社区", en="Communities"),
    "sports_culture": Text(zh="体育与文化", en="Sports and culture"),
    "vouchers": Text(zh="消费券", en="Vouchers"),
    "support": Text(zh="人才与支持", en="Skills and support"),
}

REPORT: Mapping[TaskStatus, Text] = {
    "on_schedule": Text(zh="按计划推进", en="on schedule"),
    "delayed": Text(zh="进展滞后", en="delayed"),
    "suspended": Text(zh="已暂停", en="suspended"),
    "not_started": Text(zh="尚未开始", en="not started"),
    "done": Text(zh="已完成", en="done"),
}
NOT_REPORTED = Text(zh="尚未报告", en="not reported yet")

STREAMS: Mapping[str, Text] = {
    "facility": Text(zh="设施机构", en="facility"),
    "childcare-place": Text(zh="托位", en="childcare places"),
    "fitness-event": Text(zh="健身赛事", en="fitness event"),
    "consumption-voucher": Text(zh="消费券", en="voucher"),
    "statistic": Text(zh="统计数据", en="statistic"),
    "task-report": Text(zh="任务进展", en="task report"),
    "retraction": Text(zh="撤回", en="retraction"),
}

SECTOR: Mapping[Sector, Text] = {
    "catering": Text(zh="餐饮", en="catering"),
    "retail": Text(zh="零售", en="retail"),
    "lodging": Text(zh="住宿", en="lodging"),
    "tourism": Text(zh="旅游", en="tourism"),
    "culture_sports": Text(zh="文体", en="culture and sports"),
    "household": Text(zh="家政", en="household services"),
}

DIMENSIONS: Mapping[str, Text] = {
    "elder_care": Text(zh="养老", en="elder care"),
    "childcare": Text(zh="托育", en="childcare"),
    "household": Text(zh="家政", en="housekeeping"),
    "qihua": Text(zh="七花消费券", en="Qihua vouchers"),
    "qixiang": Text(zh="七乡购物节", en="Qixiang shopping festival"),
    "personal": Text(zh="个人", en="personal"),
    "small_enterprise": Text(zh="小微企业", en="small enterprises"),
}
"""What statistics are reported by, campaigns among them."""

REFUSED: Mapping[str, Text] = {
    "not_json": Text(zh="不是 JSON", en="not JSON"),
    "not_utf8": Text(zh="不是 UTF-8", en="not UTF-8"),
    "not_object": Text(zh="不是 JSON 对象", en="not a JSON object"),
    "missing_field": Text(zh="缺字段", en="field missing"),
    "unknown_field": Text(zh="没有这个字段", en="unknown field"),
    "invalid_field": Text(zh="内容不合要求", en="invalid field"),
    "time_out_of_range": Text(zh="时间过早或过晚", en="time out of range"),
    "unknown_division": Text(zh="没有这个区划", en="unknown division"),
    "forbidden_division": Text(zh="区划不在密钥范围内", en="division not of the key"),
    "unknown_type": Text(zh="没有这种记录", en="unknown type"),
    "wrong_source": Text(zh="来源不是本单位", en="wrong source"),
    "unknown_task": Text(zh="没有这项任务", en="unknown task"),
    "conflict": Text(zh="编号重复而内容不同", en="same id, other content"),
    "too_large": Text(zh="记录过大", en="too large"),
    "too_deep": Text(zh="嵌套过深", en="nested too deep"),
    "not_an_event": Text(zh="不是事件", en="not an event"),
    "not_a_dead_letter": Text(zh="不是死信", en="not a dead letter"),
    "not_a_receipt": Text(zh="不是回执", en="not a receipt"),
    "not_a_refused_push": Text(zh="不是拒收的上报", en="not a refused push"),
}
"""Why a record was refused, by its `code`."""

SEVERITY: Mapping[Severity, Text] = {
    "critical": Text(zh="严重", en="critical"),
    "warning": Text(zh="警告", en="warning"),
    "info": Text(zh="提示", en="info"),
}

ALERT_STATE: Mapping[AlertState, Text] = {
    "ok": Text(zh="正常", en="normal"),
    "pending": Text(zh="待定", en="pending"),
    "firing": Text(zh="告警", en="alert"),
    "recovering": Text(zh="恢复中", en="recovering"),
    "resolved": Text(zh="解除", en="resolved"),
    "no_data": Text(zh="无数据", en="no data"),
    "error": Text(zh="出错", en="error"),
    "silenced": Text(zh="已静音", en="silenced"),
    "inhibited": Text(zh="已抑制", en="inhibited"),
    "acknowledged": Text(zh="已确认", en="acknowledged"),
}

SENDERS: Mapping[str, Text] = {
    "facility": Text(
        zh="各行业主管部门的机构登记", en="registers of institutions, by the departments in charge"
    ),
    "childcare-place": Text(
        zh="托育主管部门的托位报告", en="reports of childcare places, by the department in charge"
    ),
    "fitness-event": Text(zh="体育主管部门的赛事登记", en="the register of events, by the sports department"),
    "consumption-voucher": Text(zh="消费券发放与核销系统", en="the systems that issue and redeem vouchers"),
    "statistic": Text(
        zh="统计部门与主管部门的报表", en="returns of the statistics bureau and the departments in charge"
    ),
}
"""Who sends the records of a stream, as a kind: never a name."""
