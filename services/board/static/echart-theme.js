// The page's look for charts: colours by meaning from the CSS variables, axes, what stands at the pointer.

import { h } from "./dom.js";

const NAMES = ["bg", "card", "raised", "ink", "soft", "line", "grid", "accent", "met", "on-track", "behind", "off-track", "missed", "cannot-say", "none", "watched", "amber", "flash"];
const SERIES = 8;
/** How moments on an axis are written, by what changes there. */
export const TIMES = { year: "{yyyy}", month: "{yyyy}-{MM}", day: "{MM}-{dd}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}:{ss}" };

/**
 * The colours where an element stands: `ink`, `soft`, `onTrack` and so on as in board.css, `series` for things without a
 * meaning of their own, `status(name)` for a state, `faded(colour, share)` for less of one.
 */
export function colours(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  return {
    ...Object.fromEntries(NAMES.map((name) => [camel(name), read(name)])),
    series: Array.from({ length: SERIES }, (_, place) => read(`series-${place + 1}`)),
    status: (name) => stateColour(element, name),
    faded: (colour, share) => colour + Math.round(share * 255).toString(16).padStart(2, "0"),
  };
}

/** The colour of a state: the style sheet alone knows which goes with which. */
function stateColour(element, name) {
  const probe = h("i", { "data-status": name, hidden: true });
  element.append(probe);
  const colour = getComputedStyle(probe).getPropertyValue("--status").trim();
  probe.remove();
  return colour;
}

export function theme(palette, element) {
  const axis = {
    axisLine: { show: false, lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.soft, fontSize: 12, hideOverlap: true },
    nameTextStyle: { color: palette.soft, fontSize: 12 },
    splitLine: { lineStyle: { color: palette.grid } },
  };
  return {
    color: palette.series,
    backgroundColor: "transparent",
    textStyle: { color: palette.ink, fontFamily: getComputedStyle(element).fontFamily, fontSize: 12 },
    grid: { left: 4, right: 16, top: 28, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    valueAxis: axis,
    logAxis: axis,
    categoryAxis: { ...axis, axisLine: { show: true, lineStyle: { color: palette.line } }, splitLine: { show: false } },
    timeAxis: { ...axis, axisLine: { show: true, lineStyle: { color: palette.line } }, splitLine: { show: false }, axisLabel: { ...axis.axisLabel, formatter: TIMES } },
    legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, itemGap: 16, textStyle: { color: palette.soft, fontSize: 12 }, inactiveColor: palette.line, pageTextStyle: { color: palette.soft }, pageIconColor: palette.soft, pageIconInactiveColor: palette.line },
    tooltip: {
      confine: true, transitionDuration: 0, backgroundColor: palette.ink, borderWidth: 0, borderRadius: 8, padding: [8, 12],
      textStyle: { color: palette.bg, fontSize: 13 },
      axisPointer: { lineStyle: { color: palette.soft, type: "solid" }, crossStyle: { color: palette.soft }, shadowStyle: { color: palette.faded(palette.soft, 0.12) }, label: { backgroundColor: palette.soft, color: palette.bg } },
    },
    axisPointer: { lineStyle: { color: palette.soft } },
    dataZoom: {
      moveHandleSize: 0, brushSelect: false, borderColor: palette.line, borderRadius: 4, backgroundColor: "transparent", fillerColor: palette.faded(palette.accent, 0.12),
      dataBackground: { lineStyle: { color: palette.line }, areaStyle: { color: palette.grid } },
      selectedDataBackground: { lineStyle: { color: palette.accent }, areaStyle: { color: palette.faded(palette.accent, 0.2) } },
      handleStyle: { color: palette.card, borderColor: palette.soft }, moveHandleStyle: { color: palette.line, opacity: 1 },
      emphasis: { handleStyle: { color: palette.card, borderColor: palette.accent }, moveHandleStyle: { color: palette.soft } },
      textStyle: { color: palette.soft, fontSize: 11 },
    },
    visualMap: { textStyle: { color: palette.soft } },
    line: { symbol: "none", lineStyle: { width: 2 }, emphasis: { disabled: true } },
    scatter: { itemStyle: { opacity: 1 }, emphasis: { disabled: true } },
    bar: { barMaxWidth: 28, emphasis: { disabled: true } },
    markLine: { label: { color: palette.ink } },
  };
}

/** A tooltip whose text goes in as text: what is written in data is never markup, and needs no inline style. */
export function told(tooltip = {}) {
  const { formatter = (params) => lines(params, tooltip.valueFormatter), ...rest } = tooltip;
  return { trigger: "axis", ...rest, formatter: (params, ticket) => nodes(formatter(params, ticket)) };
}

const nodes = (said) => (typeof said === "string" ? said.split("\n").map((line) => h("div", {}, line)) : said);

function lines(params, valueFormatter = (value) => String(value ?? "—")) {
  const all = [params].flat();
  return [
    h("b", {}, all[0]?.axisValueLabel ?? all[0]?.name ?? ""),
    ...all.map((one) => {
      const swatch = h("i", { class: "swatch" });
      swatch.style.background = one.color;
      const value = Array.isArray(one.value) ? one.value[one.encode?.y?.[0] ?? 1] : one.value;
      return h("div", { class: "tip-line" }, swatch, h("span", {}, one.seriesName), h("b", {}, valueFormatter(value, one.dataIndex)));
    }),
  ];
}
