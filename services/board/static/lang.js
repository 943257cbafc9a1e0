// The page's languages: both (Chinese first, English beside it), Chinese, or English. The choice is kept in this
// browser; `?lang=both|zh|en` in the address goes before it, so that a link can say how it is to be read.
// `lang.css` hides the language that is not asked for. Every `.languages` of a page becomes a switch.

const CHOICES = { both: "双语", zh: "中文", en: "English" };
const KEPT_AS = "minmai-language";
const root = document.documentElement;
const listeners = new Set();

/** `both`, `zh` or `en`. */
export const language = () => root.dataset.lang;

/** Words for where only plain text can stand (a chart, the title of a tab): as the page is read now. */
export function inLanguage({ zh, en }) {
  if (!en || en === zh || language() === "zh") return zh;
  return language() === "en" ? en : `${zh} · ${en}`;
}

/** Call `changed()` whenever another language is chosen; returns what ends that. */
export function onLanguage(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/**
 * Words of an option, of a group of options or of a field's placeholder, which can only be plain text: they are said
 * anew whenever another language is chosen. A page's own have them as `data-zh` and `data-en`. Returns the element.
 */
export function plainly(element, { zh, en }) {
  Object.assign(element.dataset, { zh, en });
  say(element);
  return element;
}

function say(element) {
  const text = inLanguage(element.dataset);
  if (element.tagName === "INPUT") element.placeholder = text;
  else if (element.tagName === "OPTGROUP") element.label = text;
  else element.textContent = text;
}

function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null; // a browser may forbid its storage
  }
}

function choose(choice) {
  try {
    localStorage.setItem(KEPT_AS, choice);
  } catch {
    // Then the choice holds for this page alone.
  }
  const address = new URL(location.href);
  if (address.searchParams.has("lang")) {
    address.searchParams.delete("lang"); // or the next reading of the page would undo the choice
    history.replaceState(history.state, "", address);
  }
  show(choice);
}

function show(choice) {
  root.dataset.lang = choice;
  for (const button of document.querySelectorAll(".languages button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
  document.querySelectorAll("[data-zh]").forEach(say);
  for (const changed of listeners) changed();
}

function makeSwitch(box) {
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "语言 · language");
  box.replaceChildren(...Object.entries(CHOICES).map(([choice, name]) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", value: choice, textContent: name });
    button.addEventListener("click", () => choose(choice));
    return button;
  }));
}

document.querySelectorAll(".languages").forEach(makeSwitch);
show([new URLSearchParams(location.search).get("lang"), kept()].find((choice) => Object.hasOwn(CHOICES, choice ?? "")) ?? "both");
