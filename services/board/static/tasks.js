// The plan's tasks: who has promised what, which figures measure it, what was last reported.

import { badge, because, brief, byId, glyph, h, pair, setPair } from "./dom.js";
import { plainly } from "./lang.js";
import { chips } from "./chips.js";
import { downloads } from "./downloads.js";
import { read } from "./view.js";
import { REPORT, STATUS } from "./words.js";
import * as f from "./format.js";

const EVERY_MS = 15000;
const ALL = { zh: "项任务", en: "tasks" };

/** What the tasks can be put in order by, largest first; `plan` is the plan's own order, under its headings. */
const ORDERS = {
  plan: [{ zh: "规划的顺序", en: "as in the plan" }, null],
  percent: [{ zh: "进度", en: "progress" }, (task) => task.report?.percent ?? -1],
  reported: [{ zh: "最近报告", en: "newest report" }, (task) => Date.parse(task.report?.time ?? 0)],
};

const stateOf = (task) => task.report?.status ?? "not_reported";

export function tasks(view) {
  const box = byId("task-list");
  const [pick, find, order] = ["lead", "task-find", "task-order"].map(byId);
  let all = [];
  let wanted = null;
  let timer = null;
  let open = false;
  let shape = ""; // which tasks, under which headings, the page is built for
  let leads = "";
  let rows = new Map(); // number: { json, element, marks }
  byId("task-downloads").replaceChildren(downloads((format) => `/v1/tasks?format=${format}`, ALL));
  order.replaceChildren(...Object.entries(ORDERS).map(([name, [words]]) => plainly(h("option", { value: name }), words)));
  const counts = chips(byId("task-tally"), Object.keys(REPORT), REPORT, ALL, (state) => {
    wanted = state;
    filter();
  });

  async function load() {
    clearTimeout(timer);
    try {
      all = await read("/v1/tasks");
      if (all.length === 0) box.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "计划中没有任务", en: "the plan has no tasks" })));
      else draw();
      byId("task-trouble").hidden = true;
    } catch (error) {
      setPair(byId("task-trouble"), because({ zh: "任务暂时读不到，正在重试", en: "the tasks cannot be read, trying again" }, error));
      byId("task-trouble").hidden = false;
    }
    clearTimeout(timer);
    if (open) timer = setTimeout(load, EVERY_MS);
  }

  function draw() {
    const headings = JSON.stringify(all.map(({ number, action, group }) => [number, action, group]));
    if (headings !== shape) build(headings);
    for (const task of all) {
      const row = rows.get(task.number);
      const json = JSON.stringify(task);
      if (json === row.json) continue; // what has not changed keeps its place, its focus and its folds
      row.json = json;
      fill(row, task);
    }
    if (order.value !== "plan") arrange();
    offer();
    filter();
  }

  function build(headings) {
    shape = headings;
    rows = new Map(all.map((task) => [task.number, { json: "", element: h("li", { class: "task", "data-task": task.number }), marks: [] }]));
    arrange();
  }

  function arrange() {
    const [, by] = ORDERS[order.value];
    if (by) {
      const sorted = [...all].sort((one, other) => by(other) - by(one)).map((task) => rows.get(task.number).element);
      const list = box.querySelector(":scope > .in-order") ?? h("ol", { class: "in-order" });
      if (sorted.some((element, place) => element !== list.children[place])) list.replaceChildren(...sorted);
      if (!list.isConnected) box.replaceChildren(list);
      return;
    }
    const sections = [];
    for (const task of all) {
      if (sections.at(-1)?.action.zh !== task.action.zh) sections.push({ action: task.action, groups: [] });
      const { groups } = sections.at(-1);
      if (groups.at(-1)?.group.zh !== task.group.zh) groups.push({ group: task.group, tasks: [] });
      groups.at(-1).tasks.push(task.number);
    }
    box.replaceChildren(...sections.map(({ action, groups }) => h("section", { class: "action" },
      h("h3", {}, pair(action)),
      ...groups.map(({ group, tasks: numbers }) => h("div", { class: "group" },
        h("h4", {}, pair(group)),
        h("ol", {}, ...numbers.map((number) => rows.get(number).element)))))));
  }

  function fill(row, task) {
    row.element.dataset.status = stateOf(task);
    row.marks = task.indicators.map((indicator) => mark(indicator));
    row.element.replaceChildren(
      h("span", { class: "number" }, String(task.number)),
      h("div", { class: "what" },
        h("p", { class: "title" }, pair(task.title)),
        h("p", { class: "units" }, h("span", { class: "label" }, pair({ zh: "牵头", en: "lead" })), " ", h("b", {}, task.lead.join("、"))),
        task.cooperating.length ? h("p", { class: "units" }, h("span", { class: "label" }, pair({ zh: "配合", en: "with" })), " ", task.cooperating.join("、")) : null),
      h("div", { class: "measured" }, ...(row.marks.length
        ? [h("span", { class: "label" }, pair({ zh: "衡量指标", en: "measured by" })), h("ul", {}, ...row.marks.map(({ element }) => element))]
        : [h("span", { class: "label" }, pair({ zh: "没有指标，只看报告", en: "no indicator: its reports alone" }))])),
      report(task.report));
  }

  function mark(indicator) {
    const key = view.key(indicator.id, view.county);
    const button = h("button", { type: "button", class: "measure", "data-figure": key });
    const paint = () => {
      const declaration = view.declaration(indicator.id);
      const figure = view.figure(indicator.id, view.county);
      const status = figure?.status ?? indicator.status;
      button.dataset.status = status;
      const value = declaration && f.hasValue(figure) ? h("b", {}, brief(f.measured(declaration, figure))) : "";
      button.replaceChildren(glyph(status), h("span", {}, brief(indicator.name)), value, h("span", { class: "said" }, brief(STATUS[status])));
    };
    paint();
    return { key, paint, element: h("li", {}, button) };
  }

  function report(said) {
    const state = said?.status ?? "not_reported";
    const share = h("i", { class: "fill" });
    share.style.setProperty("--share", (said?.percent ?? 0) / 100);
    return h("div", { class: "report", "data-status": state },
      h("p", { class: "report-head" }, badge(state, REPORT), said ? h("b", {}, `${said.percent} %`) : null),
      h("div", { class: "gauge", "aria-hidden": "true" }, share),
      said?.note ? h("p", { class: "note" }, said.note) : null,
      said ? h("p", { class: "since" }, h("time", { datetime: said.time }, f.moment(said.time)), " · ", h("span", { title: said.source }, brief(view.agency(said.source))))
        : h("p", { class: "since" }, pair({ zh: "牵头部门还没有报告", en: "the lead department has not reported" })));
  }

  function offer() {
    const found = [...new Set(all.flatMap((task) => task.lead))];
    if (JSON.stringify(found) === leads) return;
    leads = JSON.stringify(found);
    const chosen = found.includes(pick.value) ? pick.value : "";
    pick.replaceChildren(plainly(h("option", { value: "" }), { zh: "全部部门", en: "all departments" }), ...found.map((lead) => h("option", { value: lead, selected: lead === chosen }, lead)));
  }

  function filter() {
    const text = find.value.trim().toLowerCase();
    const named = (task) => text === "" || JSON.stringify([task.number, task.title, task.lead, task.cooperating, task.report?.note]).toLowerCase().includes(text);
    const ofLead = all.filter((task) => (pick.value === "" || task.lead.includes(pick.value)) && named(task));
    counts.count(ofLead.map(stateOf));
    const shown = new Set(ofLead.filter((task) => wanted === null || stateOf(task) === wanted).map((task) => task.number));
    for (const [number, { element }] of rows) element.hidden = !shown.has(number);
    for (const part of box.querySelectorAll(".group, .action")) part.hidden = part.querySelector(".task:not([hidden])") === null;
    setPair(byId("task-shown"), shown.size === all.length ? { zh: "" }
      : { zh: `显示 ${shown.size} 项，共 ${all.length} 项`, en: `${shown.size} of ${all.length} shown` });
  }

  pick.addEventListener("change", filter);
  find.addEventListener("input", filter);
  order.addEventListener("change", () => {
    arrange();
    filter();
  });
  document.addEventListener("visibilitychange", () => {
    if (open && !document.hidden) load();
  });
  return {
    /** Read the tasks now and every 15 s while their view is open. */
    show(is) {
      open = is;
      clearTimeout(timer);
      if (open) load();
    },
    paint(keys) {
      for (const { marks } of rows.values()) for (const one of marks) if (keys.has(one.key)) one.paint();
    },
  };
}
