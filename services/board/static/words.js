// The words for what the data only names: Chinese first, English beside.

/** States of a figure; `below` stands only in the history, which does not look ahead to a due day. */
export const STATUS = {
  met: { zh: "达标", en: "met" },
  on_track: { zh: "进度正常", en: "on track" },
  behind: { zh: "进度滞后", en: "behind" },
  off_track: { zh: "难以按期", en: "off track" },
  missed: { zh: "逾期未达", en: "missed" },
  cannot_say: { zh: "暂难判断", en: "cannot say" },
  no_data: { zh: "暂无数据", en: "no data" },
  not_applicable: { zh: "不适用", en: "not applicable" },
  watched: { zh: "监测", en: "watched, no target" },
  below: { zh: "未达标", en: "below target" },
};
/** The states that a figure with a target can be in. */
export const AIMED = ["met", "on_track", "behind", "off_track", "missed", "cannot_say", "no_data", "not_applicable"];

export const THEMES = {
  childcare_education: { zh: "托育与教育", en: "Childcare and education" },
  health: { zh: "医疗卫生", en: "Health" },
  elder_care: { zh: "养老", en: "Elder care" },
  communities: { zh: "社区", en: "Communities" },
  sports_culture: { zh: "体育与文化", en: "Sports and culture" },
  vouchers: { zh: "消费券", en: "Vouchers" },
  support: { zh: "人才与支持", en: "Skills and support" },
};

/** Declarations by theme, in the order of THEMES: `[[theme, declarations], …]`, none of them empty. */
export const byTheme = (declarations) => Object.keys(THEMES)
  .map((theme) => [theme, declarations.filter((declaration) => declaration.theme === theme)])
  .filter(([, found]) => found.length > 0);

/** What a lead department says of its task; `not_reported` is ours: it has said nothing yet. */
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
  // Two that are no streams: what a figure counts or the plan names.
  division: { zh: "区划", en: "division" },
  constant: { zh: "计划中的数", en: "a number of the plan" },
};
export const streamName = (stream) => STREAMS[stream] ?? { zh: stream, en: stream };
