// What the pages of townships and facilities share: where one is, and reading for the moment that is shown.

import { because, h, pair, setPair } from "./dom.js";
import { read } from "./view.js";

/** The way from the county: `[[name, address], …]`, the last of them where one is. */
export const trail = (steps) => h("nav", { class: "trail", "aria-label": "位置 · where you are" }, h("ol", {}, ...steps.map(([name, address], at) =>
  h("li", {}, at === steps.length - 1 ? h("span", { "aria-current": "page" }, name) : h("a", { href: address }, name)))));

/**
 * Reads what a view shows; of several questions the last one counts. `trouble` is an element for what goes wrong,
 * `busy` the one that shows the answer. Calls `got(answers)`; returns whether it did.
 */
export function reader(trouble, busy) {
  let asked = 0;
  return async function ask(urls, got) {
    const mine = ++asked;
    busy.setAttribute("aria-busy", "true");
    try {
      const answers = await Promise.all(urls.map((url) => read(url)));
      if (mine !== asked) return false;
      trouble.hidden = true;
      await got(answers);
    } catch (error) {
      if (mine !== asked) return false;
      setPair(trouble, because({ zh: "暂时读不到", en: "cannot be read now" }, error));
      trouble.hidden = false;
    }
    if (mine === asked) busy.removeAttribute("aria-busy");
    return true;
  };
}

/** Draw anew what is in `element`, and let the focus stay where the same thing stands again: who uses a keyboard is not lost. */
export function redraw(element, draw) {
  const held = element.contains(document.activeElement) ? sameness(document.activeElement) : null;
  draw();
  if (held === null || element.contains(document.activeElement)) return;
  [...element.querySelectorAll("a, button, summary, [tabindex]")].find((one) => sameness(one) === held)?.focus({ preventScroll: true });
}
const sameness = (one) => [one.tagName, one.id, one.closest("[data-record]")?.dataset.record, one.getAttribute("href"), one.dataset.open, one.dataset.kind].join(" ");

/** A facility's state in a word, with a mark by its colour. */
export const state = (status, words) => h("span", { class: "state-word", "data-state": status }, h("i", { "aria-hidden": "true" }), h("span", {}, pair(words)));
