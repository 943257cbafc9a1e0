// The words for what data only names. Made of schemas/words.py by `make generate`.

export const STATUS = {
  met: { zh: "达标", en: "met" },
  missed: { zh: "逾期未达", en: "missed" },
  on_track: { zh: "进度正常", en: "on track" },
  behind: { zh: "进度滞后", en: "behind" },
  off_track: { zh: "难以按期", en: "off track" },
  watched: { zh: "监测", en: "watched, no target" },
  cannot_say: { zh: "暂难判断", en: "cannot say" },
  no_data: { zh: "暂无数据", en: "no data" },
  not_applicable: { zh: "不适用", en: "not applicable" },
};

export const THEMES = {
  childcare_education: { zh: "托育与教育", en: "Childcare and education" },
  health: { zh: "医疗卫生", en: "Health" },
  elder_care: { zh: "养老", en: "Elder care" },
  communities: { zh: "社区", en: "Communities" },
  sports_culture: { zh: "体育与文化", en: "Sports and culture" },
  vouchers: { zh: "消费券", en: "Vouchers" },
  support: { zh: "人才与支持", en: "Skills and support" },
};

export const REPORT = {
  on_schedule: { zh: "按计划推进", en: "on schedule" },
  delayed: { zh: "进展滞后", en: "delayed" },
  suspended: { zh: "已暂停", en: "suspended" },
  not_started: { zh: "尚未开始", en: "not started" },
  done: { zh: "已完成", en: "done" },
  not_reported: { zh: "尚未报告", en: "not reported yet" },
};

export const STREAMS = {
  facility: { zh: "设施机构", en: "facility" },
  "childcare-place": { zh: "托位", en: "childcare places" },
  "fitness-event": { zh: "健身赛事", en: "fitness event" },
  "consumption-voucher": { zh: "消费券", en: "voucher" },
  statistic: { zh: "统计数据", en: "statistic" },
  "task-report": { zh: "任务进展", en: "task report" },
  retraction: { zh: "撤回", en: "retraction" },
};

export const SECTOR = {
  catering: { zh: "餐饮", en: "catering" },
  retail: { zh: "零售", en: "retail" },
  lodging: { zh: "住宿", en: "lodging" },
  tourism: { zh: "旅游", en: "tourism" },
  culture_sports: { zh: "文体", en: "culture and sports" },
  household: { zh: "家政", en: "household services" },
};

export const DIMENSIONS = {
  elder_care: { zh: "养老", en: "elder care" },
  childcare: { zh: "托育", en: "childcare" },
  household: { zh: "家政", en: "housekeeping" },
  qihua: { zh: "七花消费券", en: "Qihua vouchers" },
  qixiang: { zh: "七乡购物节", en: "Qixiang shopping festival" },
  personal: { zh: "个人", en: "personal" },
  small_enterprise: { zh: "小微企业", en: "small enterprises" },
};

export const REFUSED = {
  not_json: { zh: "不是 JSON", en: "not JSON" },
  not_utf8: { zh: "不是 UTF-8", en: "not UTF-8" },
  not_object: { zh: "不是 JSON 对象", en: "not a JSON object" },
  missing_field: { zh: "缺字段", en: "field missing" },
  unknown_field: { zh: "没有这个字段", en: "unknown field" },
  invalid_field: { zh: "内容不合要求", en: "invalid field" },
  time_out_of_range: { zh: "时间过早或过晚", en: "time out of range" },
  unknown_division: { zh: "没有这个区划", en: "unknown division" },
  forbidden_division: { zh: "区划不在密钥范围内", en: "division not of the key" },
  unknown_type: { zh: "没有这种记录", en: "unknown type" },
  wrong_source: { zh: "来源不是本单位", en: "wrong source" },
  unknown_task: { zh: "没有这项任务", en: "unknown task" },
  conflict: { zh: "编号重复而内容不同", en: "same id, other content" },
  too_large: { zh: "记录过大", en: "too large" },
  too_deep: { zh: "嵌套过深", en: "nested too deep" },
  not_an_event: { zh: "不是事件", en: "not an event" },
  not_a_dead_letter: { zh: "不是死信", en: "not a dead letter" },
  not_a_receipt: { zh: "不是回执", en: "not a receipt" },
  not_a_refused_push: { zh: "不是拒收的上报", en: "not a refused push" },
};

export const SEVERITY = {
  critical: { zh: "严重", en: "critical" },
  warning: { zh: "警告", en: "warning" },
  info: { zh: "提示", en: "info" },
};

export const ALERT_STATE = {
  ok: { zh: "正常", en: "normal" },
  pending: { zh: "待定", en: "pending" },
  firing: { zh: "告警", en: "alert" },
  recovering: { zh: "恢复中", en: "recovering" },
  resolved: { zh: "解除", en: "resolved" },
  no_data: { zh: "无数据", en: "no data" },
  error: { zh: "出错", en: "error" },
  silenced: { zh: "已静音", en: "silenced" },
  inhibited: { zh: "已抑制", en: "inhibited" },
  acknowledged: { zh: "已确认", en: "acknowledged" },
};
