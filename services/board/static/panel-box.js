// One panel of a dashboard: its head, what it shows, and what it says while it reads, has nothing or cannot.

import { because, h, pair, setPair } from "./dom.js";
import { downloads } from "./downloads.js";
import { drawer } from "./kinds.js";
import { address, leads } from "./values.js";
import { read } from "./view.js";

const UNSEEN = 0.003; // of a stretch of time

/**
 * `asked()` returns what is asked for, `{ from, to, division, indicator }` as far as it is chosen; `heading` is the
 * title of the section it stands in; `seen(answer)` is called with each answer.
 *
 * Returns `{ element, refresh, end, visible, stale }`. One question at a time: asked the same meanwhile, it asks
 * once more when the answer has come; asked another, it lets the first go.
 */
export function panelBox(dashboard, panel, heading, asked, seen) {
  const base = `/v1/dashboards/${dashboard.id}/panels/${panel.id}`;
  const query = () => new URLSearchParams(asked());
  const state = h("p", { class: "panel-state", role: "status" });
  const again = h("button", { type: "button", class: "plainly", hidden: true }, pair({ zh: "再试一次", en: "try again" }));
  const nothing = panel.kind === "table" ? { zh: "没有", en: "none" } : { zh: "所选时段没有数据", en: "no data in the time range" };
  const place = h("div", { class: "panel-place" });
  const explained = panel.about ? h("p", { class: "about" }, pair(panel.about)) : null;
  const below = panel.kind === "stat" && panel.columns.length === 1; // the number first
  const element = h("article", { class: "box", id: `box-${panel.id}`, "data-kind": panel.kind, "data-panel": panel.id, "aria-busy": "true", "aria-labelledby": `box-title-${panel.id}` },
    head(), place, explained && below ? explained : null, h("p", { class: "panel-foot" }, state, " ", again));
  element.style.setProperty("--width", panel.width);
  const draw = drawer(panel, place, asked);
  let answer = null;
  let answered = ""; // the question that it answers
  let shown = null; // what is drawn: the rows as text, and the stretch of time
  let reading = null; // { question, controller }
  let more = false;

  function head() {
    const title = short(panel.title, heading);
    return h("header", { class: "box-head" },
      h("h4", { id: `box-title-${panel.id}`, class: title ? null : "hidden" }, pair(title ?? panel.title)),
      title && h("a", { class: "here", href: `#dashboards/${dashboard.id}/${panel.id}`, "aria-label": `这一块的地址 · address of this panel: ${panel.title.zh}` }, "#"),
      h("span", { class: "box-tools" }, link(), downloads((format) => `${base}?${new URLSearchParams({ ...asked(), format })}`, panel.title)),
      below ? null : explained);
  }
  function link() {
    if (!panel.link) return null;
    const made = leads(address(panel.link, asked()), { class: "more-of" }, pair({ zh: "明细", en: "details" }), h("span", { "aria-hidden": "true" }, " ›"));
    made.addEventListener("pointerdown", aim);
    made.addEventListener("focus", aim);
    return made;
    function aim() {
      made.dataset.open = address(panel.link, asked());
      made.setAttribute("href", `#${made.dataset.open}`);
    }
  }

  async function refresh() {
    const question = `${base}?${query()}`;
    more = reading?.question === question;
    if (more) return;
    reading?.controller.abort();
    const controller = new AbortController();
    reading = { question, controller };
    element.toggleAttribute("data-asking", answered !== question);
    box.stale = false;
    try {
      answer = await read(question, controller.signal);
      if (controller.signal.aborted) return;
      answered = question;
      seen(answer);
      redraw();
      say(answer.rows.length ? null : nothing);
    } catch (error) {
      if (controller.signal.aborted) return;
      box.stale = true;
      say(because({ zh: "暂时读不到", en: "cannot be read now" }, error), true);
    }
    reading = null;
    element.removeAttribute("aria-busy");
    element.removeAttribute("data-asking");
    if (more) refresh();
  }

  function say(words, failed = false) {
    if (words) setPair(state, words);
    else state.replaceChildren();
    again.hidden = !failed;
    element.toggleAttribute("data-failed", failed);
    element.toggleAttribute("data-empty", !failed && answer?.rows.length === 0);
  }

  /** Draw the answer in hand, if it says something new. */
  function redraw() {
    const said = JSON.stringify(answer.rows);
    if (said === shown?.said && !hasMoved(shown, answer)) return;
    shown = { said, from: answer.from, to: answer.to };
    draw(answer);
  }
  again.addEventListener("click", refresh);

  const box = {
    element,
    visible: false,
    stale: true,
    refresh,
    end() {
      reading?.controller.abort();
    },
  };
  return box;
}

/** Whether a stretch of time is another one by more than the eye sees. */
function hasMoved(before, after) {
  const length = new Date(after.to) - new Date(after.from);
  return ["from", "to"].some((end) => Math.abs(new Date(after[end]) - new Date(before[end])) > UNSEEN * length);
}

/** A title without the words that the heading above it has already; null if none are left. */
function short(title, heading) {
  if (title.zh === heading.zh) return null;
  const [zh, en] = [title.zh.replace(`${heading.zh}：`, ""), title.en.replace(`${heading.en}: `, "")];
  return { zh, en };
}
