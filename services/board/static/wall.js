// The wall: the state of the whole plan on a big screen nobody touches. It reads everything, takes what the stream
// brings, turns its pages by itself, and says so when it is cut off.
// `?every=SECONDS` sets how long a page stays, `?page=NAME` keeps one.

import { because, brief, byId, glyph, h, pair, setPair, setText } from "./dom.js";
import { listen } from "./stream.js";
import { pages } from "./wall_pages.js";
import { rail } from "./wall_rail.js";
import { turning } from "./wall_turning.js";
import { isAimed, read, view } from "./view.js";
import { AIMED, STATUS } from "./words.js";
import * as f from "./format.js";

const RETRY_MS = 3000;
const SIDES_EVERY_MS = 30000;
const STATES = {
  connecting: { zh: "正在连接", en: "connecting" },
  live: { zh: "实时", en: "live" },
  reconnecting: { zh: "连接中断", en: "connection lost" },
  paused: { zh: "更新暂停", en: "updates paused" },
};

const asked = new URLSearchParams(location.search);
const side = rail(view);
const pager = turning({ every: Number(asked.get("every")) || 20, only: asked.get("page"), show });
const times = { clock: null, day: null };
let shape = "";
let offered = [];
let shown = null; // { page, made }: what stands on the stage
let meanwhile = null; // figures that came while everything is being read
let readAgain = false;
let dirty = new Set();
let scheduled = false;
let reading = ""; // why nothing can be read; empty: it can
let cut = ""; // why nothing new comes; empty: it comes

function changed(figure) {
  meanwhile?.push(figure);
  const before = view.figure(figure.indicator, figure.division);
  if (before && before.definition !== figure.definition) reload();
  if (!view.take(figure)) return;
  side.changed(figure, before);
  dirty.add(view.key(figure.indicator, figure.division));
  if (scheduled) return;
  scheduled = true;
  setTimeout(paint, 250); // a new day changes hundreds at once
}

async function reload() {
  if (meanwhile) {
    readAgain = true;
    return;
  }
  meanwhile = [];
  let answer = null;
  try {
    answer = await read("/v1/indicators");
    reading = "";
  } catch (error) {
    reading = because({ zh: "数据暂时读不到，正在重试", en: "the figures cannot be read, trying again" }, error);
  }
  const late = meanwhile;
  meanwhile = null;
  trouble();
  if (answer === null) {
    setTimeout(reload, RETRY_MS * (0.5 + Math.random()));
    return;
  }
  view.replace(answer);
  late.forEach(view.take);
  declare(answer);
  dirty = new Set(view.figures.keys());
  paint();
  byId("main").removeAttribute("aria-busy");
  side.read();
  if (readAgain) {
    readAgain = false;
    reload();
  }
}

function declare(answer) {
  const found = JSON.stringify([answer.county, answer.divisions, answer.indicators.map((one) => one.declaration), answer.synthetic]);
  if (found === shape) return;
  shape = found;
  view.declare(answer);
  const { county } = answer;
  const zoned = (locale, format) => new Intl.DateTimeFormat(locale, { timeZone: county.time_zone, ...format });
  const day = { year: "numeric", month: "long", day: "numeric", weekday: "short" };
  times.clock = zoned("zh-CN", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  times.day = { zh: zoned("zh-CN", day), en: zoned("en-GB", { ...day, month: "short" }) };
  f.setZone(county.time_zone);
  setPair(byId("county"), county.name);
  byId("plan").replaceChildren(brief(county.title));
  document.title = `${county.name.zh} · 民脉`;
  byId("synthetic").hidden = !answer.synthetic;
  offer();
  tick();
}

function offer() {
  offered = pages(view);
  pager.offer(offered.map(({ id, title }) => ({ id, title })));
}

/** Put a page on the stage. */
function show(id) {
  const page = offered.find((one) => one.id === id);
  if (!page) return;
  setPair(byId("slide-title"), page.title);
  shown = { page, made: page.make() };
  byId("slide").replaceChildren(shown.made.element);
  byId("slide").dataset.page = page.id;
}

function paint() {
  scheduled = false;
  const keys = dirty;
  dirty = new Set();
  const before = offered.map((page) => page.id).join();
  offered = pages(view);
  if (offered.map((page) => page.id).join() !== before) offer(); // more, or fewer, will be missed
  shown?.made.paint(keys);
  count();
  side.paint();
  const day = view.asOf();
  if (!day) return;
  byId("as-of").replaceChildren(brief(f.day(day)));
  byId("as-of").dateTime = day;
}

function count() {
  const aimed = view.kept(view.county).filter((one) => isAimed(one, "county"));
  const states = aimed.map((one) => f.status(view.figure(one.id, view.county)));
  const told = AIMED.filter((status) => states.includes(status) || ["met", "on_track", "behind", "off_track", "missed"].includes(status));
  byId("counts").replaceChildren(...told.map((status) => h("li", { "data-status": status },
    h("b", {}, String(states.filter((one) => one === status).length)),
    h("span", { class: "named" }, glyph(status), h("span", {}, pair(STATUS[status]))))));
}

function state(name, reason) {
  byId("connection").dataset.state = name;
  document.body.dataset.connection = name;
  setPair(byId("connection-text"), STATES[name]);
  if (name === "live" || name === "connecting") cut = "";
  else if (!cut) {
    const since = times.clock ? times.clock.format(new Date()) : "";
    cut = name === "paused" ? { zh: reason, en: reason }
      : { zh: `${since} 起与服务器失去联系，以下是当时的数字`, en: `cut off from the server since ${since}: these are the figures of then` };
  }
  trouble();
}

function trouble() {
  const said = cut || reading;
  byId("trouble").hidden = !said;
  if (said) setPair(byId("trouble"), said);
}

function tick() {
  if (!times.clock) return;
  const now = new Date();
  setText(byId("clock"), times.clock.format(now));
  const before = byId("today").textContent;
  const newDay = setPair(byId("today"), { zh: times.day.zh.format(now), en: times.day.en.format(now) }, "spare") && before !== "";
  // Once a day it begins anew: a screen that stays on for months is never older than the board.
  if (newDay && document.body.dataset.connection === "live") location.reload();
}

/** The screen stays on, where the browser can see to it. */
async function stayAwake() {
  try {
    if (!document.hidden) await navigator.wakeLock?.request("screen");
  } catch {
    // Saving power, or not over HTTPS: then whoever runs the screen has set it to stay on.
  }
}

document.addEventListener("visibilitychange", stayAwake);
stayAwake();
setInterval(tick, 1000);
setInterval(() => side.read(), SIDES_EVERY_MS);
listen("/v1/stream", { figure: changed, reload, state });
