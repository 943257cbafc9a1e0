// The details of one figure: live, or as it was on a day, or as it was known on a day.

import { because, byId, h, setPair } from "./dom.js";
import { breakdown } from "./breakdown.js";
import { compare, facts, standing, versions } from "./facts.js";
import { records } from "./records.js";
import { trend } from "./trend.js";
import { read } from "./view.js";
import { vocabulary } from "./vocabulary.js";
import * as f from "./format.js";

const HISTORY_EVERY_MS = 2000;

/** `closed()` is called when the panel has been closed, `live()` when the whole page is to show what is live. */
export function panel(view, { closed, live: toLive }) {
  const dialog = byId("panel");
  const [pick, asOf, knownAt, note] = ["panel-division", "panel-as-of", "panel-known-at", "panel-note"].map(byId);
  const chart = trend(byId("panel-chart"));
  const behind = records(view);
  const apart = breakdown();
  let shown = null; // { indicator, division }
  let connected = false;
  let past = null; // figures by division of the chosen moment; null: live
  let defined = null; // the indicator as it was defined at that moment; null: as now
  let asked = 0;
  let drawing = 0;
  let historyTimer = null;
  let worded = false; // whether formulas have words by now

  /** The chosen moment as the API takes it; empty: live. */
  const moment = () => Object.fromEntries([["as_of", asOf.value], ["known_at", knownAt.value]].filter(([, day]) => day));
  const isLive = () => Object.keys(moment()).length === 0;
  /** Whether it shows the moment that the whole page does: then the figures are at hand. */
  const isPages = () => ["as_of", "known_at"].every((name) => moment()[name] === view.moment[name]);
  const declared = () => defined ?? view.declaration(shown.indicator);
  const figureOf = (division) => (isPages() ? view.figure(shown.indicator, division) : past?.get(division));

  function open(key) {
    const [indicator, division, part] = key.split("/");
    const declaration = view.declaration(indicator);
    if (!declaration?.levels.includes(view.level(division)) || !view.division(division)) return false;
    const same = shown?.indicator === indicator;
    shown = { indicator, division };
    if (!same) [asOf.value, knownAt.value] = [view.moment.as_of ?? "", view.moment.known_at ?? ""];
    asOf.max = knownAt.max = view.today;
    pick.replaceChildren(...view.divisions.filter((known) => declaration.levels.includes(known.level)).map((known) =>
      h("option", { value: known.code, selected: known.code === division }, known.name)));
    if (!dialog.open) dialog.showModal();
    if (!same) dialog.scrollTop = 0;
    window.history.replaceState(null, "", `#${key}`);
    choose();
    if (part === "records") byId("panel-records").open = true;
    return true;
  }

  /** Show the chosen moment: read what it takes, then draw. */
  async function choose() {
    if (isLive() && !view.isLive()) {
      toLive();
      return;
    }
    const mine = ++asked;
    past = defined = null;
    mark();
    for (const part of [behind, apart]) part.show(view.declaration(shown.indicator), shown.division, moment());
    if (!isPages()) {
      byId("panel-body").setAttribute("aria-busy", "true");
      try {
        const answer = await read(`/v1/indicators/${shown.indicator}?${new URLSearchParams(moment())}`);
        if (mine !== asked || shown === null) return; // something else is shown by now
        defined = answer.declaration;
        past = new Map(answer.figures.map((figure) => [figure.division, figure]));
      } catch (error) {
        if (mine !== asked || shown === null) return;
        const missing = because({ zh: "暂时读不到", en: "cannot be read now" }, error);
        setPair(note, { zh: `${said().zh} —— ${missing.zh}`, en: `${said().en} — ${missing.en}` });
      }
    }
    byId("panel-body").removeAttribute("aria-busy");
    draw(false);
    load();
    loadVersions();
    inWords(mine);
  }

  /** Tell that what is shown is not live. */
  function mark() {
    dialog.toggleAttribute("data-past", !isLive());
    byId("panel-live").hidden = isLive();
    setPair(note, said());
  }

  function said() {
    if (isLive()) {
      return connected ? { zh: "实时数字", en: "live" } : { zh: "未连上服务器，数字可能已过时", en: "not connected, may be out of date" };
    }
    const { as_of: day, known_at: known } = moment();
    const zh = [day && `${f.day(day).zh}那天的数字`, known && `截至 ${f.day(known).zh} 所知道的`].filter(Boolean).join("，");
    const english = [day && `as of ${f.day(day).en}`, known && `as known on ${f.day(known).en}`].filter(Boolean).join(", ");
    return { zh: `非实时：${zh}`, en: `not live: ${english}` };
  }

  function draw(blink) {
    const declaration = declared();
    const level = view.level(shown.division);
    const figure = figureOf(shown.division);
    setPair(byId("panel-name"), declaration.name);
    byId("panel-standing").replaceChildren(standing(declaration, figure, blink));
    byId("panel-facts").replaceChildren(facts(declaration, figure, level));
    byId("panel-compare").replaceChildren(...(declaration.levels.includes("township")
      ? [compare(declaration, view.townships, figureOf, shown.division)] : []));
  }

  async function load() {
    clearTimeout(historyTimer);
    historyTimer = null;
    const mine = ++drawing;
    const declaration = declared();
    const { as_of: to, known_at: known } = moment();
    const { division } = shown;
    chart.begin([declaration.id, division, to, known].join("/"));
    const history = (asks) => read(`/v1/indicators/${declaration.id}/history?${new URLSearchParams({ division, ...asks })}`);
    try {
      const [answer, now] = await Promise.all([
        history({ ...(to && { to }), ...(known && { known_at: known }) }),
        isLive() ? null : history({}), // beside what was known then, what is known now
      ]);
      if (mine !== drawing || shown === null) return; // another figure is shown by now
      chart.show(declaration, answer, figureOf(division), now);
    } catch (error) {
      if (mine === drawing) chart.fail(error);
    }
  }

  /** The formula is in the words of the records as soon as those are read. */
  async function inWords(mine) {
    if (worded) return;
    try {
      await vocabulary();
    } catch {
      return; // it is written with the names of fields, and the next figure asks again
    }
    worded = true;
    if (mine === asked && shown) draw(false);
  }

  async function loadVersions() {
    const box = byId("panel-versions");
    const mine = shown.indicator;
    box.hidden = true;
    try {
      const held = await read(`/v1/indicators/${mine}/definitions`);
      if (shown?.indicator !== mine) return;
      box.replaceChildren(...versions(held));
      box.hidden = held.length === 0;
    } catch {
      // The panel says already that nothing can be read; the version itself stands among the facts.
    }
  }

  function live() {
    asOf.value = knownAt.value = "";
    choose();
  }
  byId("panel-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    event.preventDefault(); // once the panel is closed the address is its own again: only then it leads on
    dialog.addEventListener("close", () => { location.hash = link.getAttribute("href"); }, { once: true });
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    shown = null;
    clearTimeout(historyTimer);
    historyTimer = null;
    asked += 1;
    drawing += 1;
    closed();
  });
  pick.addEventListener("change", () => open(view.key(shown.indicator, pick.value)));
  for (const input of [asOf, knownAt]) input.addEventListener("change", choose);
  byId("panel-live").addEventListener("click", () => {
    live();
    asOf.focus();
  });

  return {
    open,
    /** Whether changes come in; what is not live does not depend on it. */
    connected(is) {
      connected = is;
      if (shown && isLive()) setPair(note, said());
    },
    /** The whole page shows another moment: so does the panel, once the figures are there. */
    turned() {
      if (!shown) return;
      asked += 1;
      [asOf.value, knownAt.value] = [view.moment.as_of ?? "", view.moment.known_at ?? ""];
      past = defined = null;
      mark();
      byId("panel-body").setAttribute("aria-busy", "true");
    },
    /** Draw anew if this figure, or one it is compared with, is of the moment that the page shows. */
    changed(keys) {
      if (!shown) return;
      asOf.max = knownAt.max = view.today;
      if (!isPages() || ![...keys].some((key) => key.startsWith(`${shown.indicator}/`))) return;
      if (!view.declaration(shown.indicator)) {
        dialog.close();
        return;
      }
      if (byId("panel-body").hasAttribute("aria-busy")) { // the page has turned
        byId("panel-body").removeAttribute("aria-busy");
        choose();
        return;
      }
      const own = keys.has(view.key(shown.indicator, shown.division));
      draw(own);
      if (!own) return;
      behind.changed();
      historyTimer ??= setTimeout(() => {
        apart.changed();
        load();
      }, HISTORY_EVERY_MS);
    },
  };
}
