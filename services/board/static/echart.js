// Every chart of the board: Apache ECharts in the page's colours, with its data as a table below.

import { h, pair } from "./dom.js";
import { colours, theme, told } from "./echart-theme.js";
import { tableOf } from "./echart-table.js";
import { onLanguage } from "./lang.js";

const LIBRARY = "./vendor/echarts/echarts.esm.min.js";
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
 * (`wall` of format.js). Two fields more than ECharts knows:
 *
 * - `label`: what a screen reader says of the picture;
 * - `table`: `{ heads, rows }`, the data in words; worked out where the series are lines, bars, points or a pie.
 *
 * A tooltip's formatter returns text or elements, never markup. The height is the CSS variable `--chart-height`. When
 * the element leaves the page its chart is given up.
 */
export async function chart(element, describe) {
  sweep();
  if (!drawn.has(element)) drawn.set(element, begin(element));
  const one = drawn.get(element);
  one.describe = describe;
  one.draw(); // the table does not wait for the library
  try {
    one.library = await load();
  } catch {
    one.plot.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "图暂时画不出，数据见下表", en: "the chart cannot be drawn now, see the table" })));
    return;
  }
  one.draw();
}

function begin(element) {
  const plot = h("div", { class: "echart-plot", role: "img", tabindex: 0 });
  const scroll = h("div", { class: "scroll", tabindex: 0 });
  const data = h("details", { class: "echart-data" }, h("summary", {}, pair({ zh: "数据表", en: "data table" })), scroll);
  element.classList.add("echart");
  element.replaceChildren(plot, data);
  const one = { plot, describe: null, library: null, option: null, instance: null, draw, end };

  function draw() {
    const palette = colours(plot);
    const { label, table, ...option } = one.describe(palette);
    one.option = option;
    one.table = table ?? tableOf(option);
    plot.setAttribute("aria-label", label ?? `图表 · chart: ${[option.series].flat().map((series) => series.name ?? "").join("，")}`);
    fillTable();
    if (one.library && plot.clientWidth > 0 && plot.clientHeight > 0) paint(option, palette);
  }

  function paint(option, palette) {
    const look = theme(palette, plot);
    if (one.instance) one.instance.setTheme(look);
    else {
      plot.replaceChildren();
      one.instance = one.library.init(plot, look, { renderer: "canvas" });
    }
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
        (place === 0 ? h("th", { scope: "row" }, String(cell)) : h("td", {}, String(cell ?? "—")))))))));
  }

  let pointed = null; // the place the arrow keys have gone to
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!one.instance || (!step && event.key !== "Escape")) return;
    const [first] = [one.option.series].flat();
    const last = (first?.data?.length ?? 0) - 1;
    if (event.key === "Escape" || last < 0) {
      pointed = null;
      one.instance.dispatchAction({ type: "hideTip" });
      return;
    }
    event.preventDefault();
    pointed = Math.min(Math.max((pointed ?? (step > 0 ? -1 : last + 1)) + step, 0), last);
    one.instance.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: pointed });
  });
  plot.addEventListener("blur", () => {
    pointed = null;
    one.instance?.dispatchAction({ type: "hideTip" });
  });
  data.addEventListener("toggle", fillTable);

  const sizes = new ResizeObserver(() => {
    if (!plot.isConnected) sweep();
    else if (one.instance) one.instance.resize();
    else if (one.library) draw(); // it was hidden until now
  });
  sizes.observe(plot);

  function end() {
    sizes.disconnect();
    one.instance?.dispose();
  }
  return one;
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
