// Every chart of the board: Apache ECharts in the page's colours, with its data as a table below.

import { h, pair } from "./dom.js";
import { keys } from "./echart-keys.js";
import { colours, theme, told } from "./echart-theme.js";
import { tableOf } from "./echart-table.js";
import { onLanguage } from "./lang.js";

const LIBRARY = "./vendor/echarts/echarts.esm.min.js";
const MARGIN = "300px";
const DARK = matchMedia("(prefers-color-scheme: dark)");
const PRINT = matchMedia("print");

let library = null;
const drawn = new Map(); // element → its chart

/** ECharts, loaded when the first chart is drawn: the first paint never waits for it. */
function load() {
  library ??= import(LIBRARY).catch((error) => {
    library = null; // the next chart tries again
    throw error;
  });
  return library;
}

/**
 * Draw a chart in an element, or draw it anew there. `describe(colours)` returns an ECharts option; it is called again
 * when the colours or the language change, so words in it are `inLanguage(…)`. Times on axes are the county's clock
 * (`wall` of format.js). Four fields more than ECharts knows:
 *
 * - `label`: what a screen reader says of the picture;
 * - `picked(point)`: what a click on a point does; where it leads to, the table leads as well;
 * - `table`: `{ heads, rows }`, the data in words or elements; worked out where the series are lines, bars, points or a pie;
 * - `along`: then the head of its first column.
 *
 * A tooltip's formatter returns text or elements, never markup. The height is the CSS variable `--chart-height`. The
 * table is there on return; the picture is made when it comes nearly in sight, and given up when the element has left
 * the page. Throws what `describe` throws.
 */
export async function chart(element, describe) {
  sweep();
  const known = drawn.get(element);
  const one = known ?? begin(element, describe);
  one.describe = describe;
  one.draw();
  if (!known) drawn.set(element, one);
  if (!one.library && !one.loading) one.loading = picture(one);
}

/** Load the library for the picture of a chart once that is nearly in sight. */
async function picture(one) {
  await nearlyInSight(one.plot);
  one.library = await load().catch(() => null);
  one.loading = null;
  if (one.library) one.draw();
  else one.plot.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "图暂时画不出，数据见下表", en: "the chart cannot be drawn now, see the table" })));
}

/** Draw every chart of what is shown, in sight or not. */
export async function drawUnseen() {
  sweep();
  const unseen = [...drawn.values()].filter((one) => !one.library);
  if (unseen.length === 0) return;
  const library = await load().catch(() => null);
  if (library === null) return; // those say by themselves that they cannot be drawn
  for (const one of unseen) {
    one.library = library;
    one.draw();
  }
}

function begin(element, describe) {
  const plot = h("div", { class: "echart-plot", role: "img", tabindex: 0, "aria-description": "← → 逐点，+ − 缩放 · ← → point by point, + − zoom" });
  const scroll = h("div", { class: "scroll", tabindex: 0 });
  const data = h("details", { class: "echart-data" }, h("summary", {}, pair({ zh: "数据表", en: "data table" })), scroll);
  element.classList.add("echart");
  element.replaceChildren(plot, data);
  const one = { plot, describe, library: null, option: null, table: null, instance: null, worn: null, stale: false, loading: null, draw, end };

  function draw() {
    const palette = colours(plot);
    const { label, table, along, picked, ...option } = one.describe(palette);
    one.option = option;
    one.picked = picked;
    one.table = table ?? tableOf(option, along);
    plot.setAttribute("aria-label", label ?? `图表 · chart: ${[option.series].flat().map((series) => series.name ?? "").join("，")}`);
    fillTable();
    one.stale = plot.clientWidth === 0; // not shown: nothing can be measured
    if (one.library && !one.stale) paint(option, palette);
  }

  function paint(option, palette) {
    const worn = JSON.stringify(palette);
    if (!one.instance) {
      plot.replaceChildren();
      one.instance = one.library.init(plot, theme(palette, plot), { renderer: "canvas" });
      one.instance.on("click", (point) => one.picked?.(point));
    } else if (worn !== one.worn) one.instance.setTheme(theme(palette, plot));
    one.worn = worn;
    one.instance.setOption({ animation: false, useUTC: true, ...option, tooltip: told(option.tooltip), ...kept(option) }, { notMerge: true });
  }

  /** What the reader has chosen outlives new data: the stretch zoomed to, the lines switched off. */
  function kept(option) {
    const before = one.instance.getOption();
    if (!before?.series?.length) return {};
    const zooms = [option.dataZoom ?? []].flat();
    const same = zooms.length === before.dataZoom?.length;
    return {
      ...(same && { dataZoom: zooms.map((zoom, place) => ({ ...zoom, start: before.dataZoom[place].start, end: before.dataZoom[place].end, startValue: null, endValue: null })) }),
      ...(option.legend && { legend: { ...option.legend, selected: { ...option.legend.selected, ...before.legend?.[0]?.selected } } }),
    };
  }

  function fillTable() {
    if (!data.open) return;
    const { heads, rows } = one.table;
    scroll.replaceChildren(h("table", {},
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, place) =>
        (place === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell ?? "—"))))))));
  }

  keys(plot, one);
  data.addEventListener("toggle", fillTable);

  const sizes = new ResizeObserver(() => {
    if (!plot.isConnected) sweep();
    else if (plot.clientWidth > 0 && one.stale) draw();
    else if (plot.clientWidth > 0) one.instance?.resize();
  });
  sizes.observe(plot);

  function end() {
    sizes.disconnect();
    one.instance?.dispose();
  }
  return one;
}

function nearlyInSight(plot) {
  return new Promise((resolve) => {
    const sight = new IntersectionObserver((found) => {
      if (!found.some((entry) => entry.isIntersecting)) return;
      sight.disconnect();
      resolve();
    }, { rootMargin: MARGIN });
    sight.observe(plot);
  });
}

/** Give up the charts whose elements have left the page, or whose elements hold something else by now. */
function sweep() {
  for (const [element, one] of drawn) {
    if (element.isConnected && one.plot.parentNode === element) continue;
    one.end();
    drawn.delete(element);
  }
}

function drawAll() {
  sweep();
  for (const one of drawn.values()) one.draw();
}
for (const look of [DARK, PRINT]) look.addEventListener("change", drawAll);
onLanguage(drawAll);
