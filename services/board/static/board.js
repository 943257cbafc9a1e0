// The page: reads everything once, then changes what the server says has changed.

import { because, byId, glyph, h, halves, pair, setPair, setText } from "./dom.js";
import { listen } from "./stream.js";
import { drawUnseen } from "./echart.js";
import { facility } from "./facility.js";
import { map } from "./map.js";
import { matrix } from "./matrix.js";
import { moments } from "./moment.js";
import { overview } from "./overview.js";
import { panel } from "./panel.js";
import { printing, settled } from "./print.js";
import { tabs } from "./tabs.js";
import { tasks } from "./tasks.js";
import { tips } from "./tip.js";
import { township } from "./township.js";
import { read, view } from "./view.js";
import { showWho } from "./who.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";
import * as sides from "./sides.js";

const SIDES_EVERY_MS = 30000;
const SIDES_AFTER_CHANGE_MS = 2500;
const RETRY_MS = 3000;
const STATES = {
  connecting: { zh: "正在连接", en: "connecting" },
  live: { zh: "实时", en: "live" },
  past: { zh: "已连接", en: "connected" }, // what is shown is not live
  reconnecting: { zh: "连接中断，正在重连", en: "reconnecting" },
  paused: { zh: "更新暂停", en: "updates paused" },
};

const top = overview(view);
const moment = moments(turned);
const details = panel(view, { closed: () => views.restore(), live: () => moment.choose({}) });
const promised = tasks(view);
const places = { map: map(view, (rest) => views.moved(rest)), township: township(view), facility: facility(view) };
let table = null;
let boards = null; // the dashboards, which are loaded when they are shown first
let built = ""; // which indicators and divisions the page is built for
let painted = "{}"; // the moment of the figures that are shown
let dirty = new Set();
let scheduled = false;
let meanwhile = null; // figures that came while everything is being read
let readAgain = false;
let sidesTimer = null;
let heard = "connecting"; // of the stream of changes

/** A changed figure. A new day changes hundreds at once: they are painted together, in the next frame. */
function changed(figure) {
  if (!view.isLive()) return; // everything is read anew on the way back
  meanwhile?.push(figure);
  const before = view.figure(figure.indicator, figure.division);
  // Figures by another definition: what the page says of the indicator is out of date too.
  if (before && before.definition !== figure.definition) reload();
  if (view.take(figure)) dirty.add(view.key(figure.indicator, figure.division));
  if (!scheduled && dirty.size) {
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      repaint(true);
    });
  }
  // Spread out, so that a thousand pages do not ask in one instant.
  sidesTimer ??= setTimeout(readSides, SIDES_AFTER_CHANGE_MS * (1 + Math.random()));
}

function repaint(blink) {
  if (!built) return;
  const keys = dirty;
  dirty = new Set();
  top.paint(keys, blink);
  table.paint(keys, blink);
  promised.paint(keys);
  boards?.then((them) => them.changed());
  for (const one of Object.values(places)) one.paint(keys, blink);
  details.changed(keys);
  const day = view.asOf();
  if (day) {
    setPair(byId("as-of"), f.day(day), "spare");
    byId("as-of").dateTime = day;
  }
}

/** Another moment has been chosen: what is shown is not of it. */
function turned() {
  byId("main").setAttribute("aria-busy", "true");
  sayConnection();
  details.turned();
  reload();
}

/** Read everything, of the moment that is shown. Figures that come in meanwhile are newer than the answer, or repeat it. */
async function reload() {
  if (meanwhile) {
    readAgain = true;
    return;
  }
  meanwhile = [];
  const asked = view.moment;
  let answer = null;
  let refusal = null;
  try {
    answer = await read(`/v1/indicators?${new URLSearchParams(asked)}`);
  } catch (error) {
    if (error.status === 422) refusal = halves(error.message);
    else trouble("read", because({ zh: "数据暂时读不到，正在重试", en: "the figures cannot be read, trying again" }, error));
  }
  const late = meanwhile;
  meanwhile = null;
  if (asked !== view.moment || refusal) { // another has been chosen, or there is no such moment
    readAgain = false;
    if (asked !== view.moment) reload();
    else moment.refused(refusal);
    return;
  }
  if (answer === null) {
    setTimeout(reload, RETRY_MS * (0.5 + Math.random()));
    return;
  }
  trouble("read", null);
  const first = built === "";
  const before = [...view.figures.keys()];
  view.replace(answer);
  late.forEach(view.take);
  build(answer);
  dirty = new Set([...before, ...view.figures.keys()]);
  const here = JSON.stringify(asked);
  repaint(!first && here === painted);
  if (here !== painted && !first) for (const one of Object.values(places)) one.build();
  painted = here;
  byId("main").removeAttribute("aria-busy");
  if (first) views.follow();
  if (first && heard === "live") state(heard, "");
  readSides();
  if (readAgain) {
    readAgain = false;
    reload();
  }
}

function build(answer) {
  const shape = JSON.stringify([answer.county, answer.divisions, answer.indicators.map((one) => one.declaration), answer.synthetic]);
  if (shape === built) return;
  built = shape;
  view.declare(answer);
  f.setZone(answer.county.time_zone);
  setText(byId("county-zh"), answer.county.name.zh);
  setText(byId("county-en"), answer.county.name.en);
  setText(byId("title-zh"), answer.county.title.zh);
  setText(byId("document"), answer.county.document);
  setText(byId("title-en"), answer.county.title.en);
  setPair(byId("clock-note"), { zh: `时间均为 ${answer.county.time_zone}`, en: `times are in ${answer.county.time_zone}` });
  byId("synthetic").hidden = !answer.synthetic;
  byId("legend").replaceChildren(...Object.keys(STATUS).filter((status) => status !== "below").map((status) =>
    h("li", { "data-status": status }, glyph(status), pair(STATUS[status]))));
  top.build();
  table = matrix(byId("matrix"), view);
  for (const one of Object.values(places)) one.build();
}

async function readSides() {
  clearTimeout(sidesTimer);
  sidesTimer = null;
  await Promise.all([sides.vouchers(), sides.alerts(view), sides.feeds()]);
}

const troubles = new Map();
function trouble(kind, words) {
  troubles.set(kind, words);
  const all = [...troubles.values()].filter(Boolean);
  setPair(byId("trouble"), { zh: all.map(({ zh }) => zh).join("；"), en: all.map(({ en }) => en).join("; ") });
  byId("trouble").hidden = all.length === 0;
}

function sayConnection() {
  const { state: name } = byId("connection").dataset;
  setPair(byId("connection-text"), STATES[name === "live" && !view.isLive() ? "past" : name]);
}

/** It is live once there are figures that could change. */
function state(name, reason) {
  heard = name;
  const shown = name === "live" && !built ? "connecting" : name;
  byId("connection").dataset.state = shown;
  document.body.dataset.connection = shown;
  sayConnection();
  details.connected(name === "live");
  trouble("connection", name === "paused" ? halves(reason)
    : name === "reconnecting" ? { zh: "与服务器的连接中断，下面的数字可能已过时", en: "connection lost, the figures below may be out of date" } : null);
}

const tip = tips(view);
const views = tabs((name, rest, arrived) => {
  promised.show(name === "tasks");
  for (const [own, one] of Object.entries(places)) one.show(name === own, rest, arrived);
  showBoards(name === "dashboards", rest);
}, details.open);
async function showBoards(is, rest) {
  if (is) boards ??= import("./dashboards.js").then(({ dashboards }) => dashboards(byId("dashboards"), view, views));
  (await boards)?.show(is, rest);
}
document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-figure], [data-open]");
  if (!element || !built) return;
  tip.hide();
  if (details.open(element.dataset.figure ?? element.dataset.open)) event.preventDefault(); // or it is a link to somewhere else
});
printing(async () => {
  await settled(":not(.box)"); // a panel out of sight is not read by itself
  await (await boards)?.all();
  await settled("");
  await drawUnseen();
});
setInterval(readSides, SIDES_EVERY_MS);
showWho();
moment.begin();
listen("/v1/stream", { figure: changed, reload: () => (view.isLive() || !built) && reload(), state });
