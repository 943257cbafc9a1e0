// Counts by state, each a button that lets through only what is in that state.

import { glyph, h, pair, setText } from "./dom.js";

/**
 * Fill `list` (a `ul`) with a chip for all and one for each of `states`; `picked(state or null)` is called
 * when the choice changes. `all`: the words of the first chip. The chips stay in place while their counts
 * change, and so does the focus.
 */
export function chips(list, states, words, all, picked) {
  let chosen = null;
  const made = new Map([[null, chip(null, all)], ...states.map((state) => [state, chip(state, words[state])])]);
  const bar = h("li", { class: "share", "aria-hidden": "true" }, ...states.map((state) => h("i", { "data-status": state })));
  list.replaceChildren(...[...made.values()].map(({ element }) => element), bar);
  paint();

  function chip(state, said) {
    const count = h("b", {}, "–");
    const button = h("button", { type: "button", "data-status": state, "data-pick": state ?? "all" },
      state ? glyph(state) : null, count, h("span", {}, pair(said)));
    button.addEventListener("click", () => choose(state === chosen ? null : state));
    return { element: h("li", {}, button), button, count };
  }
  function choose(state) {
    chosen = state;
    paint();
    picked(chosen);
  }
  function paint() {
    for (const [state, { button, count }] of made) {
      button.setAttribute("aria-pressed", String(state === chosen));
      button.classList.toggle("none", ["0", "–"].includes(count.textContent));
    }
  }
  return {
    /** Show how many of `found` (states, one each) are in each state. */
    count(found) {
      for (const [state, { count }] of made) {
        setText(count, String(state === null ? found.length : found.filter((one) => one === state).length));
      }
      for (const segment of bar.children) {
        const share = made.get(segment.dataset.status).count.textContent;
        segment.hidden = share === "0";
        segment.style.setProperty("flex-grow", share);
      }
      paint();
    },
    clear: () => choose(null),
  };
}
