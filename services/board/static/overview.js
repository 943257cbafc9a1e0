// The overview: counts by status, then by theme a card for each promise and a table of what is watched.

import { brief, byId, flash, h, pair, setPair } from "./dom.js";
import { chips } from "./chips.js";
import { card } from "./cards.js";
import { inLanguage, language, onLanguage, plainly } from "./lang.js";
import { isAimed } from "./view.js";
import { AIMED, STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

const ALL = { zh: "项目标", en: "targets" };

export function overview(view) {
  const pick = byId("division");
  const find = byId("find");
  const hours = byId("hours"); // it moves into the theme of vouchers
  let division = "";
  let wanted = null; // the status that is let through; null: all
  let made = new Map(); // indicator: card or row
  let themes = [];
  const counts = chips(byId("tally"), AIMED, STATUS, ALL, (status) => {
    wanted = status;
    filter();
  });

  function build() {
    if (!view.division(division)) division = view.county;
    pick.replaceChildren(...view.divisions.map(({ code, name, level }) =>
      plainly(h("option", { value: code, selected: code === division }), level === "county" ? { zh: "全县", en: "whole county" } : { zh: name, en: name })));
    const level = view.level(division);
    made = new Map();
    themes = byTheme(view.kept(division)).map(([theme, declarations]) => {
      const [aimed, watched] = [true, false].map((is) => declarations.filter((one) => isAimed(one, level) === is));
      for (const one of aimed) made.set(one.id, card(one, view, division));
      for (const one of watched) made.set(one.id, row(one));
      return section(theme, aimed, watched);
    });
    byId("themes").replaceChildren(...themes.map(({ element }) => element));
    const elsewhere = view.declarations.size - made.size;
    setPair(byId("elsewhere"), elsewhere
      ? { zh: `另有 ${elsewhere} 项只统计到县一级`, en: `${elsewhere} more are kept for the county only` } : { zh: "" });
    for (const one of made.values()) one.paint(false);
    count();
    filter();
  }

  function section(theme, aimed, watched) {
    const cards = h("ul", { class: "cards" }, ...aimed.map((one) => made.get(one.id).element));
    const table = h("table", { class: "watched" },
      h("caption", {}, pair({ zh: "监测指标", en: "watched, no target" }), ` · ${watched.length}`),
      h("thead", { class: "hidden" }, h("tr", {}, ...[{ zh: "指标", en: "indicator" }, { zh: "数值", en: "value" }].map((words) => h("th", { scope: "col" }, pair(words))))),
      h("tbody", {}, ...watched.map((one) => made.get(one.id).element)));
    const below = h("div", { class: "watched-box" }, h("div", { class: "flow" }, table));
    const element = h("section", { class: "theme", "data-theme": theme, "aria-labelledby": `theme-${theme}` },
      h("h3", { id: `theme-${theme}` }, pair(THEMES[theme]), " ",
        h("a", { class: "more-of", href: `#dashboards/${theme}` }, pair({ zh: "面板", en: "dashboard" }), h("span", { "aria-hidden": "true" }, " ›"))),
      cards, watched.length ? below : null,
      theme === "vouchers" ? hours : null);
    return { element, cards, below, theme, aimed, watched };
  }

  function row(declaration) {
    const number = h("b");
    const unit = h("span", { class: "unit" }, brief(declaration.unit));
    const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, division) }, pair(declaration.name));
    const value = h("td", {}, number, " ", unit);
    return {
      element: h("tr", {}, h("th", { scope: "row" }, name), value),
      declaration,
      paint(blink) {
        const figure = view.figure(declaration.id, division);
        value.dataset.status = f.status(figure);
        unit.hidden = !f.hasValue(figure);
        if (setPair(number, f.reading(declaration, figure), "spare") && blink) flash(number);
      },
    };
  }

  /** Hide what is not asked for. Nothing that is watched has one of the states that can be chosen. */
  function filter() {
    const text = find.value.trim().toLowerCase();
    const named = ({ name, owner }) => [name.zh, name.en, owner].some((part) => part.toLowerCase().includes(text));
    let shown = 0;
    for (const { element, cards, below, theme, aimed, watched } of themes) {
      const pass = (one, is) => (made.get(one.id).element.hidden = !(is && named(one))) === false;
      const first = aimed.filter((one) => pass(one, wanted === null || made.get(one.id).element.dataset.status === wanted));
      const second = watched.filter((one) => pass(one, wanted === null));
      cards.hidden = first.length === 0;
      below.hidden = second.length === 0;
      element.hidden = first.length + second.length === 0;
      if (theme === "vouchers") hours.hidden = wanted !== null || text !== "";
      shown += first.length + second.length;
    }
    const narrowed = wanted !== null || text !== "";
    byId("shown").hidden = !narrowed;
    if (!narrowed) return;
    const state = wanted ? { zh: `${STATUS[wanted].zh}：`, en: `${STATUS[wanted].en}: ` } : { zh: "", en: "" };
    setPair(byId("shown-text"), { zh: `${state.zh}显示 ${shown} 项，共 ${made.size} 项`, en: `${state.en}${shown} of ${made.size} shown` });
  }

  function count() {
    const level = view.level(division);
    const aimed = view.kept(division).filter((one) => isAimed(one, level));
    counts.count(aimed.map((one) => f.status(view.figure(one.id, division))));
    const ofCounty = view.kept(view.county).filter((one) => isAimed(one, "county"));
    const met = ofCounty.filter((one) => f.status(view.figure(one.id, view.county)) === "met").length;
    const [zh, english] = ["county-zh", "county-en"].map((id) => byId(id).textContent);
    const past = view.isLive() ? "" : `${inLanguage({ zh: "非实时", en: "not live" })} ${view.asOf()} · `;
    document.title = past + (language() === "en" ? `${met}/${ofCounty.length} met · ${english} · minmai` : `${met}/${ofCounty.length} 达标 · ${zh} · 民脉`);
  }

  pick.addEventListener("change", () => {
    division = pick.value;
    build();
  });
  find.addEventListener("input", filter);
  onLanguage(() => made.size && count());
  byId("show-all").addEventListener("click", () => {
    find.value = "";
    counts.clear();
    byId("tally").querySelector("button").focus();
  });
  return {
    build,
    /** Paint what has changed, `keys`, and count anew. */
    paint(keys, blink) {
      for (const [indicator, one] of made) if (keys.has(view.key(indicator, division))) one.paint(blink);
      count();
      if (wanted !== null) filter();
    },
  };
}
