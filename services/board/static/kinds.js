// The five kinds of panels: each draws an answer in its place.

import { chart } from "./echart.js";
import { TIMES } from "./echart-theme.js";
import { brief, flash, h, pair } from "./dom.js";
import { grid } from "./grid.js";
import { inLanguage } from "./lang.js";
import * as f from "./format.js";
import * as v from "./values.js";

const ROW = 32; // pixels for a row of Grafana's grid, in which panels say their height
const HOUR_MS = 3600000;
const WEEKS_MS = 62 * 24 * HOUR_MS;
const LONG = 9; // characters that a number alone has room for in large ones
const SMALLEST = 170; // pixels for a chart
const BAR = { one: 26, more: 11 }; // pixels for a bar that lies, alone or beside others of its row
const SHADES = { green: "met", blue: "onTrack", amber: "behind", orange: "offTrack", red: "missed", purple: "cannotSay", grey: "none" };

const shade = (colours, name, place) => colours[SHADES[name]] ?? colours.series[place % colours.series.length];
const titled = (column) => v.single(column.title);
const bare = (column) => ({ ...column, decimals: null, unit: column.unit === "s" ? "s" : "" }); // for an axis

/**
 * `draw(answer)` of a panel's kind in `place`; `chosen()` has the division and the indicator that its links are for.
 * Drawing again changes what has changed.
 */
export const drawer = (panel, place, chosen) => ({
  stat, time_series: series, bar: bars, table: rows, state_wall: rows,
})[panel.kind](panel, place, chosen);

function stat(panel, place, chosen) {
  const tiles = panel.columns.map((column) => {
    const [number, name] = [h("strong", { class: "big" }), h("dt")];
    const unit = h("span", { class: "unit" }, " ", v.unit(column) ? brief(v.unit(column)) : "");
    const value = h("dd", {}, number, unit);
    return { column, number, unit, name, element: h("div", { class: "tile", "data-column": column.name }, name, value), before: null };
  });
  place.replaceChildren(h("dl", { class: "tiles" }, ...tiles.map(({ element }) => element)));
  return ({ rows: [row] }) => {
    tiles.forEach((tile, at) => {
      const value = row?.[at] ?? null;
      const said = brief(v.said(tile.column, value));
      if (tile.before !== null && tile.before !== said.textContent) flash(tile.number);
      tile.before = said.textContent;
      const to = row ? v.destination(tile.column, panel.columns, row, chosen()) : null;
      tile.number.replaceChildren(to === null ? said : v.leads(to, { class: "open" }, said));
      tile.element.dataset.colour = (value === null ? null : v.colour(tile.column, value)) ?? "";
      tile.element.classList.toggle("nought", value === 0);
      tile.element.classList.toggle("long", tile.number.textContent.length > LONG);
      tile.unit.hidden = value === null;
      tile.name.replaceChildren(pair(tile.column.title));
    });
  };
}

function series(panel, place) {
  place.style.setProperty("--chart-height", `${panel.height * ROW}px`);
  const [, ...all] = panel.columns;
  const unit = v.unit(all[0]);
  return (answer) => chart(place, (colours) => {
    const lines = told(panel, all, answer);
    return {
      label: inLanguage(panel.title),
      table: { heads: panel.columns.map(titled), rows: answer.rows.map((row) => panel.columns.map((column, at) => v.worded(column, row[at]))) },
      grid: { top: (lines.length > 1 ? 34 : 14) + (unit ? 18 : 0) },
      ...(lines.length > 1 && { legend: { type: "scroll", itemGap: 14 } }),
      xAxis: { type: "time", ...covered(panel, answer), ...days(covered(panel, answer)) },
      yAxis: { type: "value", ...(unit && above(unit)), scale: !panel.every, axisLabel: { formatter: (value) => v.worded(bare(all[0]), value) }, splitNumber: 4 },
      tooltip: { formatter: (points) => pointed(panel, lines, points) },
      series: lines.map((column) => line(panel, answer, column, panel.columns.indexOf(column), shade(colours, column.colour, all.indexOf(column)))),
    };
  });
}

/** The lines there are: one without a value in all the time, such as a target that nobody has set, is none. */
function told(panel, lines, { rows }) {
  const some = panel.every ? lines : lines.filter((column) => rows.some((row) => (row[panel.columns.indexOf(column)] ?? null) !== null));
  return some.length ? some : lines;
}

/** The unit above an axis that stands. */
const above = (unit) => ({ name: v.single(unit), nameLocation: "end", nameGap: 10, nameTextStyle: { align: "left" } });

/** The stretch of time of an axis: the answer's, or as much of its end as the panel looks at. */
function covered(panel, { from, to }) {
  const [begin, end] = [f.wall(from), f.wall(to)];
  return { min: panel.within ? Math.max(begin, end - panel.within * HOUR_MS) : begin, max: end };
}

/** Within some weeks the first of a month is a day as the others are. */
const days = ({ min, max }) => (max - min < WEEKS_MS && { axisLabel: { formatter: { ...TIMES, year: TIMES.day, month: TIMES.day } } });

function line(panel, answer, column, at, colour) {
  const every = 1000 * (panel.every === "step" ? answer.step : panel.every ?? 0);
  const all = answer.rows.map((row) => [f.wall(row[0]), row[at]]);
  const points = every && all.every(([, value]) => !value) ? [] : all; // what never was needs no line at nought
  return {
    type: "line", name: titled(column), step: "end", color: colour,
    ...(column.colour === "grey" && !every && { lineStyle: { type: "dashed", width: 1.5 } }), // what it is held against
    ...(every && { areaStyle: { opacity: 0.14 } }),
    ...(!every && points.length === 1 && { symbol: "circle", symbolSize: 7 }),
    data: every ? points.flatMap((point, place) => stretch(point, every, points[place + 1])) : points,
  };
}

/** What tells of a stretch of its own ends with it, unless another follows: where there is no row, nothing was. */
function stretch([time, value], every, next) {
  const end = time + every;
  return next && next[0] <= end ? [[time, value]] : [[time, value], [end, value], [end, null]];
}

function pointed(panel, lines, points) {
  const time = new Date(points[0].value[0]).toISOString().slice(0, 16).replace("T", " ");
  return [h("b", {}, time), ...points.filter((one) => one.value[1] !== null).map((one) => entry(one.color, one.seriesName, v.worded(lines[one.seriesIndex], one.value[1])))];
}
function entry(colour, name, text) {
  const swatch = h("i", { class: "swatch" });
  swatch.style.background = colour;
  return h("div", { class: "tip-line" }, swatch, h("span", {}, name), h("b", {}, text));
}

function bars(panel, place, chosen) {
  const [named, ...measured] = panel.columns;
  const unit = v.unit(measured[0]);
  const linked = (column, row, words) => {
    const to = v.destination(column, panel.columns, row, chosen());
    return to === null ? words : v.leads(to, { class: "open" }, words);
  };
  return (answer) => {
    const each = measured.length === 1 ? BAR.one : measured.length * BAR.more + 8;
    place.style.setProperty("--chart-height", `${Math.max(SMALLEST, answer.rows.length * each + 60)}px`);
    return chart(place, (colours) => ({
      label: inLanguage(panel.title),
      table: { heads: panel.columns.map(titled), rows: answer.rows.map((row) => panel.columns.map((column, at) => linked(column, row, v.worded(column, row[at])))) },
      picked: ({ dataIndex }) => {
        const to = v.destination(named, panel.columns, answer.rows[dataIndex], chosen());
        if (to !== null) location.hash = to;
      },
      grid: { top: measured.length > 1 ? 34 : 6, right: measured.length > 1 ? 20 : 56, bottom: unit ? 22 : 4 },
      ...(measured.length > 1 && { legend: { type: "scroll" } }),
      xAxis: { type: "value", ...(unit && { name: v.single(unit), nameLocation: "middle", nameGap: 24 }), axisLabel: { formatter: (value) => v.worded(bare(measured[0]), value) }, splitNumber: 3 },
      yAxis: { type: "category", inverse: true, data: answer.rows.map((row) => v.worded(named, row[0])), axisLabel: { interval: 0, width: 150, overflow: "truncate" } },
      tooltip: { axisPointer: { type: "shadow" }, formatter: (all) => [h("b", {}, all[0].name), ...all.map((one) => entry(one.color, one.seriesName, v.worded(measured[one.seriesIndex], one.value ?? null)))] },
      series: measured.map((column, at) => ({
        type: "bar", name: titled(column), color: shade(colours, column.colour, at), barMaxWidth: 18,
        label: { show: measured.length === 1, position: "right", color: colours.ink, formatter: ({ value }) => v.worded({ ...column, unit: "" }, value ?? null) },
        data: answer.rows.map((row) => {
          const found = column.thresholds.length && v.colour(column, row[at + 1]);
          return { value: row[at + 1], ...(found && { itemStyle: { color: shade(colours, found, at) } }) };
        }),
      })),
    }));
  };
}

function rows(panel, place, chosen) {
  const tight = panel.kind === "state_wall";
  place.style.setProperty("--grid-height", `${Math.max(panel.height, 6) * ROW}px`);
  let made = null;
  return (answer) => {
    if (!made) {
      made = grid(panel.columns.map((_, at) => columnOf(panel.columns, at, answer, tight, chosen)), { label: panel.title, tight });
      place.replaceChildren(made.element);
    }
    made.fill(answer.rows);
  };
}

function columnOf(columns, at, answer, tight, chosen) {
  const column = columns[at];
  const order = v.order(column);
  return {
    title: column.title,
    unit: v.unit(column),
    numeric: v.isNumber(column, answer.rows.map((row) => row[at])),
    show: (row) => {
      const shown = v.cell(column, row[at], tight);
      const to = v.destination(column, columns, row, chosen());
      return to === null ? shown : v.leads(to, { class: "open" }, shown);
    },
    order: (row) => order(row[at]),
    said: (row) => v.said(column, row[at]),
  };
}
