// The columns of the tables on a township's page: its facilities, and who tells of it.

import { brief, h, pair } from "./dom.js";
import { offers } from "./offers.js";
import { state } from "./place.js";
import { view } from "./view.js";
import { wordOf } from "./vocabulary.js";
import { streamName } from "./words.js";
import * as f from "./format.js";

export function facilityColumns() {
  const kindOf = (one) => wordOf("facility", "kind", one.kind);
  const statusOf = (one) => wordOf("facility", "status", one.status);
  return [
    {
      title: { zh: "名称", en: "name" },
      show: (one) => h("a", { class: "open", href: `#facility/${encodeURIComponent(one.id)}` }, one.name),
      order: (one) => one.name,
      said: (one) => ({ zh: `${one.name} ${one.id}` }),
    },
    { title: { zh: "类别", en: "kind" }, show: (one) => brief(kindOf(one)), order: (one) => kindOf(one).zh, said: kindOf },
    { title: { zh: "状态", en: "status" }, show: (one) => state(one.status, statusOf(one)), order: (one) => statusOf(one).zh, said: statusOf },
    { title: { zh: "所在", en: "where" }, show: (one) => one.division_name, order: (one) => one.division, said: (one) => ({ zh: one.division_name }) },
    { title: { zh: "规模", en: "offers" }, show: (one) => brief(offers(one)), order: (one) => offers(one).zh, said: offers },
    {
      title: { zh: "最近记录", en: "last record" },
      show: (one) => h("time", { datetime: one.time }, f.moment(one.time)),
      order: (one) => one.time,
      said: (one) => ({ zh: f.moment(one.time) }),
    },
  ];
}

export function feedColumns() {
  const sender = (one) => one.name ?? view.agency(one.source);
  const time = (title, field) => ({
    title, show: (one) => h("time", { datetime: one[field] }, f.moment(one[field])), order: (one) => one[field], said: (one) => ({ zh: f.moment(one[field]) }),
  });
  return [
    { title: { zh: "来源", en: "feed" }, show: (one) => pair(sender(one)), order: (one) => sender(one).zh, said: (one) => ({ ...sender(one), source: one.source }) },
    { title: { zh: "数据", en: "stream" }, show: (one) => brief(streamName(one.stream)), order: (one) => one.stream, said: (one) => streamName(one.stream) },
    { title: { zh: "条数", en: "records" }, numeric: true, show: (one) => f.number(one.records, 0), order: (one) => one.records, said: (one) => ({ zh: String(one.records) }) },
    time({ zh: "最新情况", en: "newest" }, "newest_time"),
    time({ zh: "最近接收", en: "last received" }, "received_at"),
  ];
}
