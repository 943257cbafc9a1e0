// The overview: counts by status, then by theme a card for each promise and a table of what is watched.

import { byId, en, flash, h, setText } from "./dom.js";
import { chips } from "./chips.js";
import { card } from "./cards.js";
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
    pick.replaceChildren(...view.divisions.map((known) =>
      h("option", { value: known.code, selected: known.code === division }, known.level === "county" ? `全县 ${known.name}` : known.name)));
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
    setText(byId("elsewhere"), elsewhere ? `另有 ${elsewhere} 项只统计到县一级 · ${elsewhere} more are kept for the county only` : "");
    for (const one of made.values()) one.paint(false);
    count();
    filter();
  }

  function section(theme, aimed, watched) {
    const cards = h("ul", { class: "cards" }, ...aimed.map((one) => made.get(one.id).element));
    const table = h("table", { class: "watched" },
      h("caption", {}, "监测指标 ", en("watched, no target"), ` · ${watched.length}`),
      h("thead", { class: "hidden" }, h("tr", {}, ...["指标 indicator", "数值 value"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...watched.map((one) => made.get(one.id).element)));
    const below = h("div", { class: "watched-box" }, h("div", { class: "flow" }, table));
    const element = h("section", { class: "theme", "data-theme": theme, "aria-labelledby": `theme-${theme}` },
      h("h3", { id: `theme-${theme}` }, THEMES[theme].zh, " ", en(THEMES[theme].en)),
      cards, watched.length ? below : null,
      theme === "vouchers" ? hours : null);
    return { element, cards, below, theme, aimed, watched };
  }

  function row(declaration) {
    const number = h("b");
    const unit = h("span", { class: "unit" }, declaration.unit.zh);
    const name = h("button", { type: "button", class: "open", "data-figure": view.key(declaration.id, division) }, declaration.name.zh);
    const value = h("td", {}, number, " ", unit);
    return {
      element: h("tr", {}, h("th", { scope: "row" }, name, " ", en(declaration.name.en)), value),
      declaration,
      paint(blink) {
        const figure = view.figure(declaration.id, division);
        value.dataset.status = f.status(figure);
        unit.hidden = !f.hasValue(figure);
        if (setText(number, f.value(declaration, figure)) && blink) flash(number);
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
    if (narrowed) setText(byId("shown-text"), `${wanted ? `${STATUS[wanted].zh} · ` : ""}显示 ${shown} 项，共 ${made.size} 项 · ${shown} of ${made.size} shown`);
  }

  function count() {
    const level = view.level(division);
    const aimed = view.kept(division).filter((one) => isAimed(one, level));
    counts.count(aimed.map((one) => f.status(view.figure(one.id, division))));
    const ofCounty = view.kept(view.county).filter((one) => isAimed(one, "county"));
    const met = ofCounty.filter((one) => f.status(view.figure(one.id, view.county)) === "met").length;
    document.title = `${met}/${ofCounty.length} 达标 · ${byId("county-zh").textContent} · 民脉`;
  }

  pick.addEventListener("change", () => {
    division = pick.value;
    build();
  });
  find.addEventListener("input", filter);
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
