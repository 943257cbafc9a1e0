// Townships by figures: one table, the county on top, each cell told by colour, shape and number.

import { en, flash, glyph, h, setText } from "./dom.js";
import * as f from "./format.js";

export function matrix(table, declarations, view) {
  const cells = new Map();
  const head = h("tr", {}, h("th", { scope: "col", class: "corner" }, "区划", en("division")),
    ...declarations.map((declaration) => heading(declaration)));
  const rows = [view.divisions[0], ...view.townships].map((division) =>
    h("tr", { class: division.level },
      h("th", { scope: "row" }, division.level === "county" ? `全县` : division.name),
      ...declarations.map((declaration) => {
        const made = cell(declaration, division, view);
        cells.set(view.key(declaration.id, division.code), made);
        return made.element;
      })));
  table.replaceChildren(
    h("caption", { class: "hidden" }, "各乡镇各指标的当前数字与达标情况 · current figures and status by township"),
    h("thead", {}, head), h("tbody", {}, ...rows));
  return {
    paint(key, blink) {
      cells.get(key)?.paint(blink);
    },
    /** The bars of a column are comparable: all are drawn to its largest township. */
    scale(indicator) {
      const towns = view.townships.map((town) => view.figure(indicator, town.code)?.value ?? 0);
      const declaration = declarations.find((candidate) => candidate.id === indicator);
      const promised = Number(f.target(declaration, "township") ? declaration.target.value : 0);
      const full = Math.max(promised, ...towns) || 1;
      for (const division of view.divisions) {
        cells.get(view.key(indicator, division.code))?.scale(full, promised);
      }
    },
  };
}

function heading(declaration) {
  const aim = f.target(declaration, "county");
  return h("th", { scope: "col" },
    h("span", { class: "name" }, declaration.name.zh), en(declaration.name.en),
    h("span", { class: "aimed" }, h("span", {}, aim ? `目标 ${aim}` : "监测"), " ", h("span", {}, declaration.unit.zh)));
}

function cell(declaration, division, view) {
  const key = view.key(declaration.id, division.code);
  const parts = { sign: h("span", { class: "sign" }), number: h("span", { class: "num" }), bar: h("i", { class: "bar", "aria-hidden": "true" }) };
  const word = h("span", { class: "hidden" });
  const button = h("button", { type: "button", class: "cell", "data-figure": key }, parts.sign, parts.number, word, parts.bar);
  return {
    element: h("td", {}, button),
    paint(blink) {
      const figure = view.figure(declaration.id, division.code);
      const status = f.status(figure);
      const restated = button.dataset.status !== status;
      if (restated) {
        button.dataset.status = status;
        parts.sign.replaceChildren(glyph(status));
        setText(word, f.hasValue(figure) ? `，${f.STATUS[status].zh}` : "");
      }
      const changed = setText(parts.number, f.value(declaration, figure));
      if (blink && (changed || restated)) flash(button);
    },
    scale(full, promised) {
      const figure = view.figure(declaration.id, division.code);
      parts.bar.hidden = division.level === "county" || !f.hasValue(figure);
      parts.bar.style.setProperty("--share", Math.min(1, (figure?.value ?? 0) / full));
      parts.bar.style.setProperty("--aim", promised / full);
      parts.bar.classList.toggle("aimed", promised > 0);
    },
  };
}
