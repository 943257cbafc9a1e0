// A table that one can sort by any column and search.

import { brief, h, pair, setPair } from "./dom.js";
import { plainly } from "./lang.js";
import { compare } from "./values.js";

const WORTH_SEARCHING = 6; // rows; fewer are seen at once
const LONG = 28; // characters; more want a column that has room for them
const SHORT = 12; // of these none is worth a second line
const ARROWS = { ascending: "▲", descending: "▼" };

/**
 * `columns`: `{ title, unit, numeric, show(row), order(row), said(row) }` each: the words of its head, what stands in a
 * cell, what rows are put in order by (`null` stands last, whichever way), and the words that are searched. The first column is
 * the rows' heading. `options`: `label`, the words of what the table is; `key(row)`, what tells rows apart that are
 * drawn anew; `tight` for a table of short marks; `beside`: what stands beside the search, such as `downloads`.
 *
 * Returns `{ element, fill(rows) }`; what has not changed keeps its place and its focus.
 */
export function grid(columns, { label, key = JSON.stringify, tight = false, beside = null }) {
  let rows = [];
  let sorted = null; // { column, way }
  let made = new Map(); // key of a row: its element
  const find = plainly(h("input", { type: "search", autocomplete: "off", "aria-label": `在表中查找 · find in ${label.en}` }), { zh: "查找", en: "find" });
  const count = h("span", { class: "grid-count", role: "status" });
  const heads = columns.map(head);
  const body = h("tbody");
  const tools = h("div", { class: "grid-tools" }, find, count, ...(beside ? [beside] : []));
  const table = h("table", { class: `grid${tight ? " tight" : ""}` },
    h("caption", { class: "hidden" }, pair(label)),
    h("thead", {}, h("tr", {}, ...heads.map(({ element }) => element))), body);
  const element = h("div", { class: "grid-box" }, tools,
    h("div", { class: "scroll grid-scroll", tabindex: "0", role: "region", "aria-label": `${label.zh} · ${label.en}` }, table));

  function head(column) {
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
    const button = h("button", { type: "button", class: "sort" }, h("span", {}, pair(column.title), column.unit ? h("span", { class: "unit" }, " ", brief(column.unit)) : null), arrow);
    button.addEventListener("click", () => {
      const next = { undefined: column.numeric ? "descending" : "ascending", ascending: column.numeric ? null : "descending", descending: column.numeric ? "ascending" : null };
      const way = next[sorted?.column === column ? sorted.way : undefined];
      sorted = way ? { column, way } : null;
      draw();
    });
    return { element: h("th", { scope: "col", class: column.numeric ? "num" : null }, button), arrow, column };
  }

  function inOrder(found) {
    if (sorted === null) return found;
    const { column, way } = sorted;
    const down = way === "descending" ? -1 : 1;
    return found.map((row) => [column.order(row), row]).sort(([left], [right]) => {
      const nothing = Number(left === null || left === "") - Number(right === null || right === "");
      return nothing || (left === null ? 0 : down * compare(left, right));
    }).map(([, row]) => row);
  }

  function draw() {
    for (const { element: th, arrow, column } of heads) {
      const way = sorted?.column === column ? sorted.way : null;
      if (way) th.setAttribute("aria-sort", way);
      else th.removeAttribute("aria-sort");
      arrow.textContent = way ? ARROWS[way] : "";
    }
    const text = find.value.trim().toLowerCase();
    const found = text ? rows.filter((row) => columns.some((column) => Object.values(column.said(row)).join(" ").toLowerCase().includes(text))) : rows;
    tools.classList.toggle("few", rows.length < WORTH_SEARCHING && text === "");
    const many = text ? `${found.length} / ${rows.length}` : String(rows.length);
    setPair(count, { zh: `${many} 行`, en: `${many} ${rows.length === 1 ? "row" : "rows"}` }, "spare");
    place(inOrder(found).map((row) => made.get(key(row))));
  }

  /** Put rows in their places without touching those that stand there: the focus stays where it is. */
  function place(elements) {
    const held = document.activeElement;
    let next = body.firstElementChild;
    for (const one of elements) {
      if (one === next) next = next.nextElementSibling;
      else body.insertBefore(one, next);
    }
    while (next) {
      const gone = next;
      next = next.nextElementSibling;
      gone.remove();
    }
    if (held !== document.activeElement && body.contains(held)) held.focus({ preventScroll: true });
  }

  find.addEventListener("input", draw);
  return {
    element,
    fill(found) {
      const before = made;
      const classes = columns.map((column) => (column.numeric ? "num" : lengthOf(column, found)));
      made = new Map();
      rows = [];
      for (const row of found) {
        const is = key(row);
        if (made.has(is)) continue; // the same twice says nothing more
        made.set(is, before.get(is) ?? h("tr", {}, ...columns.map((column, at) =>
          h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: classes[at] }, column.show(row)))));
        rows.push(row);
      }
      draw();
    },
  };
}

/** Whether what stands in a column is long enough to be broken into lines, or so short that it must not be. */
function lengthOf(column, rows) {
  const longest = Math.max(0, ...rows.flatMap((row) => Object.values(column.said(row)).map((text) => text.length)));
  if (longest > LONG) return "long";
  return longest <= SHORT ? "short" : null;
}
