// The table of one theme: townships by figures, put in order by any of them; each cell told by colour, shape and number.

import { brief, flash, glyph, h, pair, setPair } from "./dom.js";
import { isAimed } from "./view.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

const WAYS = { none: "descending", descending: "ascending", ascending: "none" };
const ARROWS = { none: "", descending: "▼", ascending: "▲" };

/**
 * Returns `{ element, paint(keys, blink), narrow(passes) }`: `paint` what has changed, `narrow` lets through the
 * columns whose declaration passes.
 */
export function themeTable(declarations, view) {
  const cells = new Map(); // indicator/division: cell
  const heads = declarations.map((declaration) => heading(declaration, () => turn(declaration)));
  const corner = h("th", { scope: "col", class: "corner" }, pair({ zh: "区划", en: "division" }));
  const county = row(view.division(view.county));
  const towns = new Map(view.townships.map((town) => [town.code, row(town)]));
  const head = h("tr", {}, corner, ...heads.map(({ element }) => element));
  let sorted = { declaration: null, way: "none" };
  const element = h("table", { class: "matrix" },
    h("caption", { class: "hidden" }, pair({ zh: "各乡镇各指标的当前数字与状态", en: "current figures and status by township" })),
    h("thead", {}, head),
    h("tbody", {}, county, ...towns.values()));
  for (const one of cells.values()) one.paint(false);
  declarations.forEach(scale);

  function row(division) {
    return h("tr", { class: division.level },
      h("th", { scope: "row" }, division.level === "county" ? brief({ zh: "全县", en: "whole county" }) : h("a", { class: "open", href: `#township/${division.code}` }, division.name)),
      ...declarations.map((declaration) => {
        const one = cell(declaration, division, view);
        cells.set(view.key(declaration.id, division.code), one);
        return one.element;
      }));
  }

  /** The bars of a column are comparable: all are drawn to its largest township. */
  function scale(declaration) {
    const values = view.townships.map((town) => view.figure(declaration.id, town.code)?.value ?? 0);
    const promised = isAimed(declaration, "township") ? Number(declaration.target.value) : 0;
    const full = Math.max(promised, ...values) || 1;
    for (const town of view.townships) cells.get(view.key(declaration.id, town.code)).scale(full, promised);
  }

  /** Largest first, smallest first, as in the plan. */
  function turn(declaration) {
    const before = sorted.declaration === declaration ? sorted.way : "none";
    sorted = { declaration, way: WAYS[before] };
    for (const { element: th, arrow, declaration: its } of heads) {
      const way = its === declaration ? sorted.way : "none";
      if (way === "none") th.removeAttribute("aria-sort");
      else th.setAttribute("aria-sort", way);
      arrow.textContent = ARROWS[way];
    }
    arrange();
  }
  function arrange() {
    const value = ({ code }) => view.figure(sorted.declaration.id, code)?.value ?? null;
    const sign = sorted.way === "ascending" ? 1 : -1;
    const wanted = sorted.way === "none" ? view.townships : [...view.townships].sort((one, other) => {
      const [left, right] = [value(one), value(other)];
      return Number(left === null) - Number(right === null) || (left === null ? 0 : sign * (left - right)); // who has none stands last
    });
    const rows = wanted.map(({ code }) => towns.get(code));
    if (rows.every((one, place) => one === county.parentNode.children[place + 1])) return;
    const held = document.activeElement;
    county.after(...rows);
    if (held !== document.activeElement) held.focus({ preventScroll: true });
  }

  return {
    element,
    paint(keys, blink) {
      for (const key of keys) cells.get(key)?.paint(blink);
      const touched = new Set([...keys].map((key) => key.split("/")[0]));
      for (const declaration of declarations) if (touched.has(declaration.id)) scale(declaration);
      if (touched.has(sorted.declaration?.id)) arrange();
    },
    narrow(passes) {
      declarations.forEach((declaration, place) => {
        const isOut = !passes(declaration);
        for (const line of [head, county, ...towns.values()]) line.cells[place + 1].hidden = isOut;
      });
    },
  };
}

function heading(declaration, turned) {
  const aim = f.target(declaration, "county");
  const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
  const button = h("button", { type: "button", class: "sort" }, h("span", { class: "name" }, pair(declaration.name)), arrow,
    h("span", { class: "aimed" }, h("span", {}, brief(aim ? { zh: `目标 ${aim}`, en: `target ${aim}` } : { zh: "监测", en: "watched" })), " ", h("span", {}, brief(declaration.unit))));
  button.addEventListener("click", turned);
  return { element: h("th", { scope: "col" }, button), arrow, declaration };
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
