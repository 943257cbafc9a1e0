// How a figure came to be and where it is going: its steps, what was promised, what is expected up to the due day.

import { because, brief, h, pair } from "./dom.js";
import { chart } from "./echart.js";
import { inLanguage } from "./lang.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

const DAY_MS = 86400000;
const WORDS = {
  history: { zh: "实绩", en: "history" },
  then: { zh: "当时所知", en: "as known then" },
  now: { zh: "现在所知", en: "as known now" },
  target: { zh: "目标", en: "target" },
  needed: { zh: "达标所需", en: "needed from here" },
  forecast: { zh: "到期预测", en: "forecast when due" },
  band: { zh: "80% 区间", en: "80 % band" },
  baseline: { zh: "基期", en: "baseline" },
  due: { zh: "到期", en: "due" },
};

const asTime = (day) => Date.parse(`${day}T00:00:00Z`);
const asDay = (time) => new Date(time).toISOString().slice(0, 10);

/** The trend in a box of the page. */
export function trend(box) {
  let shown = ""; // the figure and moment that is drawn

  return {
    /** Another figure or moment is asked for: what is drawn of the one before goes, and its zoom with it. */
    begin(key) {
      if (key === shown) return;
      shown = key;
      box.replaceChildren();
      box.setAttribute("aria-busy", "true");
    },
    /**
     * Draw a history answer. `figure` gives status, due day, forecast and band (undefined: there is none). `now`: what is
     * known of the same figure today, where the answer is of another moment; null where it is not.
     */
    show(declaration, answer, figure, now) {
      box.removeAttribute("aria-busy");
      if (!answer.points.some((point) => point.value !== null)) {
        box.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "还没有历史数据", en: "no history yet" })));
        return;
      }
      const told = tell(declaration, answer, figure, now?.points.length ? now : null);
      if (!box.querySelector(".trend")) box.replaceChildren(h("ul", { class: "trend-keys" }), h("div", { class: "trend" }));
      const [keys, plot] = box.children;
      keys.replaceChildren(...keysOf(told));
      chart(plot, (colours) => option(told, colours));
    },
    fail(error) {
      box.removeAttribute("aria-busy");
      box.replaceChildren(h("p", { class: "nothing" }, pair(because({ zh: "历史暂时读不到", en: "history cannot be read now" }, error))));
    },
  };
}

/** What there is to draw, in times and numbers. */
function tell(declaration, { points, until }, figure, now) {
  const last = points.at(-1);
  const today = asTime(until ?? last.day);
  const promised = last.target === null ? null : Number(last.target);
  const due = figure?.due ? asTime(figure.due) : null;
  const open = due !== null && due > today && last.value !== null;
  const from = { time: today, value: last.value };
  const expected = open && (figure.forecast ?? null) !== null ? figure.forecast : null;
  const hasBand = expected !== null && (figure.forecast_low ?? null) !== null && (figure.forecast_high ?? null) !== null;
  const first = asTime(points[0].day);
  const baseline = declaration.baseline ? { time: asTime(declaration.baseline.day), value: Number(declaration.baseline.value) } : null;
  const latest = Math.max(today, now?.until ? asTime(now.until) : 0);
  return {
    declaration, points, figure, now, promised, due, expected, from, baseline, today, latest,
    needed: open && promised !== null && figure.status !== "met" ? promised : null,
    band: hasBand ? [figure.forecast_low, figure.forecast_high] : null,
    atDue: due !== null && due <= today ? figure.value_at_due ?? null : null,
    begin: Math.min(first, baseline?.time ?? first),
    end: Math.max(latest, due ?? 0, first + DAY_MS),
  };
}

/** A history as a line that keeps its height until the next point; where there is no value, there is no line. */
function steps(points, until) {
  const line = [];
  let held = null;
  for (const { day, value } of points) {
    if (value === null && held !== null) line.push([asTime(day), held]);
    line.push([asTime(day), value]);
    held = value;
  }
  if (held !== null && until > line.at(-1)[0]) line.push([until, held]);
  return line;
}

/** What was promised at each time, up to the end. */
function promises(points, end) {
  const changed = points.filter((point, place) => place === 0 || point.target !== points[place - 1].target);
  const line = changed.map(({ day, target }) => [asTime(day), target === null ? null : Number(target)]);
  return [...line, [end, line.at(-1)[1]]];
}

function option(told, colours) {
  const { declaration, points, now, promised, due, expected, from, band, baseline, atDue, needed } = told;
  const own = now ? colours.amber : colours.accent; // what is not live is amber, as the panel's head
  const line = (name, data, colour, style, more = {}) => ({ type: "line", name: inLanguage(WORDS[name]), data, symbol: "none", silent: true, color: colour, lineStyle: { color: colour, ...style }, ...more });
  const mark = (name, time, value, colour, more) => ({ type: "scatter", name: inLanguage(WORDS[name]), data: [[time, value]], silent: true, itemStyle: { color: colour, borderColor: colours.card, borderWidth: 2 }, symbolSize: 11, z: 6, ...more });
  const series = [
    line(now ? "then" : "history", steps(points, told.today), own, { width: 2.4 }, { step: "end", z: 4, markLine: due === null ? undefined : dueLine(told, colours) }),
    now && line("now", steps(now.points, told.latest), colours.accent, { width: 1.6 }, { step: "end", z: 3 }),
    promised !== null && line("target", promises(points, told.end), colours.ink, { width: 1.4, type: [7, 4] }, { step: "end" }),
    needed !== null && line("needed", [[from.time, from.value], [due, needed]], colours.soft, { width: 1.4, type: [2, 3] }),
    expected !== null && line("forecast", [[from.time, from.value], [due, expected]], own, { width: 2, type: [5, 4] }),
    band && bandOf(told, colours.faded(own, 0.2)),
    baseline && mark("baseline", baseline.time, baseline.value, colours.soft, { symbol: "diamond", label: { show: true, position: "right", formatter: inLanguage(WORDS.baseline), color: colours.soft } }),
    atDue !== null && mark("due", due, atDue, colours.status(told.figure.status), { symbol: "rect" }),
    from.value !== null && mark("history", from.time, from.value, colours.status(told.figure ? f.status(told.figure) : points.at(-1).status)),
  ];
  return {
    label: spoken(told),
    table: tableOf(told),
    grid: { right: 14, top: 26, bottom: 32 },
    xAxis: { type: "time", min: told.begin, max: told.end, axisPointer: { snap: false, label: { show: false } } },
    yAxis: { type: "value", scale: true, splitNumber: 4, axisLabel: { formatter: (level) => f.plain(Number(level.toPrecision(12))) } },
    tooltip: { formatter: (params) => pointed(told, params[0].axisValue) },
    dataZoom: [
      { type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
      { type: "slider", filterMode: "none", bottom: 4, height: 14, showDataShadow: false, labelFormatter: asDay },
    ],
    series: series.filter(Boolean),
  };
}

function dueLine({ due, figure }, colours) {
  return {
    silent: true, symbol: "none", data: [{ xAxis: due }], lineStyle: { color: colours.ink, type: "solid", width: 1.2 },
    label: { formatter: `${inLanguage(WORDS.due)} ${figure.due}`, position: "end", align: "right", color: colours.ink },
  };
}

function bandOf({ from, due, band: [low, high] }, fill) {
  return {
    type: "custom", name: inLanguage(WORDS.band), silent: true, clip: true, z: 1, data: [[due, low, high]], encode: { x: 0, y: [1, 2] },
    renderItem: (_, api) => ({
      type: "polygon", style: { fill },
      shape: { points: [[from.time, from.value], [due, high], [due, low]].map((corner) => api.coord(corner)) },
    }),
  };
}

const before = (points, time) => points.findLast((point) => asTime(point.day) <= time);

/** What holds at the pointer: what was reached by then, or what is expected. */
function pointed(told, time) {
  const { declaration, points, now, today, latest, due, expected } = told;
  const said = (name, value) => h("div", { class: "tip-line" }, h("span", {}, brief(name)), h("b", {}, brief(value)));
  const ahead = time > today;
  const then = ahead ? null : before(points, time);
  const known = now && time <= latest ? before(now.points, time) : null;
  const day = ahead && !known && due !== null ? told.figure.due : asDay(time);
  return [
    h("b", {}, brief(f.day(day))),
    ...(then ? [
      said(WORDS[now ? "then" : "history"], f.measured(declaration, then)),
      f.hasValue(then) && f.isRatio(declaration) ? h("div", {}, `= ${f.working(declaration, then)}`) : null,
      said({ zh: "状态", en: "status" }, STATUS[then.status]),
    ] : []),
    known ? said(WORDS.now, f.measured(declaration, known)) : null,
    ahead && expected !== null ? said(WORDS.forecast, forecastWords(told)) : null,
    told.promised !== null ? said(WORDS.target, { zh: targetWords(told) }) : null,
  ].filter(Boolean);
}

function forecastWords({ declaration, figure }) {
  const { value, band } = f.forecast(declaration, figure);
  return { zh: `${value}${band ? `（${band}）` : ""}`, en: `${value}${band ? ` (${band})` : ""}` };
}
const targetWords = ({ declaration, points }) => `${declaration.target ? `${f.SIGN[declaration.target.direction]} ` : ""}${f.plain(points.at(-1).target)}`;

function keysOf(told) {
  const { declaration, now, promised, due, expected, baseline, needed } = told;
  const key = (kind, name, said) => h("li", { class: `trend-${kind}` }, pair(name), said ? h("b", {}, brief(said)) : null);
  const pace = needed === null ? null : f.pace(declaration, told.figure);
  return [
    key(now ? "then" : "history", WORDS[now ? "then" : "history"]),
    now && key("now", WORDS.now),
    promised !== null && key("target", WORDS.target, { zh: targetWords(told) }),
    needed !== null && key("needed", WORDS.needed, pace && { zh: `${pace.needed} ${pace.unit.zh}`, en: `${pace.needed} ${pace.unit.en}` }),
    expected !== null && key("forecast", { zh: `${WORDS.forecast.zh}${told.band ? "及 80% 区间" : ""}`, en: `${WORDS.forecast.en}${told.band ? ", 80 % band" : ""}` }, forecastWords(told)),
    baseline && key("baseline", WORDS.baseline, { zh: `${f.plain(declaration.baseline.value)}（${declaration.baseline.day}）`, en: `${f.plain(declaration.baseline.value)} (${declaration.baseline.day})` }),
    due !== null && told.atDue !== null && key("due", WORDS.due, { zh: `${told.figure.due} ${f.number(told.atDue, declaration.decimals)}` }),
  ].filter(Boolean);
}

function spoken(told) {
  const { declaration, points } = told;
  const said = f.measured(declaration, points.at(-1));
  const words = {
    zh: `${declaration.name.zh}的历史，${points[0].day} 至 ${asDay(told.today)}；${points.at(-1).day} 起：${said.zh}（${STATUS[points.at(-1).status].zh}）`,
    en: `history of ${declaration.name.en}, ${points[0].day} to ${asDay(told.today)}; since ${points.at(-1).day}: ${said.en} (${STATUS[points.at(-1).status].en})`,
  };
  if (told.expected !== null) {
    words.zh += `；${told.figure.due} 到期预测 ${forecastWords(told).zh}`;
    words.en += `; forecast for ${told.figure.due}: ${forecastWords(told).en}`;
  }
  return inLanguage(words);
}

/** Every day on which something changed, newest first; above them what is expected. */
function tableOf(told) {
  const { declaration, points, now, figure } = told;
  const ratio = f.isRatio(declaration);
  const days = [...new Set([...points, ...(now?.points ?? [])].map((point) => point.day))].sort().reverse();
  const parts = (point) => [f.plain(point?.numerator), ...(ratio ? [f.plain(point?.denominator)] : [])];
  const row = (day) => {
    const then = asTime(day) <= told.today ? before(points, asTime(day)) : undefined;
    const known = now ? [f.value(declaration, before(now.points, asTime(day)))] : [];
    return [day, f.value(declaration, then), ...known, ...parts(then), then ? inLanguage(STATUS[then.status]) : "—"];
  };
  const ahead = told.expected === null ? []
    : [[figure.due, inLanguage(forecastWords(told)), ...(now ? ["—"] : []), ...parts(null), inLanguage(WORDS.forecast)]];
  const heads = [{ zh: "自", en: "since" }, now ? WORDS.then : { zh: "数值", en: "value" }, now && WORDS.now, { zh: "分子", en: "numerator" }, ratio && { zh: "分母", en: "denominator" }, { zh: "状态", en: "status" }];
  return { heads: heads.filter(Boolean).map(inLanguage), rows: [...ahead, ...days.map(row)] };
}
