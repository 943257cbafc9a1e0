// What the panel says of one figure in words, and how the townships stand beside each other.

import { badge, brief, flash, glyph, h, halves, pair } from "./dom.js";
import { paceLine } from "./cards.js";
import { formula } from "./formula.js";
import { isAimed } from "./view.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

/** The value, what it is made of, its status and the reason. */
export function standing(declaration, figure, blink) {
  const has = f.hasValue(figure);
  const gap = f.gap(declaration, figure);
  const number = h("strong", { class: "big" }, has ? f.value(declaration, figure) : "—");
  if (blink) flash(number);
  const reached = figure?.forecast_day && figure.status !== "met"
    ? h("span", {}, h("span", { class: "what" }, pair({ zh: "照此达标", en: "reached at this pace" })), " ", h("b", {}, figure.forecast_day)) : null;
  return h("div", { class: "panel-value", "data-status": f.status(figure) },
    h("p", { class: "value" }, number, " ", has ? h("span", { class: "unit" }, pair(declaration.unit)) : null),
    badge(f.status(figure), STATUS),
    h("p", { class: "gap" }, pair(gap)),
    has && (f.isRatio(declaration) || Number(declaration.scale) !== 1) ? h("p", { class: "working" }, `= ${f.working(declaration, figure)} ${f.isRounded(declaration, figure) ? "≈" : "="} ${f.value(declaration, figure)}`) : null,
    figure?.reason_zh ? h("p", { class: "why" }, pair(f.reason(figure))) : null,
    h("p", { class: "pace" }, ...paceLine(declaration, figure), reached));
}

export function facts(declaration, figure, level) {
  const { baseline, task, unit } = declaration;
  const aim = f.target(declaration, level);
  const due = f.due(declaration);
  const target = { zh: `${aim} ${unit.zh}，${due.zh}`, en: `${aim} ${unit.en}, ${due.en}` };
  const rows = [
    ["口径", "definition", pair(declaration.definition)],
    ["公式", "formula", h("code", {}, brief(formula(declaration)))],
    ["分子", "numerator", figure ? f.plain(figure.numerator) : "—"],
    f.isRatio(declaration) ? ["分母", "denominator", figure ? f.plain(figure.denominator) : "—"] : null,
    ["目标", "target", pair(aim ? target : { zh: "本级无目标", en: "none at this level" })],
    baseline ? ["基期", "baseline", f.plain(baseline.value), " ", brief(unit), `（${baseline.day}）`] : null,
    ["依据", "source", pair(halves(declaration.source)), task ? brief({ zh: `（任务 ${task}）`, en: `(task ${task})` }) : ""],
    declaration.owner ? ["牵头部门", "lead department", declaration.owner] : null,
    declaration.note ? ["备注", "note", pair(declaration.note)] : null,
    figure?.definition ? ["定义版本", "definition version", brief(edition(figure.definition))] : null,
    figure ? ["数据截至", "as of", brief(f.day(figure.as_of))] : null,
    figure?.version ? ["更新时间", "updated", f.moment(figure.updated_at)] : null, // one worked out for a past moment has no version
  ];
  return h("dl", { class: "facts" }, ...rows.filter((row) => row !== null).flatMap(([zh, en, ...said]) => [
    h("dt", {}, pair({ zh, en })),
    h("dd", {}, ...said),
  ]));
}

function edition(definition) {
  const [number] = definition.split(".");
  return { zh: `第 ${number} 版（${definition}）`, en: `version ${number} (${definition})` };
}

/** The definitions that an indicator's figures were by, newest first, as `/definitions` answers. */
export function versions(held) {
  const what = ({ definition, declaration }) => {
    const change = declaration.changes[Number(definition.split(".")[0]) - 2];
    return change ? h("p", {}, `${change.day} `, pair(change.what)) : null;
  };
  return [
    h("summary", {}, pair({ zh: `定义的版本（${held.length}）`, en: `versions of the definition (${held.length})` })),
    h("ol", { class: "versions" }, ...held.map((one) => h("li", {},
      h("b", {}, brief(edition(one.definition))), " ", brief({ zh: "自", en: "since" }), ` ${f.moment(one.since)}`,
      what(one), h("p", {}, pair(one.declaration.definition)), h("code", {}, brief(formula(one.declaration)))))),
  ];
}

/** The townships beside each other, largest first; those without a value last. `named(town)` makes the name. */
export function compare(declaration, townships, figureOf, current, named = (town) => h("span", {}, town.name)) {
  const size = (town) => figureOf(town.code)?.value ?? -1;
  const towns = [...townships].sort((one, other) => size(other) - size(one));
  const promised = isAimed(declaration, "township") ? Number(declaration.target.value) : 0;
  const full = Math.max(promised, ...towns.map(size)) || 1;
  return h("section", {}, h("h3", {}, pair({ zh: "各乡镇", en: "townships" })), h("ol", { class: "compare" }, ...towns.map((town) => {
    const figure = figureOf(town.code);
    const status = f.status(figure);
    const bar = h("i", { class: promised ? "bar aimed" : "bar" });
    bar.style.setProperty("--share", f.hasValue(figure) ? figure.value / full : 0);
    bar.style.setProperty("--aim", promised / full);
    return h("li", { "data-status": status, "data-current": town.code === current },
      named(town), bar,
      h("span", { class: "num" }, glyph(status), brief(f.reading(declaration, figure)), h("span", { class: "hidden" }, pair({ zh: `，${STATUS[status].zh}`, en: `, ${STATUS[status].en}` }))));
  })));
}
