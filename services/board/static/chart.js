// Two small drawings: the history of a figure as a step line, and voucher money by hour.

import { h, s } from "./dom.js";
import * as f from "./format.js";

const DAY_MS = 86400000;
const H = 210, LEFT = 52, RIGHT = 14, TOP = 14, BOTTOM = 26;

const asTime = (day) => Date.parse(`${day}T00:00:00Z`);

/** Three to five round numbers that span `low` to `high`. */
function ticks(low, high) {
  const rough = (high - low || Math.abs(high) || 1) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let tick = Math.floor(low / step) * step; found.length < 7; tick += step) {
    found.push(Number(tick.toPrecision(12)));
    if (tick >= high) break;
  }
  return found;
}

/** The step chart of a history answer, `W` pixels wide, with the target as a dashed line. */
export function history(declaration, answer, W) {
  const points = answer.points;
  const values = points.filter((point) => point.value !== null).map((point) => point.value);
  if (values.length === 0) return h("p", { class: "nothing" }, "还没有历史数据 · no history yet");
  const aim = points.at(-1).target === null ? null : Number(points.at(-1).target);
  const levels = ticks(Math.min(...values, aim ?? Infinity), Math.max(...values, aim ?? -Infinity));
  const [low, high] = [levels[0], levels.at(-1)];
  const from = asTime(points[0].day);
  const until = Math.max(asTime(answer.until ?? points.at(-1).day), from) + DAY_MS;
  const x = (time) => LEFT + ((time - from) / (until - from)) * (W - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low || 1)) * (H - TOP - BOTTOM);

  let path = "";
  let held = false; // whether the line is drawn up to here
  points.forEach((point, place) => {
    if (point.value === null) {
      held = false;
      return;
    }
    const start = x(asTime(point.day)).toFixed(1);
    const end = x(place + 1 < points.length ? asTime(points[place + 1].day) : until).toFixed(1);
    path += held ? `V${y(point.value).toFixed(1)}H${end}` : `M${start},${y(point.value).toFixed(1)}H${end}`;
    held = true;
  });
  const last = points.at(-1);
  // The label stands at the left, on the side of the target where the line does not begin.
  const crowded = aim !== null && points[0].value !== null && points[0].value >= aim;
  const decimals = Math.max(0, ...levels.map((level) => (String(level).split(".")[1] ?? "").length));
  const readout = h("figcaption", { class: "readout" }, said(declaration, last));
  const cursor = s("line", { class: "cursor", y1: TOP, y2: H - BOTTOM, x1: -9, x2: -9 });
  const drawing = s("svg", { viewBox: `0 0 ${W} ${H}`, class: "history", role: "img",
    "aria-label": `历史 · history: ${points[0].day} – ${answer.until ?? last.day}` },
    ...levels.flatMap((level) => [
      s("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(level), y2: y(level) }),
      s("text", { class: "tick", x: LEFT - 8, y: y(level) + 4, "text-anchor": "end" }, f.number(level, decimals)),
    ]),
    s("text", { class: "tick", x: LEFT, y: H - 7 }, points[0].day),
    s("text", { class: "tick", x: W - RIGHT, y: H - 7, "text-anchor": "end" }, answer.until ?? last.day),
    s("path", { class: "line", d: path }),
    aim === null ? null : s("line", { class: "aim", x1: LEFT, x2: W - RIGHT, y1: y(aim), y2: y(aim) }),
    aim === null ? null : s("text", { class: "aim-text", x: LEFT + 6, y: y(aim) + (crowded ? 15 : -6) }, `目标 ${f.plain(last.target)}`),
    last.value === null ? null : s("circle", { class: `dot s-${last.status}`, cx: x(until), cy: y(last.value), r: 4 }),
    cursor);
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * W;
    const under = points.filter((point) => x(asTime(point.day)) <= at).at(-1) ?? points[0];
    const line = Math.min(Math.max(at, LEFT), W - RIGHT);
    cursor.setAttribute("x1", line);
    cursor.setAttribute("x2", line);
    readout.textContent = said(declaration, under);
  });
  drawing.addEventListener("pointerleave", () => {
    cursor.setAttribute("x1", -9);
    cursor.setAttribute("x2", -9);
    readout.textContent = said(declaration, last);
  });
  return h("figure", {}, drawing, readout);
}

function said(declaration, point) {
  const unit = point.value === null ? "" : ` ${declaration.unit.zh}`;
  return `${point.day} 起 · since: ${f.value(declaration, point)}${unit}（${f.STATUS[point.status].zh}）`;
}

/** Bars of money issued and redeemed in each hour that had any. */
export function hourly(hours) {
  const moments = [...new Set(hours.map((row) => row.hour))];
  if (moments.length === 0) return [h("p", { class: "nothing" }, "还没有消费券记录 · no voucher records yet")];
  const money = (moment, step) => hours.filter((row) => row.hour === moment && row.step === step)
    .reduce((sum, row) => sum + Number(row.face_value), 0);
  const steps = [["issued", "发放", "issued"], ["redeemed", "核销", "redeemed"]];
  const series = moments.map((moment) => steps.map(([step]) => money(moment, step)));
  const full = Math.max(...series.flat()) || 1;
  const [wide, tall] = [480, 84];
  const pitch = wide / Math.max(moments.length, 12);
  const bars = series.flatMap((pair, place) => pair.map((sum, kind) => {
    const height = sum === 0 ? 0 : Math.max(1.5, (sum / full) * tall);
    return s("rect", { class: steps[kind][0], x: place * pitch + pitch * (kind ? 0.5 : 0.12), width: pitch * 0.36, y: tall - height, height },
      s("title", {}, `${f.hour(moments[place])} ${steps[kind][1]} ${f.number(sum, 2)} 元`));
  }));
  return [
    s("svg", { viewBox: `0 0 ${wide} ${tall}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `近 ${moments.length} 个有记录的小时的发放与核销金额 · face value issued and redeemed by hour` },
      s("line", { class: "grid", x1: 0, x2: wide, y1: tall - 0.5, y2: tall - 0.5 }), ...bars),
    h("figcaption", {},
      h("span", {}, f.hour(moments[0])),
      h("span", { class: "keys" }, ...steps.map(([step, zh, english]) => h("span", { class: `key ${step}` }, `${zh} ${english}`)),
        h("span", {}, `每小时，最高 ${f.number(full, 0)} 元`)),
      h("span", {}, f.hour(moments.at(-1)))),
  ];
}
