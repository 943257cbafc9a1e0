// What can be sent: the streams, and the kinds of file.

/** Each with its Chinese and English name. */
export const STREAMS = {
  facility: ["机构和设施", "facilities"],
  "childcare-place": ["托位和在托人数", "childcare places"],
  "fitness-event": ["健身赛事活动", "fitness events"],
  "consumption-voucher": ["消费券", "consumption vouchers"],
  statistic: ["统计数", "statistics"],
  "task-report": ["任务进展报告", "task reports"],
  retraction: ["撤回", "retractions"],
};

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const MEDIA_TYPES = {
  xlsx: XLSX,
  csv: "text/csv",
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
  json: "application/json",
};

/** Names of files without and with the suffix: ["五月", "xlsx"]. */
export function split(name) {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()];
}

/** The media type a file goes with, or null if it is of no kind we take. The browser's own guess is not asked:
    where Office is installed it takes CSV for old Excel. */
export const mediaType = (name) => MEDIA_TYPES[split(name)[1]] ?? null;

/** The stream that a file's name says it is of, or null: `facility.五月.xlsx`. */
export function streamOf(name) {
  const first = name.split(".")[0];
  return Object.hasOwn(STREAMS, first) ? first : null;
}
