// One card for each figure that has a target: where it stands, at what pace, and why.

import { brief, flash, glyph, h, pair, setPair, setText } from "./dom.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

export function card(declaration, view, division) {
  const parts = {
    badge: h("span", { class: "badge" }),
    number: h("strong", { class: "big" }),
    unit: h("span", { class: "unit" }, brief(declaration.unit)),
    gap: h("span", { class: "gap" }),
    fill: h("i", { class: "fill" }),
    band: h("i", { class: "band" }),
    mark: h("i", { class: "mark" }),
    pace: h("p", { class: "pace" }),
    reason: h("p", { class: "why" }),
  };
  const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, division) }, pair(declaration.name));
  const element = h("li", { class: "card" },
    h("div", { class: "card-head" }, h("h4", {}, name), parts.badge),
    h("p", { class: "value" }, parts.number, " ", parts.unit, " ", parts.gap),
    h("div", { class: "gauge", "aria-hidden": "true" }, parts.fill, parts.band, parts.mark),
    h("p", { class: "promise" },
      h("span", {}, brief({ zh: "目标", en: "target" }), " ", h("b", {}, f.target(declaration, view.level(division))), " ", brief(declaration.unit)),
      h("span", {}, pair(f.due(declaration)))),
    parts.pace,
    parts.reason);
  return {
    element,
    declaration,
    paint: (blink) => paint(declaration, view.figure(declaration.id, division), element, parts, blink),
  };
}

function paint(declaration, figure, element, parts, blink) {
  const status = f.status(figure);
  if (element.dataset.status !== status) {
    element.dataset.status = status;
    parts.badge.replaceChildren(glyph(status), h("span", {}, brief(STATUS[status])));
  }
  const has = f.hasValue(figure);
  const changed = setText(parts.number, has ? f.value(declaration, figure) : "—");
  if (changed && blink) flash(parts.number);
  parts.unit.hidden = !has;
  setPair(parts.gap, has ? f.gap(declaration, figure) : { zh: "" }, "spare");
  drawGauge(declaration, figure, parts);
  parts.pace.replaceChildren(...paceLine(declaration, figure));
  setPair(parts.reason, figure?.reason_zh ? f.reason(figure) : f.gap(declaration, figure));
}

/** Pace needed and seen, the forecast with its band; after the due day the value it then had. */
export function paceLine(declaration, figure) {
  const pace = f.pace(declaration, figure);
  const ahead = f.forecast(declaration, figure);
  const atDue = figure?.value_at_due ?? null;
  return [
    pace && part({ zh: "月均进度", en: "pace" }, {
      zh: `需 ${pace.needed}，实 ${pace.observed} ${pace.unit.zh}`,
      en: `needed ${pace.needed}, seen ${pace.observed} ${pace.unit.en}`,
    }),
    ahead && part({ zh: "到期预测", en: "forecast" }, {
      zh: `${ahead.value}${ahead.band ? `（${ahead.band}）` : ""}`,
      en: `${ahead.value}${ahead.band ? ` (${ahead.band})` : ""}`,
    }, "80% 区间 · 80 % band"),
    atDue === null ? null : part({ zh: "到期日数值", en: "value when due" }, {
      zh: `${f.number(atDue, declaration.decimals)} ${declaration.unit.zh}`,
      en: `${f.number(atDue, declaration.decimals)} ${declaration.unit.en}`,
    }),
  ].filter(Boolean);
}

const part = (name, said, title = null) => h("span", { title }, h("span", { class: "what" }, pair(name)), " ", h("b", {}, brief(said)));

function drawGauge(declaration, figure, parts) {
  const promised = Number(declaration.target.value);
  const ahead = f.forecast(declaration, figure)?.band;
  const [low, high] = ahead ? [figure.forecast_low, figure.forecast_high] : [null, null];
  const largest = Math.max(figure?.value ?? 0, promised, high ?? 0);
  const full = declaration.unit.zh === "%" && largest <= 100 ? 100 : largest * 1.08 || 1;
  parts.fill.style.setProperty("--share", f.hasValue(figure) ? Math.min(1, figure.value / full) : 0);
  parts.mark.style.setProperty("--share", promised / full);
  parts.band.hidden = low === null || high === null;
  parts.band.style.setProperty("--from", Math.max(0, (low ?? 0) / full));
  parts.band.style.setProperty("--to", Math.min(1, (high ?? 0) / full));
}
