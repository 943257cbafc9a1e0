// The wall's pages: all targets at a glance, each theme, the townships, what will be missed.

import { brief, flash, glyph, h, pair, setText } from "./dom.js";
import { isAimed } from "./view.js";
import { STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

const ACROSS = 7; // tiles in a row of the page of all targets
const LARGE = 9; // cards on the page of a theme
const WORST = ["missed", "off_track", "behind"];
const ROWS = 8; // on a page of what will be missed

/** `[{ id, title, make }]`; `make()` gives `{ element, paint(keys) }` of a page that is shown. */
export function pages(view) {
  const aimed = view.kept(view.county).filter((one) => isAimed(one, "county"));
  const themes = byTheme(aimed);
  const everywhere = aimed.filter((one) => one.levels.includes("township"));
  const late = missed(view, aimed);
  return [
    { id: "targets", title: { zh: "全部目标", en: "All targets" }, make: () => all(view, themes) },
    ...themes.flatMap(([theme, found]) => numbered(theme, THEMES[theme], even(found, LARGE), (sheet) => large(view, sheet))),
    ...(everywhere.length ? [{ id: "townships", title: { zh: "各乡镇", en: "Townships" }, make: () => towns(view, everywhere) }] : []),
    ...numbered("missed", { zh: "难以按期的目标", en: "Will be missed" }, even(late, ROWS), (sheet) => overdue(view, sheet)),
  ];
}

/** As few sheets of at most `most` as it takes, all about as full. */
function even(found, most) {
  const sheets = Math.ceil(found.length / most);
  const each = Math.ceil(found.length / sheets);
  return Array.from({ length: sheets }, (_, number) => found.slice(number * each, (number + 1) * each));
}

/** A page for each sheet; of several each has its number. */
function numbered(id, { zh, en }, sheets, make) {
  return sheets.map((sheet, number) => {
    const which = sheets.length > 1 ? ` ${number + 1}/${sheets.length}` : "";
    return { id: number ? `${id}-${number + 1}` : id, title: { zh: `${zh}${which}`, en: `${en}${which}` }, make: () => make(sheet) };
  });
}

/** What is missed or will be, the worst first. */
function missed(view, aimed) {
  const worst = (one) => WORST.indexOf(f.status(view.figure(one.id, view.county)));
  return aimed.filter((one) => worst(one) >= 0).sort((one, other) => worst(one) - worst(other));
}

/** Tiles that show and repaint one figure each. */
function painted(element, parts) {
  return {
    element,
    paint(keys) {
      for (const part of parts) if (keys.has(part.key)) part.paint(true);
    },
  };
}

// ---- all targets -----------------------------------------------------------------------------------------------

/** Themes in bands of ACROSS tiles; small themes stand beside each other. */
function bands(themes) {
  const found = [];
  for (const [theme, ones] of themes) {
    const band = found.at(-1);
    if (band && band.filled + ones.length <= ACROSS) {
      band.themes.push([theme, ones]);
      band.filled += ones.length;
    } else found.push({ themes: [[theme, ones]], filled: ones.length });
  }
  return found;
}

function all(view, themes) {
  const parts = [];
  const element = h("div", { class: "bands" }, ...bands(themes).map(({ themes: beside, filled }) => {
    const rows = Math.ceil(filled / ACROSS);
    const band = h("div", { class: "band" }, ...beside.map(([theme, ones]) => {
      const wide = Math.min(ones.length, ACROSS);
      const tiles = h("ul", { class: "tiles" }, ...ones.map((one) => {
        const part = tile(view, one);
        parts.push(part);
        return part.element;
      }));
      const group = h("section", { class: "group" }, h("h3", {}, pair(THEMES[theme])), tiles);
      group.style.setProperty("--wide", wide);
      return group;
    }));
    band.style.setProperty("--rows", rows);
    return band;
  }));
  return painted(element, parts);
}

function tile(view, one) {
  const key = view.key(one.id, view.county);
  const number = h("b", { class: "num" });
  const sign = h("span", { class: "sign" });
  const said = h("span", { class: "said" });
  const element = h("li", { class: "tile" },
    h("span", { class: "name" }, brief(one.name)),
    h("span", { class: "line" }, sign, number, h("span", { class: "aim" }, f.target(one, "county")), said));
  const paint = (blink) => {
    const figure = view.figure(one.id, view.county);
    const status = f.status(figure);
    if (element.dataset.status !== status) {
      element.dataset.status = status;
      sign.replaceChildren(glyph(status));
      said.replaceChildren(h("span", { class: "hidden" }, pair(STATUS[status])));
    }
    if (setText(number, f.hasValue(figure) ? f.value(one, figure) : "—") && blink) flash(number);
  };
  paint(false);
  return { key, element, paint };
}

// ---- one theme -------------------------------------------------------------------------------------------------

function large(view, found) {
  const across = found.length <= 4 ? 2 : 3;
  const parts = found.map((one) => card(view, one));
  const element = h("ul", { class: "larges" }, ...parts.map((part) => part.element));
  element.style.setProperty("--across", across);
  element.style.setProperty("--down", Math.max(2, Math.ceil(found.length / across)));
  return painted(element, parts);
}

function card(view, one) {
  const key = view.key(one.id, view.county);
  const [number, badge, ahead] = [h("b", { class: "num" }), h("span", { class: "state" }), h("span", { class: "ahead" })];
  const [fill, mark] = [h("i", { class: "fill" }), h("i", { class: "mark" })];
  const element = h("li", { class: "large" },
    h("h3", {}, pair(one.name)),
    h("p", { class: "line" }, number, h("span", { class: "unit" }, brief(one.unit)), badge),
    h("div", { class: "meter", "aria-hidden": "true" }, fill, mark),
    h("p", { class: "foot-line" },
      h("span", {}, brief({ zh: "目标", en: "target" }), " ", h("b", {}, f.target(one, "county")), " ", brief(f.due(one))), ahead));
  const paint = (blink) => {
    const figure = view.figure(one.id, view.county);
    const status = f.status(figure);
    if (element.dataset.status !== status) {
      element.dataset.status = status;
      badge.replaceChildren(glyph(status), h("span", {}, brief(STATUS[status])));
    }
    if (setText(number, f.hasValue(figure) ? f.value(one, figure) : "—") && blink) flash(number);
    const target = Number(one.target.value);
    const full = Math.max(figure?.value ?? 0, target) * 1.08 || 1;
    fill.style.setProperty("--share", (figure?.value ?? 0) / full);
    mark.style.setProperty("--share", target / full);
    const expected = f.forecast(one, figure);
    ahead.replaceChildren(expected ? h("span", {}, brief({ zh: "到期预测", en: "forecast" }), " ", h("b", {}, expected.value)) : "");
  };
  paint(false);
  return { key, element, paint };
}

// ---- townships -------------------------------------------------------------------------------------------------

function towns(view, found) {
  const parts = [];
  const cell = (one, place) => {
    const element = h("td", {});
    const key = view.key(one.id, place.code);
    const paint = (blink) => {
      const status = f.status(view.figure(one.id, place.code));
      if (element.dataset.status === status) return;
      element.dataset.status = status;
      element.replaceChildren(glyph(status), h("span", { class: "hidden" }, pair(STATUS[status])));
      if (blink) flash(element);
    };
    paint(false);
    parts.push({ key, paint });
    return element;
  };
  const table = h("table", { class: "wall-towns" },
    h("thead", {}, h("tr", {}, h("td", {}), ...found.map((one) => h("th", { scope: "col" }, h("span", {}, brief(one.name)))))),
    h("tbody", {}, ...[view.division(view.county), ...view.townships].map((place) => h("tr", {},
      h("th", { scope: "row" }, place.code === view.county ? brief({ zh: "全县", en: "county" }) : place.name),
      ...found.map((one) => (one.levels.includes(place.level) ? cell(one, place) : h("td", {})))))));
  return painted(table, parts);
}

// ---- what will be missed -----------------------------------------------------------------------------------------

function overdue(view, found) {
  const parts = found.map((one) => row(view, one));
  return painted(h("ol", { class: "lates" }, ...parts.map((part) => part.element)), parts);
}

function row(view, one) {
  const key = view.key(one.id, view.county);
  const [state, number, why, expected] = [h("span", { class: "state" }), h("b", { class: "num" }), h("p", { class: "why" }), h("span", { class: "expected" })];
  const element = h("li", { class: "late" }, state,
    h("div", { class: "told" }, h("h3", {}, brief(one.name), h("span", { class: "owner" }, one.owner)), why),
    h("p", { class: "line" }, number, " ", h("span", { class: "unit" }, brief(one.unit))),
    h("p", { class: "aims" }, h("span", {}, brief({ zh: "目标", en: "target" }), " ", h("b", {}, f.target(one, "county"))), h("span", {}, brief(f.due(one))), expected));
  const paint = (blink) => {
    const figure = view.figure(one.id, view.county);
    const status = f.status(figure);
    element.dataset.status = status;
    state.replaceChildren(glyph(status), h("span", {}, brief(STATUS[status])));
    if (setText(number, f.hasValue(figure) ? f.value(one, figure) : "—") && blink) flash(number);
    why.replaceChildren(pair(f.reason(figure ?? { reason_zh: "", reason_en: "" })));
    const ahead = f.forecast(one, figure);
    expected.replaceChildren(ahead ? h("span", {}, brief({ zh: "到期预测", en: "forecast" }), " ", h("b", {}, ahead.value)) : "");
  };
  paint(false);
  return { key, element, paint };
}
