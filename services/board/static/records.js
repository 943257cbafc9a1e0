// The records behind a figure, a page at a time: whose they are, when they held, when they came.

import { byId, en, h, setText } from "./dom.js";
import { read } from "./view.js";
import { streamName } from "./words.js";
import * as f from "./format.js";

const LIMIT = 20;
const PARTS = [["numerator", "分子", "numerator"], ["denominator", "分母", "denominator"]];

export function records(view) {
  const fold = byId("panel-records");
  const [list, total, more, stale] = ["records", "records-total", "records-more", "records-stale"].map(byId);
  let shown = null; // { declaration, division, moment }
  let part = "numerator";
  let next = null;
  let asked = 0;
  let filledFor = "";

  const parts = new Map(PARTS.map(([name, zh, english]) => {
    const button = h("button", { type: "button", "data-part": name }, zh, " ", en(english));
    button.addEventListener("click", () => {
      part = name;
      begin();
    });
    return [name, button];
  }));
  byId("records-parts").replaceChildren(...parts.values());

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
    setText(total, "");
    more.hidden = stale.hidden = true;
    if (fold.open) load();
  }

  async function load() {
    const mine = ++asked;
    filledFor = address();
    more.disabled = true;
    list.setAttribute("aria-busy", "true");
    if (next === null) setText(total, "正在读取 · reading");
    const asks = new URLSearchParams({ division: shown.division, part, limit: LIMIT, ...shown.moment });
    if (next !== null) asks.set("cursor", next);
    try {
      const answer = await read(`/v1/indicators/${shown.declaration.id}/records?${asks}`);
      if (mine !== asked) return; // something else is asked for by now
      const before = list.childElementCount;
      list.append(...answer.records.map(item));
      next = answer.next;
      more.hidden = next === null;
      setText(total, answer.total === null ? "合计未知 · total not known" : `合计 ${f.plain(answer.total)} · 已列 ${list.childElementCount} 条${next === null ? "" : "，还有更多"}`);
      if (list.childElementCount === 0) setText(total, `合计 ${f.plain(answer.total)} · 没有单独的记录 · no records of its own`);
      if (before > 0) list.children[before]?.focus();
    } catch (error) {
      if (mine !== asked) return;
      filledFor = "";
      more.hidden = false;
      setText(total, `记录暂时读不到 · the records cannot be read now (${error.message})`);
    }
    more.disabled = false;
    list.removeAttribute("aria-busy");
  }

  function item(record) {
    const place = record.division_name;
    const fields = Object.entries(record.fields ?? {}).filter(([, value]) => value !== null);
    return h("li", { tabindex: "-1" },
      h("p", { class: "record-head" }, h("b", {}, record.name || record.subject), h("b", { class: "num" }, f.plain(record.amount))),
      h("p", {}, [record.source, streamName(record.stream), place].filter(Boolean).join(" · ")),
      record.time === null ? null : h("p", { class: "since" }, "时间 ", en("time"), " ", h("time", { datetime: record.time }, f.moment(record.time)),
        " · 接收 ", en("received"), " ", h("time", { datetime: record.received_at }, f.moment(record.received_at))),
      h("details", {}, h("summary", {}, "编号、回执与字段 ", en("id, receipt, fields")),
        h("dl", { class: "fields" }, ...[["id", record.id], ["subject", record.subject], ["receipt 回执", record.receipt || "—"], ...fields]
          .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]))));
  }

  fold.addEventListener("toggle", () => {
    if (fold.open && shown && filledFor !== address()) load();
  });
  more.addEventListener("click", load);
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
