// The history of a figure as a step line, its target, and what is expected up to the due day.

import { h, s } from "./dom.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

const DAY_MS = 86400000;
const H = 230, LEFT = 54, RIGHT = 16, TOP = 26, BOTTOM = 26;

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

/** The days where years begin, strictly between two moments, not more than `most` of them. */
function newYears(from, until, most) {
  const [first, last] = [new Date(from).getUTCFullYear() + 1, new Date(until).getUTCFullYear()];
  const every = Math.ceil((last - first + 1) / most) || 1;
  const days = [];
  for (let year = first; year <= last; year += every) days.push(`${year}-01-01`);
  return days.filter((day) => asTime(day) > from && asTime(day) < until);
}

/**
 * The step chart of a history answer, `W` pixels wide; `figure` gives target, due day, forecast and band (it
 * may be missing).
 */
export function history(declaration, answer, figure, W) {
  const points = answer.points;
  const values = points.filter((point) => point.value !== null).map((point) => point.value);
  if (values.length === 0) return h("p", { class: "nothing" }, "还没有历史数据 · no history yet");
  const last = points.at(-1);
  const today = answer.until ?? last.day;
  const aim = last.target === null ? null : Number(last.target);
  const due = figure?.due ?? null;
  const ahead = due !== null && due > today && (figure.forecast ?? null) !== null && last.value !== null;
  const [low, high] = ahead ? [figure.forecast_low ?? figure.forecast, figure.forecast_high ?? figure.forecast] : [null, null];
  const spanned = [...values, aim, low, high].filter((one) => one !== null);
  const levels = ticks(Math.min(...spanned), Math.max(...spanned));
  const from = asTime(points[0].day);
  const now = Math.max(asTime(today), from) + DAY_MS;
  const until = due !== null && asTime(due) > now ? asTime(due) + DAY_MS : now;
  const x = (time) => LEFT + ((time - from) / (until - from)) * (W - LEFT - RIGHT);
  const [bottom, top] = [levels[0], levels.at(-1)];
  const y = (value) => TOP + ((top - value) / (top - bottom || 1)) * (H - TOP - BOTTOM);
  const upright = (day, kind) => s("line", { class: kind, x1: x(asTime(day)), x2: x(asTime(day)), y1: TOP, y2: H - BOTTOM });

  const years = newYears(from, until, Math.floor(W / 110));
  const decimals = Math.max(0, ...levels.map((level) => (String(level).split(".")[1] ?? "").length));
  const dueInside = due !== null && asTime(due) >= from;
  const dueAt = dueInside ? x(asTime(due)) : 0;
  const drawing = s("svg", { viewBox: `0 0 ${W} ${H}`, class: "history", role: "img", "aria-label": spoken(declaration, points, today, figure, ahead) },
    ...levels.flatMap((level) => [
      s("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(level), y2: y(level) }),
      s("text", { class: "tick", x: LEFT - 8, y: y(level) + 4, "text-anchor": "end" }, f.number(level, decimals)),
    ]),
    ...years.flatMap((day) => [upright(day, "grid"), s("text", { class: "tick", x: x(asTime(day)), y: H - 7, "text-anchor": "middle" }, day.slice(0, 4))]),
    ...(years.length ? [] : [
      s("text", { class: "tick", x: LEFT, y: H - 7 }, points[0].day),
      s("text", { class: "tick", x: W - RIGHT, y: H - 7, "text-anchor": "end" }, until === now ? today : due),
    ]),
    ahead ? s("path", { class: "forecast-band", d: `M${x(now)},${y(last.value)}L${x(until)},${y(high)}V${y(low)}Z` }) : null,
    ahead ? s("path", { class: "forecast-line", d: `M${x(now)},${y(last.value)}L${x(until)},${y(figure.forecast)}` }) : null,
    aim === null ? null : s("line", { class: "aim", x1: LEFT, x2: W - RIGHT, y1: y(aim), y2: y(aim) }),
    dueInside ? upright(due, "due") : null,
    dueInside ? s("text", { class: "aim-text", x: Math.min(dueAt, W - RIGHT), y: TOP - 9, "text-anchor": dueAt > W / 2 ? "end" : "start" }, `到期 due ${due}`) : null,
    aim === null ? null : s("text", { class: "aim-text", x: LEFT + 6, y: y(aim) + (y(aim) < TOP + 14 || points[0].value >= aim ? 15 : -6) }, `目标 ${f.plain(last.target)}`),
    s("path", { class: "line", d: steps(points, x, y, now) }),
    last.value === null ? null : s("circle", { class: `dot s-${figure ? f.status(figure) : last.status}`, cx: x(now), cy: y(last.value), r: 4.5 }));
  return h("figure", {}, drawing, readout(declaration, points, drawing, { x, W, until, now, due, figure, ahead }));
}

function steps(points, x, y, now) {
  let path = "";
  let held = false; // whether the line is drawn up to here
  points.forEach((point, place) => {
    if (point.value === null) {
      held = false;
      return;
    }
    const start = x(asTime(point.day)).toFixed(1);
    const end = x(place + 1 < points.length ? asTime(points[place + 1].day) : now).toFixed(1);
    path += held ? `V${y(point.value).toFixed(1)}H${end}` : `M${start},${y(point.value).toFixed(1)}H${end}`;
    held = true;
  });
  return path;
}

/** The line below the drawing: what holds at the pointer, or now. */
function readout(declaration, points, drawing, { x, W, now, due, figure, ahead }) {
  const caption = h("figcaption", { class: "readout" }, said(declaration, points.at(-1)));
  const cursor = s("line", { class: "cursor", y1: TOP, y2: H - BOTTOM, x1: -9, x2: -9 });
  drawing.append(cursor);
  const at = (place) => ["x1", "x2"].forEach((end) => cursor.setAttribute(end, place));
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const place = Math.min(Math.max(((event.clientX - box.left) / box.width) * W, LEFT), W - RIGHT);
    at(place);
    const under = points.filter((point) => x(asTime(point.day)) <= place).at(-1) ?? points[0];
    caption.textContent = place > x(now) && ahead ? expected(declaration, figure, due) : said(declaration, under);
  });
  drawing.addEventListener("pointerleave", () => {
    at(-9);
    caption.textContent = said(declaration, points.at(-1));
  });
  return caption;
}

function said(declaration, point) {
  const unit = point.value === null ? "" : ` ${declaration.unit.zh}`;
  return `${point.day} 起 · since: ${f.value(declaration, point)}${unit}（${STATUS[point.status].zh}）`;
}

function expected(declaration, figure, due) {
  const { value, band } = f.forecast(declaration, figure);
  return `${due} 预测 · forecast: ${value} ${declaration.unit.zh}${band ? `，80% 区间 ${band}` : ""}`;
}

function spoken(declaration, points, today, figure, ahead) {
  const now = `历史 · history ${points[0].day} – ${today}；${said(declaration, points.at(-1))}`;
  return ahead ? `${now}；${expected(declaration, figure, figure.due)}` : now;
}
