// Building elements. Text always goes in as text, never as markup: names and reasons come from data.

import { SIGNS } from "./signs.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const byId = (id) => document.getElementById(id);
export const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/**
 * Words in both languages, for anything that takes text: the page shows one or both (`lang.js`). What is the
 * same in both, or has no English, is one text that is always shown. `also`: classes of the English.
 */
export function pair({ zh, en: english }, also = "") {
  const both = document.createDocumentFragment();
  if (!english || english === zh) both.append(zh);
  else both.append(h("span", { lang: "zh-CN" }, zh), " ", h("span", { lang: "en", class: `en ${also}`.trim() }, english));
  return both;
}
/** The same where there is no room for both: 双语 shows the Chinese alone. */
export const brief = (words) => pair(words, "spare");

/** A text of a server, `中文 · English`, as a pair. */
export function halves(text) {
  const [zh, english, more] = text.split(" · ");
  return english === undefined || more !== undefined ? { zh: text, en: text } : { zh, en: english };
}
/** Words with what an error says, in brackets. */
export function because({ zh, en: english }, error) {
  const reason = halves(error.message);
  return { zh: `${zh}（${reason.zh}）`, en: `${english} (${reason.en})` };
}


export function glyph(status) {
  return s("svg", { class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true" }, ...(SIGNS[status] ?? []).map(([tag, attributes]) => s(tag, attributes)));
}

/** A status told by colour, sign and word; `words` maps it to both languages. */
export const badge = (status, words) =>
  h("span", { class: "badge", "data-status": status }, glyph(status), h("span", {}, pair(words[status])));

/** Set the text of an element; true if that changed it. */
export function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/** Set the text of an element in both languages; true if that changed it. */
export function setPair(element, words, also = "") {
  const said = pair(words, also);
  if (element.textContent === said.textContent) return false;
  element.replaceChildren(said);
  return true;
}

/** Let an element light up for a moment: its figure has just changed. */
export function flash(element) {
  if (element.classList.contains("flash")) return;
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), 1600);
}
