// The data of a chart as a table, worked out from its option.

import { inLanguage } from "./lang.js";

const DAY_MS = 86400000;

/**
 * `{ heads, rows }` of a chart of lines, bars, points or a pie; throws for another: its describer has to say them.
 * `along`: the head of the first column.
 */
export function tableOf(option, along) {
  const all = [option.series].flat().filter(Boolean);
  const worded = option.tooltip?.valueFormatter ?? ((value) => value);
  if (all.every((series) => series.type === "pie")) {
    return { heads: [along ?? "", all[0]?.name ?? ""], rows: all.flatMap((series) => series.data.map((one) => [one.name, worded(one.value)])) };
  }
  if (!all.every((series) => ["line", "bar", "scatter"].includes(series.type))) {
    throw new Error(`a chart of ${all.map((series) => series.type)}: its option must have a table of its data`);
  }
  const [x, y] = [option.xAxis, option.yAxis].map((axis) => [axis].flat()[0] ?? {});
  const axis = y.type === "category" ? y : x; // bars may lie
  const rows = new Map();
  all.forEach((series, column) => series.data.forEach((datum, place) => {
    const value = datum?.value ?? datum;
    const [key, number] = Array.isArray(value) ? value : [axis.data?.[place]?.value ?? axis.data?.[place] ?? place, value];
    if (!rows.has(key)) rows.set(key, all.map(() => "—"));
    rows.get(key)[column] = number === null || number === undefined || number === "-" ? "—" : worded(number, place);
  }));
  const heads = (first) => [along ?? axis.name ?? first, ...all.map((series) => series.name ?? "")];
  if (axis.type !== "time") return { heads: heads(""), rows: [...rows].map(([key, cells]) => [key, ...cells]) };
  const times = [...rows.keys()].sort((one, other) => new Date(one) - new Date(other));
  const length = times.every((time) => new Date(time) % DAY_MS === 0) ? 10 : 16; // days, or days and minutes
  const said = (time) => new Date(time).toISOString().slice(0, length).replace("T", " "); // UTC is the county's clock here
  return { heads: heads(inLanguage({ zh: "时间", en: "time" })), rows: times.map((time) => [said(time), ...rows.get(time)]) };
}
