// The moment that the whole page shows: live, or a day as it is known now, or what was known on a day. It stands in
// the page's address (`?as_of=…&known_at=…`), so that a link shows a colleague the same.

import { byId, h, pair, setPair } from "./dom.js";
import { view } from "./view.js";
import * as f from "./format.js";

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const NAMES = ["as_of", "known_at"];

/** `changed()` is called when another moment has been chosen; it stands in `view.moment` then. */
export function moments(changed) {
  const [asOf, knownAt] = NAMES.map((name) => h("input", { type: "date", id: `moment-${name.replace("_", "-")}`, name }));
  const inputs = { as_of: asOf, known_at: knownAt };
  const opener = byId("moment-open");
  const form = byId("moment-form");
  const banner = byId("moment");
  const text = h("p", { role: "status" });
  const refusal = h("p", { class: "moment-refusal", role: "alert", hidden: true });
  const show = h("button", { type: "submit", class: "moment-show" }, pair({ zh: "查看", en: "show" }));
  const presets = h("div", { class: "moment-presets" });
  const back = button({ zh: "回到实时", en: "back to live" }, () => {
    choose({});
    opener.focus();
  });
  const change = button({ zh: "换一天", en: "another day" }, () => toggle(true));
  back.id = "moment-live";

  banner.append(h("b", { class: "moment-mark" }, pair({ zh: "非实时", en: "not live" })), text, h("span", { class: "moment-buttons" }, change, back));
  form.append(
    h("div", { class: "moment-fields" },
      field(asOf, { zh: "那天的数字", en: "as of" }, { zh: "那天结束时的情况，迟报和更正都算在内", en: "what was so at the end of that day, late records and corrections included" }),
      field(knownAt, { zh: "那天所知道的", en: "known at" }, { zh: "只算那天为止收到的记录：看板当时的样子", en: "only what had been received by then: the board as it was" }),
      show, presets),
    refusal);

  function button(words, clicked) {
    const made = h("button", { type: "button" }, pair(words));
    made.addEventListener("click", clicked);
    return made;
  }

  function field(input, words, about) {
    return h("label", {}, h("span", { class: "moment-name" }, pair(words)), input, h("span", { class: "moment-about" }, pair(about)));
  }

  function toggle(is) {
    form.hidden = !is;
    opener.setAttribute("aria-expanded", String(is));
    if (!is) return;
    offer();
    knownAt.focus();
  }

  /** Days that are often asked for: the ends of the last month and of the last year, as the board was then. */
  function offer() {
    for (const input of Object.values(inputs)) input.max = view.today;
    const today = view.today || new Date().toISOString().slice(0, 10);
    const [year, month] = today.split("-").map(Number);
    const ends = [[lastDay(year, month - 1), { zh: "上月末", en: "end of last month" }], [lastDay(year, 0), { zh: "去年末", en: "end of last year" }]];
    const seen = new Set();
    presets.replaceChildren(...ends.filter(([day]) => !seen.has(day) && seen.add(day)).map(([day, words]) => {
      const made = button({ zh: `${words.zh}的看板`, en: `the board at the ${words.en}` }, () => choose({ known_at: day }));
      made.className = "plainly";
      made.title = day;
      return made;
    }));
  }

  function choose(moment) {
    if (same(moment, view.moment)) return;
    const address = new URL(location.href);
    for (const name of NAMES) {
      if (moment[name]) address.searchParams.set(name, moment[name]);
      else address.searchParams.delete(name);
    }
    history.pushState(null, "", address);
    take(moment);
  }

  function take(moment) {
    view.moment = moment;
    for (const [name, input] of Object.entries(inputs)) input.value = moment[name] ?? "";
    toggle(false);
    refusal.hidden = true;
    const live = view.isLive();
    document.body.toggleAttribute("data-moment", !live);
    banner.hidden = live;
    setPair(text, live ? { zh: "" } : said(moment));
    changed();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]).filter(([, day]) => day));
    if (same(wanted, view.moment)) toggle(false);
    else choose(wanted);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    toggle(false);
    opener.focus();
  });
  opener.addEventListener("click", () => toggle(form.hidden));
  addEventListener("popstate", () => {
    const moment = addressed();
    if (!same(moment, view.moment)) take(moment);
  });

  return {
    /** Take the moment that the address names, before anything is read. */
    begin() {
      const moment = addressed();
      if (Object.keys(moment).length) take(moment);
    },
    choose,
    /** The server cannot show this moment: say why, and go back to what is live. */
    refused(reason) {
      choose({});
      toggle(true);
      setPair(refusal, reason);
      refusal.hidden = false;
    },
  };
}

/** What is not live, in words. */
export function said({ as_of: day, known_at: known }) {
  const at = day && f.day(day);
  const then = known && f.day(known);
  if (!known) return { zh: `${at.zh}的数字（按现在所知）`, en: `as of ${at.en}, as known now` };
  if (!day) return { zh: `${then.zh}的看板：只算当时收到的记录`, en: `the board on ${then.en}: only what had been received by then` };
  return { zh: `${at.zh}的数字，按 ${then.zh}所知`, en: `as of ${at.en}, as known on ${then.en}` };
}

const same = (one, other) => NAMES.every((name) => (one[name] ?? "") === (other[name] ?? ""));

function addressed() {
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, asked.get(name) ?? ""]).filter(([, day]) => DAY.test(day)));
}

/** The last day of a month, numbered from 1; month 0 is the last one of the year before. */
const lastDay = (year, month) => new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
