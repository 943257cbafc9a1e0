// The records behind a figure, a page at a time: whose they are, when they held, when they came.

import { because, brief, byId, h, pair, setPair } from "./dom.js";
import { plainly } from "./lang.js";
import { downloads } from "./downloads.js";
import { read } from "./view.js";
import { streamName } from "./words.js";
import * as f from "./format.js";

const LIMIT = 20;
const OF_FACILITIES = ["facility", "childcare-place"];
const PARTS = [["numerator", "分子", "numerator"], ["denominator", "分母", "denominator"]];

/** What the records that are listed can be put in order by, largest or newest first. */
const ORDERS = {
  read: [{ zh: "读取的顺序", en: "as read" }, null],
  amount: [{ zh: "数量", en: "amount" }, (record) => Number(record.amount)],
  time: [{ zh: "时间", en: "time" }, (record) => Date.parse(record.time ?? 0)],
  received: [{ zh: "接收时间", en: "received" }, (record) => Date.parse(record.received_at ?? 0)],
};

/** What it is about; a facility leads to all its records. */
function named({ name, subject, stream }) {
  return OF_FACILITIES.includes(stream) ? h("a", { class: "open", href: `#facility/${encodeURIComponent(subject)}` }, name || subject) : name || subject;
}

export function records(view) {
  const fold = byId("panel-records");
  const [list, total, more, stale] = ["records", "records-total", "records-more", "records-stale"].map(byId);
  const [order, find] = ["records-order", "records-find"].map(byId);
  let listed = []; // { record, element, text }, as they were read
  let shown = null; // { declaration, division, moment }
  let part = "numerator";
  let next = null;
  let asked = 0;
  let filledFor = "";

  const parts = new Map(PARTS.map(([name, zh, english]) => {
    const button = h("button", { type: "button", "data-part": name }, pair({ zh, en: english }));
    button.addEventListener("click", () => {
      part = name;
      begin();
    });
    return [name, button];
  }));
  byId("records-parts").replaceChildren(...parts.values());

  order.replaceChildren(...Object.entries(ORDERS).map(([name, [words]]) => plainly(h("option", { value: name }), words)));
  byId("records-downloads").replaceChildren(downloads(
    (format) => shown && `/v1/indicators/${shown.declaration.id}/records?${new URLSearchParams({ division: shown.division, part, ...shown.moment, format })}`,
    { zh: "全部依据的记录", en: "all records" }));

  const address = () => JSON.stringify([shown.declaration.id, shown.division, shown.moment, part]);

  function begin() {
    if (!f.isRatio(shown.declaration)) part = "numerator";
    for (const [name, button] of parts) {
      button.setAttribute("aria-pressed", String(name === part));
      button.hidden = name === "denominator" && !f.isRatio(shown.declaration);
    }
    asked += 1;
    next = null;
    filledFor = "";
    list.replaceChildren();
    listed = [];
    setPair(total, { zh: "" });
    more.hidden = stale.hidden = true;
    if (fold.open) load();
  }

  async function load() {
    const mine = ++asked;
    filledFor = address();
    more.disabled = true;
    list.setAttribute("aria-busy", "true");
    if (next === null) setPair(total, { zh: "正在读取", en: "reading" });
    const asks = new URLSearchParams({ division: shown.division, part, limit: LIMIT, ...shown.moment });
    if (next !== null) asks.set("cursor", next);
    try {
      const answer = await read(`/v1/indicators/${shown.declaration.id}/records?${asks}`);
      if (mine !== asked) return; // something else is asked for by now
      const added = answer.records.map((record) => ({ record, element: item(record), text: JSON.stringify(record).toLowerCase() }));
      const first = listed.length === 0;
      listed.push(...added);
      arrange();
      next = answer.next;
      more.hidden = next === null;
      setPair(total, summary(answer.total, listed.length, next !== null));
      if (!first) added[0]?.element.focus();
    } catch (error) {
      if (mine !== asked) return;
      filledFor = "";
      more.hidden = false;
      setPair(total, because({ zh: "记录暂时读不到", en: "the records cannot be read now" }, error));
    }
    more.disabled = false;
    list.removeAttribute("aria-busy");
  }

  /** Put what is listed in order, and hide what is not looked for. */
  function arrange() {
    const [, by] = ORDERS[order.value];
    const text = find.value.trim().toLowerCase();
    const sorted = by ? [...listed].sort((one, other) => by(other.record) - by(one.record)) : listed;
    for (const one of sorted) one.element.hidden = !one.text.includes(text);
    list.append(...sorted.map(({ element }) => element));
  }

  function summary(sum, many, hasMore) {
    if (sum === null) return { zh: "合计未知", en: "total not known" };
    const [zh, english] = [`合计 ${f.plain(sum)}`, `total ${f.plain(sum)}`];
    if (many === 0) return { zh: `${zh}，没有单独的记录`, en: `${english}, no records of its own` };
    return { zh: `${zh}，已列 ${many} 条${hasMore ? "，还有更多" : ""}`, en: `${english}, ${many} listed${hasMore ? ", there are more" : ""}` };
  }

  function item(record) {
    const place = record.division_name;
    const fields = Object.entries(record.fields ?? {}).filter(([, value]) => value !== null);
    return h("li", { tabindex: "-1" },
      h("p", { class: "record-head" }, h("b", {}, named(record)), h("b", { class: "num" }, f.plain(record.amount))),
      h("p", {}, ...(record.source ? [brief(view.agency(record.source)), " · "] : []), brief(streamName(record.stream)), place ? ` · ${place}` : ""),
      record.time === null ? null : h("p", { class: "since" }, pair({ zh: "时间", en: "time" }), " ", h("time", { datetime: record.time }, f.moment(record.time)),
        " · ", pair({ zh: "接收", en: "received" }), " ", h("time", { datetime: record.received_at }, f.moment(record.received_at))),
      h("details", {}, h("summary", {}, pair({ zh: "编号、回执与字段", en: "id, receipt, fields" })),
        h("dl", { class: "fields" }, ...[["id", record.id], ["subject", record.subject], [pair({ zh: "回执", en: "receipt" }), record.receipt || "—"], ...fields]
          .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]))));
  }

  fold.addEventListener("toggle", () => {
    if (fold.open && shown && filledFor !== address()) load();
  });
  more.addEventListener("click", load);
  order.addEventListener("change", arrange);
  find.addEventListener("input", arrange);
  stale.addEventListener("click", begin);
  return {
    /** List the records of a figure; `moment` holds `as_of` and `known_at` as far as they are chosen. */
    show(declaration, division, moment) {
      const before = shown && address();
      shown = { declaration, division, moment };
      if (before !== address()) begin();
    },
    /** The figure has changed since its records were read. */
    changed() {
      stale.hidden = filledFor === "";
    },
  };
}
