// The records of one facility, the newest first: who sent what, when it was so, when it came, what became of it.

import { brief, h, pair } from "./dom.js";
import { view } from "./view.js";
import { fieldName, valueOf } from "./vocabulary.js";
import { streamName } from "./words.js";
import * as f from "./format.js";

const STANDING = {
  holds: { zh: "现行", en: "holds" },
  followed: { zh: "已被接替", en: "followed" },
  corrected: { zh: "已被更正", en: "corrected" },
  withdrawn: { zh: "已撤回", en: "withdrawn" },
};
const DAY_MS = 86400000;

const by = (record) => view.agency(record.source);

export function timeline(records) {
  return h("ol", { class: "timeline" }, ...records.map((one, at) => item(one, before(records, at))));
}

/** The record of the same stream that held until this one. */
const before = (records, at) => records.slice(at + 1).find((one) => one.stream === records[at].stream && one.standing !== "withdrawn");

function item(record, former) {
  const late = Math.floor((new Date(record.received_at) - new Date(record.time)) / DAY_MS);
  return h("li", { "data-standing": record.standing },
    h("p", { class: "timeline-head" },
      h("time", { datetime: record.time }, f.moment(record.time)),
      h("span", { class: "standing" }, pair(STANDING[record.standing])),
      h("span", { class: "stream" }, brief(streamName(record.stream)))),
    record.standing === "withdrawn" ? null : changes(record, former),
    ...record.withdrawals.map((one) => h("p", { class: "withdrawal" }, pair({
      zh: `${by(record).zh} 于 ${f.moment(one.time)} 撤回：${one.reason}（${f.moment(one.received_at)} 收到）`,
      en: `withdrawn by ${by(record).en}, ${f.moment(one.time)}: ${one.reason} (received ${f.moment(one.received_at)})`,
    }))),
    record.next ? h("p", { class: "followed-by" }, pair(record.standing === "corrected"
      ? { zh: `同一时刻的另一条记录更正了它：${by(record.next).zh} ${record.next.id}`, en: `corrected by another record of the same moment: ${by(record.next).en} ${record.next.id}` }
      : { zh: `${f.moment(record.next.time)} 起由 ${by(record.next).zh} ${record.next.id} 接替`, en: `until ${f.moment(record.next.time)}, then ${by(record.next).en} ${record.next.id}` })) : null,
    h("p", { class: "since" },
      h("b", { title: record.source }, brief(by(record))), " · ", h("span", {}, pair({ zh: `${f.moment(record.received_at)} 接收`, en: `received ${f.moment(record.received_at)}` })),
      late >= 1 ? h("span", { class: "late" }, pair({ zh: `迟报 ${late} 天`, en: `${late} days late` })) : null),
    h("details", { "data-record": `${record.stream}/${record.source}/${record.id}` },
      h("summary", {}, pair({ zh: "编号、回执与字段", en: "id, receipt, fields" })),
      h("dl", { class: "fields" }, ...[[{ zh: "编号", en: "id" }, { zh: record.id }], [{ zh: "回执", en: "receipt" }, { zh: record.receipt || "—" }], ...said(record)]
        .flatMap(([name, value]) => [h("dt", {}, pair(name)), h("dd", {}, brief(value))]))));
}

const said = (record) => Object.keys(record.fields).map((name) => [fieldName(record.stream, name), valued(record, name)]);

/** A field in words; of a place its name. */
const valued = (record, name) => (name === "division" ? { zh: record.division_name || record.fields[name] } : valueOf(record.stream, name, record.fields[name]));

/** What is other than in the record before; of the first one what it says. */
function changes(record, former) {
  if (!former) return h("p", { class: "changes" }, pair({ zh: "首次报告", en: "the first report" }));
  const names = [...new Set([...Object.keys(former.fields), ...Object.keys(record.fields)])];
  const other = names.filter((name) => JSON.stringify(former.fields[name]) !== JSON.stringify(record.fields[name]));
  if (other.length === 0) return h("p", { class: "changes none" }, pair({ zh: "与上一条相同", en: "the same as before" }));
  const value = (one, name) => (name in one.fields ? valued(one, name) : { zh: "—" });
  return h("ul", { class: "changes" }, ...other.map((name) => h("li", {},
    h("span", { class: "what" }, brief(fieldName(record.stream, name))), " ",
    h("s", {}, brief(value(former, name))), " → ", h("b", {}, brief(value(record, name))))));
}
