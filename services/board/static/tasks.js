// The plan's tasks: who has promised what, which figures measure it, what was last reported.

import { badge, byId, en, glyph, h, setText } from "./dom.js";
import { chips } from "./chips.js";
import { read } from "./view.js";
import { REPORT, STATUS } from "./words.js";
import * as f from "./format.js";

const EVERY_MS = 15000;
const ALL = { zh: "项任务", en: "tasks" };

const stateOf = (task) => task.report?.status ?? "not_reported";

export function tasks(view) {
  const box = byId("task-list");
  const pick = byId("lead");
  let all = [];
  let wanted = null;
  let timer = null;
  let open = false;
  let shape = ""; // which tasks, under which headings, the page is built for
  let leads = "";
  let rows = new Map(); // number: { json, element, marks }
  const counts = chips(byId("task-tally"), Object.keys(REPORT), REPORT, ALL, (state) => {
    wanted = state;
    filter();
  });

  async function load() {
    clearTimeout(timer);
    try {
      all = await read("/v1/tasks");
      if (all.length === 0) box.replaceChildren(h("p", { class: "nothing" }, "计划中没有任务 · the plan has no tasks"));
      else draw();
      byId("task-trouble").hidden = true;
    } catch (error) {
      setText(byId("task-trouble"), `任务暂时读不到，正在重试 · the tasks cannot be read, trying again (${error.message})`);
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
    offer();
    filter();
  }

  function build(headings) {
    shape = headings;
    rows = new Map(all.map((task) => [task.number, { json: "", element: h("li", { class: "task", "data-task": task.number }), marks: [] }]));
    const sections = [];
    for (const task of all) {
      if (sections.at(-1)?.action !== task.action.zh) sections.push({ action: task.action.zh, english: task.action.en, groups: [] });
      const { groups } = sections.at(-1);
      if (groups.at(-1)?.group !== task.group.zh) groups.push({ group: task.group.zh, english: task.group.en, tasks: [] });
      groups.at(-1).tasks.push(task.number);
    }
    box.replaceChildren(...sections.map(({ action, english, groups }) => h("section", { class: "action" },
      h("h3", {}, action, " ", en(english)),
      ...groups.map(({ group, english: beside, tasks: numbers }) => h("div", { class: "group" },
        h("h4", {}, group, " ", en(beside)),
        h("ol", {}, ...numbers.map((number) => rows.get(number).element)))))));
  }

  function fill(row, task) {
    row.element.dataset.status = stateOf(task);
    row.marks = task.indicators.map((indicator) => mark(indicator));
    row.element.replaceChildren(
      h("span", { class: "number" }, String(task.number)),
      h("div", { class: "what" },
        h("p", { class: "title" }, task.title.zh), h("p", { class: "en", lang: "en" }, task.title.en),
        h("p", { class: "units" }, h("span", { class: "label" }, "牵头 ", en("lead")), " ", h("b", {}, task.lead.join("、"))),
        task.cooperating.length ? h("p", { class: "units" }, h("span", { class: "label" }, "配合 ", en("with")), " ", task.cooperating.join("、")) : null),
      h("div", { class: "measured" }, ...(row.marks.length
        ? [h("span", { class: "label" }, "衡量指标 ", en("measured by")), h("ul", {}, ...row.marks.map(({ element }) => element))]
        : [h("span", { class: "label" }, "没有指标，只看报告 ", en("no indicator: its reports alone"))])),
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
      const value = declaration && f.hasValue(figure) ? `${f.value(declaration, figure)} ${declaration.unit.zh}` : "";
      button.replaceChildren(glyph(status), h("span", {}, indicator.name.zh), value ? h("b", {}, value) : "", h("span", { class: "said" }, STATUS[status].zh));
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
      said ? h("p", { class: "since" }, h("time", { datetime: said.time }, f.moment(said.time)), ` · ${said.source}`)
        : h("p", { class: "since" }, "牵头部门还没有报告 · the lead department has not reported"));
  }

  function offer() {
    const found = [...new Set(all.flatMap((task) => task.lead))];
    if (JSON.stringify(found) === leads) return;
    leads = JSON.stringify(found);
    const chosen = found.includes(pick.value) ? pick.value : "";
    pick.replaceChildren(h("option", { value: "" }, "全部部门 · all"), ...found.map((lead) => h("option", { value: lead, selected: lead === chosen }, lead)));
  }

  function filter() {
    const ofLead = all.filter((task) => pick.value === "" || task.lead.includes(pick.value));
    counts.count(ofLead.map(stateOf));
    const shown = new Set(ofLead.filter((task) => wanted === null || stateOf(task) === wanted).map((task) => task.number));
    for (const [number, { element }] of rows) element.hidden = !shown.has(number);
    for (const part of box.querySelectorAll(".group, .action")) part.hidden = part.querySelector(".task:not([hidden])") === null;
    setText(byId("task-shown"), shown.size === all.length ? "" : `显示 ${shown.size} 项，共 ${all.length} 项 · ${shown.size} of ${all.length} shown`);
  }

  pick.addEventListener("change", filter);
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
