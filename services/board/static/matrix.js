// Townships by figures, a table for each theme: each cell told by colour, shape and number.

import { brief, flash, glyph, h, pair, setPair } from "./dom.js";
import { isAimed } from "./view.js";
import { STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

/** Fill `box` with a fold for each theme; a table is made when its fold is opened first. */
export function matrix(box, view) {
  const open = new Set([...box.querySelectorAll("details[open]")].map((fold) => fold.dataset.theme));
  const first = box.childElementCount === 0;
  const tables = [];
  box.replaceChildren(...byTheme([...view.declarations.values()]).map(([theme, declarations], place) => {
    const kept = declarations.filter((one) => one.levels.includes("township"));
    const columns = [true, false].flatMap((is) => kept.filter((one) => isAimed(one, "county") === is));
    const made = { columns, cells: null, place: h("div", { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": `fold-${theme}` }) };
    tables.push(made);
    const left = declarations.length - columns.length;
    const fold = h("details", { class: "fold", "data-theme": theme, open: open.has(theme) || (first && place === 0) },
      h("summary", { id: `fold-${theme}` }, h("b", {}, pair(THEMES[theme])), " ",
        h("span", { class: "many" }, brief({
          zh: `${columns.length} 项${left ? `（另 ${left} 项只统计到县）` : ""}`,
          en: `${columns.length} indicators${left ? ` (${left} more for the county only)` : ""}`,
        }))),
      made.place);
    fold.addEventListener("toggle", () => fold.open && fillIn(made));
    if (fold.open) fillIn(made);
    return fold;
  }));

  function fillIn(made) {
    if (made.cells) return;
    made.cells = new Map();
    made.place.replaceChildren(table(made, view));
    for (const cell of made.cells.values()) cell.paint(false);
    for (const column of made.columns) scale(made, column);
  }

  /** The bars of a column are comparable: all are drawn to its largest township. */
  function scale(made, declaration) {
    const towns = view.townships.map((town) => view.figure(declaration.id, town.code)?.value ?? 0);
    const promised = isAimed(declaration, "township") ? Number(declaration.target.value) : 0;
    const full = Math.max(promised, ...towns) || 1;
    for (const town of view.townships) made.cells.get(view.key(declaration.id, town.code)).scale(full, promised);
  }

  return {
    paint(keys, blink) {
      for (const made of tables.filter(({ cells }) => cells)) {
        for (const key of keys) made.cells.get(key)?.paint(blink);
        const touched = new Set([...keys].map((key) => key.split("/")[0]));
        for (const column of made.columns) if (touched.has(column.id)) scale(made, column);
      }
    },
  };
}

function table(made, view) {
  const rows = [view.division(view.county), ...view.townships].map((division) =>
    h("tr", { class: division.level },
      h("th", { scope: "row" }, division.level === "county" ? brief({ zh: "全县", en: "whole county" }) : division.name),
      ...made.columns.map((declaration) => {
        const one = cell(declaration, division, view);
        made.cells.set(view.key(declaration.id, division.code), one);
        return one.element;
      })));
  return h("table", { class: "matrix" },
    h("caption", { class: "hidden" }, pair({ zh: "各乡镇各指标的当前数字与状态", en: "current figures and status by township" })),
    h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "corner" }, pair({ zh: "区划", en: "division" })), ...made.columns.map(heading))),
    h("tbody", {}, ...rows));
}

function heading(declaration) {
  const aim = f.target(declaration, "county");
  return h("th", { scope: "col" },
    h("span", { class: "name" }, pair(declaration.name)),
    h("span", { class: "aimed" }, h("span", {}, brief(aim ? { zh: `目标 ${aim}`, en: `target ${aim}` } : { zh: "监测", en: "watched" })), " ", h("span", {}, brief(declaration.unit))));
}

function cell(declaration, division, view) {
  const parts = { sign: h("span", { class: "sign" }), number: h("span", { class: "num" }), bar: h("i", { class: "bar", "aria-hidden": "true" }) };
  const word = h("span", { class: "hidden" });
  const button = h("button", { type: "button", class: "cell", "data-figure": view.key(declaration.id, division.code) }, parts.sign, parts.number, word, parts.bar);
  return {
    element: h("td", {}, button),
    paint(blink) {
      const figure = view.figure(declaration.id, division.code);
      const status = f.status(figure);
      const restated = button.dataset.status !== status;
      if (restated) {
        button.dataset.status = status;
        parts.sign.replaceChildren(glyph(status));
        setPair(word, f.hasValue(figure) ? { zh: `，${STATUS[status].zh}`, en: `, ${STATUS[status].en}` } : { zh: "" });
      }
      const changed = setPair(parts.number, f.reading(declaration, figure), "spare");
      if (blink && (changed || restated)) flash(button);
    },
    scale(full, promised) {
      const figure = view.figure(declaration.id, division.code);
      parts.bar.hidden = !f.hasValue(figure);
      parts.bar.style.setProperty("--share", Math.min(1, (figure?.value ?? 0) / full));
      parts.bar.style.setProperty("--aim", promised / full);
      parts.bar.classList.toggle("aimed", promised > 0);
    },
  };
}
