// The map: a tile for each township, coloured by one figure; not its outline, and not to scale.

import { brief, flash, glyph, h, pair, s, setPair } from "./dom.js";
import { plainly } from "./lang.js";
import { compare, standing } from "./facts.js";
import { isAimed, read } from "./view.js";
import { STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

const STEPS = 5; // shades of a value
const HEIGHT = 2 / Math.sqrt(3); // of a six-sided tile, by its width
const CORNERS = "50,2 98,29.9 98,85.5 50,113.5 2,85.5 2,29.9";
const MODES = { status: { zh: "按状态", en: "by status" }, value: { zh: "按数值", en: "by value" } };

/** `moved(rest)` is called when another figure is chosen: `/indicator`, or `/indicator/value`. */
export function map(view, moved) {
  const section = document.querySelector("[data-view=map]");
  const pick = h("select", { id: "map-indicator" });
  const modes = Object.entries(MODES).map(([name, words]) => {
    const button = h("button", { type: "button", "data-mode": name }, pair(words));
    button.addEventListener("click", () => go(shown, name));
    return button;
  });
  const tiles = h("ol", { class: "town-tiles", "aria-label": "各乡镇 · townships" });
  const legend = h("div", { class: "map-legend" });
  const side = h("div", { class: "map-side" });
  const note = h("p", { class: "map-note" });
  let open = false;
  let offered = "";
  let schematic = null;
  let shown = null; // the declaration
  let mode = "status";
  let made = new Map(); // division: tile

  section.append(
    h("div", { class: "heading" },
      h("h2", { id: "h-map" }, pair({ zh: "地图", en: "Map" })),
      h("div", { class: "tools" },
        h("label", { class: "pick" }, h("span", {}, pair({ zh: "指标", en: "figure" })), pick),
        h("div", { class: "segments", role: "group", "aria-label": "着色 · coloured" }, ...modes))),
    h("div", { class: "map-columns" }, h("div", { class: "map-box" }, hatch(), tiles, legend, note), side));
  pick.addEventListener("change", () => go(view.declaration(pick.value), mode));

  const townships = () => [...view.declarations.values()].filter((one) => one.levels.includes("township"));
  const coloured = (declaration, wanted) => (isAimed(declaration, "township") ? wanted : "value");

  function go(declaration, wanted) {
    moved(`/${declaration.id}${wanted === "value" && isAimed(declaration, "township") ? "/value" : ""}`);
    choose(declaration, wanted);
  }

  function offer() {
    const names = JSON.stringify(townships().map(({ id, name }) => [id, name]));
    if (names === offered) return;
    offered = names;
    pick.replaceChildren(...byTheme(townships()).map(([theme, declarations]) => {
      const group = plainly(h("optgroup", {}, ...declarations.map((one) => plainly(h("option", { value: one.id }), one.name))), THEMES[theme]);
      return group;
    }));
  }

  function choose(declaration, wanted) {
    shown = declaration;
    mode = coloured(declaration, wanted);
    pick.value = declaration.id;
    for (const button of modes) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
      button.disabled = button.dataset.mode === "status" && !isAimed(declaration, "township");
    }
    draw();
  }

  function draw() {
    if (!schematic || !shown) return;
    const scale = scaleOf(view.townships.map((town) => view.figure(shown.id, town.code)));
    for (const tile of made.values()) tile.paint(shown, mode, scale, false);
    drawRest(scale, false);
  }

  function drawRest(scale, blink) {
    legend.replaceChildren(...(mode === "status" ? statuses() : shades(scale)));
    const county = view.figure(shown.id, view.county);
    const details = h("button", { type: "button", class: "more", "data-figure": view.key(shown.id, view.county) }, pair({ zh: "这个指标的来历", en: "all about this figure" }));
    side.replaceChildren(
      h("h3", {}, pair(shown.name)),
      h("p", { class: "map-where" }, pair({ zh: "全县", en: "Whole county" })),
      standing(shown, county, blink), details,
      compare(shown, view.townships, (code) => view.figure(shown.id, code), "", (town) => h("a", { href: `#township/${town.code}` }, town.name)));
  }

  /** The statuses that stand on the map, in the order in which they matter. */
  function statuses() {
    const found = new Set(view.townships.map((town) => f.status(view.figure(shown.id, town.code))));
    return [h("ul", { class: "legend" }, ...Object.keys(STATUS).filter((status) => found.has(status)).map((status) =>
      h("li", { "data-status": status }, glyph(status), h("span", {}, pair(STATUS[status])))))];
  }

  function shades({ low, high }) {
    if (low === null) return [h("p", {}, pair({ zh: "还没有数据", en: "no data yet" }))];
    const each = (high - low) / STEPS;
    const said = (value) => f.number(value, shown.decimals);
    const steps = high === low ? [0] : [...Array(STEPS).keys()];
    return [h("ol", { class: "shades" },
      ...steps.map((step) => h("li", { "data-step": step }, h("i", { "aria-hidden": "true" }), high === low ? said(low) : `${said(low + step * each)} – ${said(low + (step + 1) * each)}`)),
      h("li", {}, brief(shown.unit)))];
  }

  async function load() {
    try {
      schematic = await read("/v1/schematic");
    } catch (error) {
      setPair(note, { zh: `地图暂时读不到（${error.message}）`, en: `the map cannot be read now (${error.message})` });
      setTimeout(() => open && !schematic && load(), 3000);
      return;
    }
    setPair(note, schematic.declared
      ? { zh: "示意图：表示乡镇的相对位置，不按比例，不是行政边界。点乡镇看它的指标、机构和数据来源。", en: "A schematic: how the townships lie to each other, not to scale, no boundaries. Choose one for its figures, facilities and feeds." }
      : { zh: "规划没有写明乡镇的位置，逐行排列。", en: "The plan does not say how the townships lie: row by row." });
    lay();
    draw();
  }

  function lay() {
    const columns = schematic.tiles.map(({ column }) => column);
    const rows = schematic.tiles.map(({ row }) => row);
    const [west, north] = [Math.min(...columns), Math.min(...rows)];
    const wide = (Math.max(...columns) - west + 2) / 2; // in tiles
    const high = (Math.max(...rows) - north) * 0.75 + 1;
    tiles.style.setProperty("--wide", wide);
    tiles.style.setProperty("--high", high * HEIGHT);
    made = new Map(schematic.tiles.filter(({ division }) => view.division(division)).map(({ division, column, row }) => {
      const tile = tileOf(view, division);
      tile.element.style.setProperty("--left", (column - west) / 2 / wide);
      tile.element.style.setProperty("--top", (row - north) * 0.75 / high);
      return [division, tile];
    }));
    tiles.replaceChildren(...[...made.values()].map(({ element }) => element));
  }

  return {
    show(is, rest) {
      open = is;
      if (!is) return;
      offer();
      const [, id, by] = rest.split("/");
      const declaration = townships().find((one) => one.id === id) ?? shown ?? townships()[0];
      if (!schematic) load();
      if (declaration) choose(declaration, by ?? "status");
    },
    /** Declarations or divisions have changed. */
    build() {
      if (!open) return;
      offer();
      if (schematic) lay();
      shown = view.declaration(shown?.id) ?? townships()[0];
      if (shown) choose(shown, mode);
    },
    paint(keys, blink) {
      if (!open || !schematic || !shown || ![...keys].some((key) => key.startsWith(`${shown.id}/`))) return;
      const scale = scaleOf(view.townships.map((town) => view.figure(shown.id, town.code)));
      for (const [division, tile] of made) tile.paint(shown, mode, scale, blink && keys.has(view.key(shown.id, division)));
      drawRest(scale, blink && keys.has(view.key(shown.id, view.county)));
    },
  };
}

/** What is not known is hatched. */
function hatch() {
  const pattern = s("pattern", { id: "map-hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("path", { d: "M0 0v8" }));
  return s("svg", { class: "map-hatch", "aria-hidden": "true" }, s("defs", {}, pattern));
}

function scaleOf(figures) {
  const values = figures.filter(f.hasValue).map(({ value }) => value);
  return values.length ? { low: Math.min(...values), high: Math.max(...values) } : { low: null, high: null };
}

function tileOf(view, code) {
  const value = h("b", { class: "num" });
  const unit = h("span", { class: "unit" });
  const state = h("span", { class: "state" });
  const shape = s("svg", { class: "hex", viewBox: "0 0 100 115.5", "aria-hidden": "true" }, s("polygon", { points: CORNERS }));
  const link = h("a", { class: "town-tile", href: `#township/${code}` }, shape,
    h("span", { class: "town-tile-text" }, h("span", { class: "name" }, view.division(code).name), value, unit, state));
  return {
    element: h("li", {}, link),
    paint(declaration, mode, { low, high }, blink) {
      const figure = view.figure(declaration.id, code);
      const status = f.status(figure);
      const has = f.hasValue(figure);
      link.dataset.status = status;
      if (mode === "value" && has) link.dataset.step = high === low ? 0 : Math.min(STEPS - 1, Math.floor(((figure.value - low) / (high - low)) * STEPS));
      else delete link.dataset.step;
      link.classList.toggle("valued", mode === "value");
      const changed = setPair(value, { zh: f.value(declaration, figure) });
      value.classList.toggle("long", value.textContent.length > 7);
      setPair(unit, has ? declaration.unit : { zh: "" }, "spare");
      state.replaceChildren(glyph(status), h("span", { class: "word" }, brief(STATUS[status])));
      if (blink && changed) flash(value);
    },
  };
}
