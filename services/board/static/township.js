// One township (or the county): its figures, its facilities, and who tells of it.

import { badge, brief, flash, h, pair, setPair } from "./dom.js";
import { chips } from "./chips.js";
import { downloads } from "./downloads.js";
import { grid } from "./grid.js";
import { facilityColumns, feedColumns } from "./place-columns.js";
import { reader, trail } from "./place.js";
import { isAimed } from "./view.js";
import { vocabulary, wordOf } from "./vocabulary.js";
import { AIMED, STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

const AFTER_CHANGE_MS = 2500;
const MOST = 1000; // facilities that are listed
const FACILITIES = { zh: "设施机构", en: "facilities" };

export function township(view) {
  const section = document.querySelector("[data-view=township]");
  const head = h("div", {});
  const trouble = h("p", { class: "notice trouble", role: "alert", hidden: true });
  const tally = h("ul", { class: "tally", "aria-label": "按状态筛选 · filter by status" });
  const figures = h("div", { class: "town-figures" });
  const kinds = h("ul", { class: "tally kinds", "aria-label": "按类别筛选 · filter by kind" });
  const more = h("p", { class: "shown", role: "status" });
  const feeds = h("div", {});
  const body = h("div", {},
    part({ zh: "指标", en: "Figures" }, tally, figures),
    part({ zh: "设施机构", en: "Facilities" }, kinds, more),
    part({ zh: "谁在报送", en: "Who tells of it" }, feeds));
  const ask = reader(trouble, body);
  section.append(head, trouble, body);

  let code = "";
  let open = false;
  let rows = new Map(); // indicator: its row
  let wanted = null; // the status that is let through
  let kind = null; // the kind that is let through
  let timer = null;
  let facilities = null;
  let senders = null;
  const counts = chips(tally, AIMED, STATUS, { zh: "项目标", en: "targets" }, (status) => {
    wanted = status;
    filter();
  });

  function part(words, ...inside) {
    return h("section", { class: "town-part" }, h("h3", {}, pair(words)), ...inside);
  }

  function build() {
    const place = view.division(code);
    head.replaceChildren(
      trail(place.level === "county" ? [[place.name]] : [[view.division(view.county).name, `#township/${view.county}`], [place.name]]),
      h("div", { class: "heading" }, h("h2", { id: "h-township", tabindex: "-1" }, place.name)));
    rows = new Map();
    figures.replaceChildren(...byTheme(view.kept(code)).map(([theme, declarations]) => {
      const inOrder = [true, false].flatMap((is) => declarations.filter((one) => isAimed(one, place.level) === is));
      for (const one of inOrder) rows.set(one.id, row(one, place));
      return h("table", { class: "town-table", "data-theme": theme },
        h("caption", {}, pair(THEMES[theme])),
        h("thead", {}, h("tr", {}, ...[["指标", "figure"], ["数值", "value"], ["状态", "status"], ...(place.level === "county" ? [] : [["全县", "county"]])]
          .map(([zh, en]) => h("th", { scope: "col" }, pair({ zh, en }))))),
        h("tbody", {}, ...inOrder.map((one) => rows.get(one.id).element)));
    }));
    for (const one of rows.values()) one.paint(false);
    count();
    filter();
  }

  function row(declaration, place) {
    const number = h("b");
    const unit = h("span", { class: "unit" });
    const status = h("td", {});
    const county = place.level === "county" ? null : h("td", { class: "num of-county" });
    const aim = f.target(declaration, place.level);
    const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, code) }, pair(declaration.name));
    const element = h("tr", {},
      h("th", { scope: "row" }, name, aim ? h("span", { class: "aim-line" }, brief({ zh: `目标 ${aim}`, en: `target ${aim}` }), " ", brief(f.due(declaration))) : null),
      h("td", { class: "num" }, number, " ", unit), status, county);
    return {
      element,
      paint(blink) {
        const figure = view.figure(declaration.id, code);
        const now = f.status(figure);
        if (element.dataset.status !== now) {
          element.dataset.status = now;
          status.replaceChildren(now === "watched" ? h("span", { class: "watched-word" }, brief(STATUS.watched)) : badge(now, STATUS));
        }
        setPair(unit, f.hasValue(figure) ? declaration.unit : { zh: "" }, "spare");
        if (setPair(number, { zh: f.value(declaration, figure) }) && blink) flash(number);
        if (county) setPair(county, { zh: f.value(declaration, view.figure(declaration.id, view.county)) });
      },
    };
  }

  function count() {
    const aimed = view.kept(code).filter((one) => isAimed(one, view.level(code)));
    counts.count(aimed.map((one) => f.status(view.figure(one.id, code))));
  }

  function filter() {
    for (const { element } of rows.values()) element.hidden = wanted !== null && element.dataset.status !== wanted;
    for (const table of figures.children) table.hidden = table.querySelector("tbody tr:not([hidden])") === null;
  }

  /** Which facilities are asked for. */
  const listed = () => ({ ...view.moment, division: code, ...(kind && { kind }) });

  function load() {
    clearTimeout(timer);
    timer = null;
    const moment = new URLSearchParams(view.moment);
    const asks = new URLSearchParams({ ...listed(), limit: MOST });
    return ask([`/v1/divisions/${code}?${moment}`, `/v1/facilities?${asks}`], async ([place, list]) => {
      await vocabulary();
      drawKinds(place.facilities);
      drawFacilities(list.facilities, list.next !== null);
      drawFeeds(place.feeds);
    });
  }

  function drawKinds(groups) {
    const byKind = new Map();
    for (const group of groups) byKind.set(group.kind, [...(byKind.get(group.kind) ?? []), group]);
    if (!byKind.has(kind)) kind = null;
    const all = groups.reduce((sum, one) => sum + one.facilities, 0);
    const focused = kinds.contains(document.activeElement) ? document.activeElement.dataset.kind : null;
    kinds.replaceChildren(...[[null, null], ...byKind].map(([name, some]) => {
      const open = some?.filter((one) => one.status === "open").reduce((sum, one) => sum + one.facilities, 0);
      const button = h("button", { type: "button", "data-kind": name ?? "", "aria-pressed": String(kind === name) },
        h("b", {}, String(some ? open : all)),
        h("span", {}, pair(some ? wordOf("facility", "kind", name) : { zh: "全部", en: "all" })));
      button.title = some ? `开放 ${open}，共 ${some.reduce((sum, one) => sum + one.facilities, 0)} · open, of all` : "";
      button.addEventListener("click", () => {
        kind = kind === name ? null : name;
        for (const other of kinds.querySelectorAll("button")) other.setAttribute("aria-pressed", String((other.dataset.kind || null) === kind));
        load();
      });
      return h("li", {}, button);
    }));
    if (focused !== null) kinds.querySelector(`[data-kind="${focused}"]`)?.focus();
  }

  function drawFacilities(found, cut) {
    if (!facilities) {
      const saved = downloads((format) => `/v1/facilities?${new URLSearchParams({ ...listed(), format })}`, FACILITIES);
      facilities = grid(facilityColumns(), { label: FACILITIES, beside: saved });
      kinds.after(facilities.element);
    }
    facilities.fill(found);
    setPair(more, cut ? { zh: `只列出前 ${MOST} 家：请按类别查看，或下载全部`, en: `the first ${MOST} are listed: choose a kind, or download all` }
      : found.length === 0 ? { zh: "没有设施机构的记录", en: "no facility has been told of" } : { zh: "" });
  }

  function drawFeeds(told) {
    senders ??= grid(feedColumns(), { label: { zh: "谁在报送", en: "who tells of it" } });
    senders.fill(told);
    feeds.replaceChildren(told.length ? senders.element : h("p", { class: "nothing" }, pair({ zh: "还没有收到数据", en: "nothing received yet" })));
  }

  return {
    async show(is, rest, arrived) {
      open = is;
      clearTimeout(timer);
      if (!is) return;
      const asked = rest.slice(1) || view.county;
      code = view.division(asked) ? asked : view.county;
      wanted = kind = null;
      counts.clear();
      build();
      if (arrived) {
        head.querySelector("h2").focus({ preventScroll: true });
        scrollTo(0, 0);
      }
      await load();
    },
    /** Declarations, divisions or the moment have changed. */
    build() {
      if (!open) return;
      build();
      load();
    },
    paint(keys, blink) {
      if (!open) return;
      const mine = [...keys].filter((key) => key.endsWith(`/${code}`) || key.endsWith(`/${view.county}`));
      if (mine.length === 0) return;
      for (const key of mine) rows.get(key.split("/")[0])?.paint(blink);
      count();
      filter();
      timer ??= setTimeout(load, AFTER_CHANGE_MS);
    },
  };
}
