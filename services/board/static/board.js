// The page: reads everything once, then changes what the server says has changed.

import { because, byId, glyph, h, halves, pair, setPair, setText } from "./dom.js";
import { listen } from "./stream.js";
import { matrix } from "./matrix.js";
import { overview } from "./overview.js";
import { panel } from "./panel.js";
import { printing } from "./print.js";
import { tabs } from "./tabs.js";
import { tasks } from "./tasks.js";
import { tips } from "./tip.js";
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
  reconnecting: { zh: "连接中断，正在重连", en: "reconnecting" },
  paused: { zh: "更新暂停", en: "updates paused" },
};

const top = overview(view);
const details = panel(view, () => views.restore());
const promised = tasks(view);
let table = null;
let boards = null; // the dashboards, which are loaded when they are shown first
let built = ""; // which indicators and divisions the page is built for
let dirty = new Set();
let scheduled = false;
let meanwhile = null; // figures that came while everything is being read
let readAgain = false;
let sidesTimer = null;

/** A changed figure. A new day changes hundreds at once: they are painted together, in the next frame. */
function changed(figure) {
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
  sidesTimer ??= setTimeout(readSides, SIDES_AFTER_CHANGE_MS);
}

function repaint(blink) {
  if (!built) return;
  const keys = dirty;
  dirty = new Set();
  top.paint(keys, blink);
  table.paint(keys, blink);
  promised.paint(keys);
  boards?.then((them) => them.changed());
  details.changed(keys);
  const day = view.asOf();
  if (day) {
    setPair(byId("as-of"), f.day(day), "spare");
    byId("as-of").dateTime = day;
  }
}

/** Read everything. Figures that come in meanwhile are newer than the answer, or repeat it. */
async function reload() {
  if (meanwhile) {
    readAgain = true;
    return;
  }
  meanwhile = [];
  let answer = null;
  try {
    answer = await read("/v1/indicators");
  } catch (error) {
    trouble("read", because({ zh: "数据暂时读不到，正在重试", en: "the figures cannot be read, trying again" }, error));
  }
  const late = meanwhile;
  meanwhile = null;
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
  repaint(!first);
  byId("main").removeAttribute("aria-busy");
  if (first) views.follow();
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

function state(name, reason) {
  byId("connection").dataset.state = name;
  document.body.dataset.connection = name;
  setPair(byId("connection-text"), STATES[name]);
  details.connected(name === "live");
  trouble("connection", name === "paused" ? halves(reason)
    : name === "reconnecting" ? { zh: "与服务器的连接中断，下面的数字可能已过时", en: "connection lost, the figures below may be out of date" } : null);
}

const tip = tips(view);
const views = tabs((name, rest) => {
  promised.show(name === "tasks");
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
printing();
setInterval(readSides, SIDES_EVERY_MS);
showWho();
listen("/v1/stream", { figure: changed, reload, state });
