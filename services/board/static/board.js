// The page: reads everything once, then changes what the server says has changed.

import { byId, en, flash, glyph, h, setText } from "./dom.js";
import { card } from "./cards.js";
import { listen } from "./stream.js";
import { matrix } from "./matrix.js";
import { panel } from "./panel.js";
import { tips } from "./tip.js";
import * as f from "./format.js";
import * as sides from "./sides.js";

const SIDES_EVERY_MS = 30000;
const SIDES_AFTER_CHANGE_MS = 2500;
const RETRY_MS = 3000;
const STATES = {
  connecting: "正在连接 · connecting",
  live: "实时 · live",
  reconnecting: "连接中断，正在重连 · reconnecting",
  paused: "更新暂停 · updates paused",
};

/** What the page knows. */
const view = {
  county: "",
  divisions: [],
  townships: [],
  declarations: new Map(),
  figures: new Map(),
  key: (indicator, division) => `${indicator}/${division}`,
  figure: (indicator, division) => view.figures.get(`${indicator}/${division}`),
  declaration: (indicator) => view.declarations.get(indicator),
};

let built = ""; // which indicators and divisions the page is built for
let parts = null;
let dirty = new Set();
let meanwhile = null; // figures that came while everything is being read
let readAgain = false;
let sidesTimer = null;

function take(figure) {
  const key = view.key(figure.indicator, figure.division);
  const known = view.figures.get(key);
  if (known && known.version >= figure.version) return;
  view.figures.set(key, figure);
  dirty.add(key);
}

function changed(figure) {
  meanwhile?.push(figure);
  take(figure);
  if (dirty.size === 1) requestAnimationFrame(() => repaint(true));
  sidesTimer ??= setTimeout(readSides, SIDES_AFTER_CHANGE_MS);
}

function repaint(blink) {
  if (!parts) return;
  const keys = dirty;
  dirty = new Set();
  const touched = new Set([...keys].map((key) => key.split("/")[0]));
  for (const key of keys) parts.matrix.paint(key, blink);
  for (const indicator of touched) {
    if (!view.declarations.has(indicator)) continue;
    parts.matrix.scale(indicator);
    parts.tops.get(indicator)?.paint(blink);
  }
  parts.panel.changed(keys);
  tally();
  const days = [...view.figures.values()].map((figure) => figure.as_of).sort();
  if (days.length) {
    setText(byId("as-of"), f.day(days.at(-1)));
    byId("as-of").dateTime = days.at(-1);
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
    const response = await fetch("/v1/indicators");
    if (!response.ok) throw new Error(`${response.status}`);
    answer = await response.json();
  } catch (error) {
    trouble("read", `数据暂时读不到，正在重试 · the figures cannot be read, trying again (${error.message})`);
  }
  const late = meanwhile;
  meanwhile = null;
  if (answer === null) {
    setTimeout(reload, RETRY_MS * (0.5 + Math.random()));
    return;
  }
  trouble("read", "");
  const first = built === "";
  const before = view.figures;
  build(answer);
  view.figures = new Map(answer.indicators.flatMap(({ declaration, figures }) =>
    figures.map((figure) => [view.key(declaration.id, figure.division), figure])));
  late.forEach(take);
  dirty = new Set([...before.keys(), ...allKeys()]);
  repaint(!first);
  byId("main").removeAttribute("aria-busy");
  if (first && location.hash.length > 1) parts.panel.open(decodeURIComponent(location.hash.slice(1)));
  readSides();
  if (readAgain) {
    readAgain = false;
    reload();
  }
}

const allKeys = () => [...view.declarations.keys()].flatMap((indicator) =>
  view.divisions.map((division) => view.key(indicator, division.code)));

function build(answer) {
  const declarations = answer.indicators.map((entry) => entry.declaration);
  const shape = JSON.stringify([answer.county, answer.divisions, declarations, answer.synthetic]);
  if (shape === built) return;
  built = shape;
  view.county = answer.county.county;
  view.divisions = answer.divisions;
  view.townships = answer.divisions.filter((division) => division.level === "township");
  view.declarations = new Map(declarations.map((declaration) => [declaration.id, declaration]));
  f.setZone(answer.county.time_zone);

  setText(byId("county-zh"), answer.county.name.zh);
  setText(byId("county-en"), answer.county.name.en);
  setText(byId("title-zh"), answer.county.title.zh);
  setText(byId("document"), answer.county.document);
  setText(byId("title-en"), answer.county.title.en);
  setText(byId("clock-note"), `时间均为 ${answer.county.time_zone} · times are in this zone`);
  byId("synthetic").hidden = !answer.synthetic;

  const aimed = declarations.filter((declaration) => declaration.target);
  const watched = declarations.filter((declaration) => !declaration.target);
  const tops = new Map();
  for (const declaration of aimed) tops.set(declaration.id, card(declaration, view));
  byId("cards").replaceChildren(...[...tops.values()].map((made) => made.element));
  const stats = watched.map((declaration) => {
    const made = stat(declaration);
    tops.set(declaration.id, made);
    return made.element;
  });
  byId("stats").replaceChildren(...stats);
  byId("watched").hidden = watched.length === 0;
  byId("legend").replaceChildren(...Object.keys(f.STATUS).map((status) =>
    h("li", { "data-status": status }, glyph(status), f.STATUS[status].zh, en(f.STATUS[status].en))));
  parts = {
    tops,
    matrix: matrix(byId("matrix"), [...aimed, ...watched], view),
    panel: parts?.panel ?? panel(view),
  };
}

/** A watched figure of the county, in the strip. */
function stat(declaration) {
  const number = h("strong", { class: "big" });
  const unit = h("span", { class: "unit" }, declaration.unit.zh);
  const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, view.county) }, declaration.name.zh);
  return {
    element: h("li", {}, h("h3", {}, name, en(declaration.name.en)), h("p", { class: "value" }, number, " ", unit)),
    paint(blink) {
      const figure = view.figure(declaration.id, view.county);
      unit.hidden = !f.hasValue(figure);
      number.classList.toggle("empty", !f.hasValue(figure));
      if (setText(number, f.value(declaration, figure)) && blink) flash(number);
    },
  };
}

function tally() {
  const aimed = [...view.declarations.values()].filter((declaration) => declaration.target);
  const statuses = aimed.map((declaration) => f.status(view.figure(declaration.id, view.county)));
  const chips = Object.keys(f.STATUS)
    .map((status) => [status, statuses.filter((found) => found === status).length])
    .filter(([status, times]) => times > 0 || status === "met" || status === "below")
    .map(([status, times]) => h("li", { "data-status": status }, glyph(status), h("b", {}, String(times)), f.STATUS[status].zh, en(f.STATUS[status].en)));
  byId("tally").replaceChildren(h("li", { class: "all" }, h("b", {}, String(aimed.length)), "项目标", en("targets")), ...chips);
  const met = statuses.filter((status) => status === "met").length;
  document.title = `${met}/${aimed.length} 达标 · ${byId("county-zh").textContent} · 民脉`;
}

async function readSides() {
  clearTimeout(sidesTimer);
  sidesTimer = null;
  await Promise.all([sides.vouchers(), sides.alerts(view), sides.feeds()]);
}

const troubles = new Map();
function trouble(kind, text) {
  troubles.set(kind, text);
  const all = [...troubles.values()].filter(Boolean);
  setText(byId("trouble"), all.join("；"));
  byId("trouble").hidden = all.length === 0;
}

function state(name, reason) {
  byId("connection").dataset.state = name;
  document.body.dataset.connection = name;
  setText(byId("connection-text"), STATES[name]);
  trouble("connection", name === "paused" ? reason
    : name === "reconnecting" ? "与服务器的连接中断，下面的数字可能已过时 · connection lost, the figures below may be out of date" : "");
}

const tip = tips(view);
document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-figure], [data-open]");
  if (!element || !parts) return;
  tip.hide();
  parts.panel.open(element.dataset.figure ?? element.dataset.open);
});
setInterval(readSides, SIDES_EVERY_MS);
listen("/v1/stream", { figure: changed, reload, state });
