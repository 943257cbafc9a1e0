// The figures of all townships, a fold for each theme.

import { brief, byId, h, pair, setPair } from "./dom.js";
import { downloads } from "./downloads.js";
import { themeTable } from "./matrix-table.js";
import { isAimed } from "./view.js";
import { THEMES, byTheme } from "./words.js";

/** Fill `box` with a fold for each theme; a table is made when its fold is opened first. */
export function matrix(box, view) {
  const open = new Set([...box.querySelectorAll("details[open]")].map((fold) => fold.dataset.theme));
  const first = box.childElementCount === 0;
  const find = byId("matrix-find");
  const folds = byTheme([...view.declarations.values()]).map(([theme, declarations], place) =>
    fold(theme, declarations, open.has(theme) || (first && place === 0)));
  box.replaceChildren(...folds.map(({ element }) => element));
  byId("matrix-downloads").replaceChildren(downloads((format) => `/v1/indicators?${new URLSearchParams({ ...view.moment, format })}`, { zh: "全部指标", en: "all figures" }));
  find.oninput = narrow; // only the newest build listens
  narrow();

  function fold(theme, declarations, isOpen) {
    const kept = declarations.filter((one) => one.levels.includes("township"));
    const columns = [true, false].flatMap((is) => kept.filter((one) => isAimed(one, "county") === is));
    const left = declarations.length - columns.length;
    const place = h("div", { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": `fold-${theme}` });
    const element = h("details", { class: "fold", "data-theme": theme, open: isOpen },
      h("summary", { id: `fold-${theme}` }, h("b", {}, pair(THEMES[theme])), " ",
        h("span", { class: "many" }, brief({
          zh: `${columns.length} 项${left ? `（另 ${left} 项只统计到县）` : ""}`,
          en: `${columns.length} indicators${left ? ` (${left} more for the county only)` : ""}`,
        }))),
      place);
    const made = { element, columns, table: null };
    const fill = () => {
      if (!element.open || made.table) return;
      made.table = themeTable(columns, view);
      made.table.narrow(named());
      place.replaceChildren(made.table.element);
    };
    element.addEventListener("toggle", fill);
    fill();
    return made;
  }

  /** Whether an indicator is looked for. */
  function named() {
    const text = find.value.trim().toLowerCase();
    return ({ id, name }) => [id, name.zh, name.en].some((one) => one.toLowerCase().includes(text));
  }
  /** Let only through what is looked for; the folds that have some come open. */
  function narrow() {
    const passes = named();
    const looking = find.value.trim() !== "";
    for (const { element, columns, table } of folds) {
      element.hidden = looking && !columns.some(passes);
      if (looking && !element.hidden) element.open = true;
      table?.narrow(passes);
    }
    setPair(byId("matrix-none"), folds.every(({ element }) => element.hidden) ? { zh: "没有这样的指标", en: "no such indicator" } : { zh: "" });
  }

  return {
    paint(keys, blink) {
      for (const { table } of folds) table?.paint(keys, blink);
    },
  };
}
