// One card for each figure that has a target: the county at a glance.

import { en, flash, glyph, h, s, setText } from "./dom.js";
import * as f from "./format.js";

const BARS = { width: 220, height: 46 };

export function card(declaration, view) {
  const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, view.county) },
    declaration.name.zh);
  const parts = {
    badge: h("span", { class: "badge" }),
    number: h("strong", { class: "big" }),
    unit: h("span", { class: "unit" }, declaration.unit.zh),
    gapZh: h("span"),
    gapEn: en(""),
    fill: h("i", { class: "fill" }),
    mark: h("i", { class: "mark" }),
    bars: s("svg", { class: "bars", viewBox: `0 0 ${BARS.width} ${BARS.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }),
    counted: h("p", { class: "counted" }),
  };
  const element = h("li", { class: "card" },
    h("div", { class: "card-head" }, h("h3", {}, name, en(declaration.name.en)), parts.badge),
    h("p", { class: "value" }, parts.number, " ", parts.unit),
    h("p", { class: "gap" }, parts.gapZh, parts.gapEn),
    h("div", { class: "gauge", "aria-hidden": "true" }, parts.fill, parts.mark),
    h("p", { class: "promise" },
      h("span", {}, "目标 ", h("b", {}, f.target(declaration, "county") ?? "—"), ` ${declaration.unit.zh}`),
      h("span", {}, f.due(declaration).zh)),
    parts.bars,
    parts.counted);
  return { element, paint: (blink) => paint(declaration, view, element, parts, blink) };
}

function paint(declaration, view, element, parts, blink) {
  const figure = view.figure(declaration.id, view.county);
  const status = f.status(figure);
  const gap = f.gap(declaration, figure);
  if (element.dataset.status !== status) {
    element.dataset.status = status;
    parts.badge.replaceChildren(glyph(status), f.STATUS[status].zh, en(f.STATUS[status].en));
  }
  const changed = setText(parts.number, f.hasValue(figure) ? f.value(declaration, figure) : "—");
  parts.unit.hidden = !f.hasValue(figure);
  setText(parts.gapZh, gap.zh);
  setText(parts.gapEn, gap.en);
  if (changed && blink) flash(parts.number);
  const promised = Number(declaration.target.value);
  const full = scale(declaration, [figure?.value ?? 0, promised]);
  parts.fill.style.setProperty("--share", f.hasValue(figure) ? Math.min(1, figure.value / full) : 0);
  parts.mark.style.setProperty("--share", promised / full);
  drawBars(declaration, view, parts);
}

/** What a full bar stands for: 100 for a percentage, else a little more than the largest of `values`. */
function scale(declaration, values) {
  const largest = Math.max(...values);
  return declaration.unit.zh === "%" && largest <= 100 ? 100 : largest * 1.15 || 1;
}

function drawBars(declaration, view, parts) {
  const towns = view.townships.map((town) => view.figure(declaration.id, town.code));
  const hasTarget = declaration.target.levels.includes("township");
  const promised = hasTarget ? Number(declaration.target.value) : 0;
  const full = Math.max(promised, ...towns.map((figure) => figure?.value ?? 0)) * 1.05 || 1;
  const step = BARS.width / towns.length;
  const height = (value) => Math.max(1.5, (value / full) * BARS.height);
  parts.bars.replaceChildren(
    ...towns.map((figure, place) => {
      const tall = f.hasValue(figure) ? height(figure.value) : 5;
      return s("rect", {
        class: `s-${f.status(figure)}`, x: place * step + step * 0.16, width: step * 0.68,
        y: BARS.height - tall, height: tall,
      });
    }),
    ...(hasTarget ? [s("line", { class: "aim", x1: 0, x2: BARS.width, y1: BARS.height - height(promised), y2: BARS.height - height(promised) })] : []),
  );
  const tally = (wanted) => towns.filter((figure) => f.status(figure) === wanted).length;
  const words = Object.keys(f.STATUS).filter((status) => tally(status) > 0)
    .map((status) => `${f.STATUS[status].zh}\u00a0${tally(status)}`);
  setText(parts.counted, `${towns.length} 个乡镇：${words.join("　")}`);
}
