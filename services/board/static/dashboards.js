// The dashboards: the panels that are declared once, drawn from the same queries as Grafana's. Its address is
// `#dashboards/ID/PANEL?from=…&to=…&division=…&indicator=…`, each of them only where it is another than usual.

import { because, h, pair, setPair } from "./dom.js";
import { inLanguage, onLanguage } from "./lang.js";
import { panelBox } from "./panel-box.js";
import { isLive, range } from "./range.js";
import { read } from "./view.js";
import * as f from "./format.js";

const SETTLED_MS = 1200; // figures change many at once: they are asked for together
const RETRY_MS = 3000;
const LENGTHS = { s: 1000, m: 60000, h: 3600000 };
const NEAR = "300px";

/** Fill `place`; `views.moved(rest)` is told how the address goes on. */
export function dashboards(place, view, views) {
  let all = null;
  let shown = null; // the dashboard that is built, with its boxes by panel
  let open = false;
  let soon = null;
  let ticking = null;
  const chosen = { division: "", indicator: "" };
  const ranges = new Map(); // by dashboard, where it is another than usual
  const times = range((next) => {
    keep(shown.dashboard, next);
    ask();
  });
  const list = h("ul");
  const title = h("h2", { id: "h-dashboards" });
  const covers = h("p", { class: "covers" });
  const trouble = h("p", { class: "notice trouble", role: "alert", hidden: true });
  const picks = h("div", { class: "tools" });
  const body = h("div", { class: "dashboard" });
  place.replaceChildren(
    h("nav", { class: "boards", "aria-label": "面板 · dashboards" }, list),
    h("div", { class: "board" }, h("div", { class: "heading" }, title, picks),
      h("p", { class: "still-live" }, pair({ zh: "面板有自己的时段，不是那一天的", en: "dashboards show a stretch of time of their own, not that day" })), covers, trouble, body));
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const box = shown?.boxes.get(target.dataset.panel);
      if (!box) continue;
      box.visible = isIntersecting;
      if (isIntersecting && box.stale) box.refresh();
    }
  }, { rootMargin: NEAR });

  const usual = (dashboard) => ({ from: dashboard.span, to: "now" });
  function keep(dashboard, { from, to }) {
    const { from: often, to: now } = usual(dashboard);
    if (from === often && to === now) ranges.delete(dashboard.id);
    else ranges.set(dashboard.id, { from, to });
  }
  const ranged = (dashboard) => ranges.get(dashboard.id) ?? usual(dashboard);
  const asked = () => ({ ...ranged(shown.dashboard), ...Object.fromEntries(shown.dashboard.choices.map((choice) => [choice, chosen[choice]])) });

  /** Show what an address says; what it leaves open stays as it was. */
  async function follow(rest) {
    if (all === null) await declare(rest);
    if (all === null || !open) return; // another view has come up meanwhile
    const [, id, panel, query] = /^\/?([^/?]*)\/?([^?]*)\??(.*)$/.exec(rest);
    const dashboard = all.find((one) => one.id === id) ?? shown?.dashboard ?? all[0];
    const asks = new URLSearchParams(query);
    if (asks.has("from")) keep(dashboard, { from: asks.get("from"), to: asks.get("to") ?? "now" });
    if (view.division(asks.get("division"))) chosen.division = asks.get("division");
    if (view.declaration(asks.get("indicator"))) chosen.indicator = asks.get("indicator");
    if (dashboard !== shown?.dashboard) build(dashboard);
    shown.panel = shown.boxes.has(panel) ? panel : "";
    ask();
    if (shown.panel) shown.boxes.get(panel).element.scrollIntoView({ block: "start" });
    else if (place.getBoundingClientRect().top < 0) place.scrollIntoView({ block: "start" });
  }

  async function declare(rest) {
    try {
      all = (await read("/v1/dashboards")).dashboards;
      list.replaceChildren(...all.map((one) => h("li", {}, h("a", { href: `#dashboards/${one.id}` }, pair(one.title)))));
    } catch (error) {
      setPair(trouble, because({ zh: "面板暂时读不到，正在重试", en: "the dashboards cannot be read, trying again" }, error));
      setTimeout(() => open && follow(rest), RETRY_MS);
    }
    trouble.hidden = all !== null;
  }

  function build(dashboard) {
    end();
    chosen.division ||= view.county;
    chosen.indicator ||= [...view.declarations.keys()][0] ?? "";
    shown = { dashboard, boxes: new Map(), panel: "" };
    const sections = dashboard.sections.map((section) => h("section", { class: "board-section" }, h("h3", { class: section.title.zh === dashboard.title.zh ? "hidden" : null }, pair(section.title)),
      h("div", { class: "boxes" }, ...section.panels.map((panel) => {
        const box = panelBox(dashboard, panel, section.title, asked, seen);
        shown.boxes.set(panel.id, box);
        return box.element;
      }))));
    for (const link of list.querySelectorAll("a")) {
      if (link.getAttribute("href") === `#dashboards/${dashboard.id}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    title.replaceChildren(pair(dashboard.title));
    covers.replaceChildren();
    picks.replaceChildren(...dashboard.choices.map(pick), times.element);
    body.replaceChildren(...sections);
    for (const { element } of shown.boxes.values()) observer.observe(element);
    tick();
  }

  function pick(choice) {
    const options = choice === "division" ? view.divisions.map((one) => [one.code, { zh: one.name, en: one.name }])
      : [...view.declarations.values()].map((one) => [one.id, one.name]);
    const select = h("select", { "data-choice": choice }, ...options.map(([value, name]) => h("option", { value, selected: value === chosen[choice] }, inLanguage(name))));
    select.addEventListener("change", () => {
      chosen[choice] = select.value;
      ask();
    });
    const words = choice === "division" ? { zh: "区划", en: "division" } : { zh: "指标", en: "indicator" };
    return h("label", { class: "pick" }, h("span", {}, pair(words)), select);
  }

  /** The address and the pickers say what is asked for. */
  function draw() {
    const { dashboard } = shown;
    const own = ranges.get(dashboard.id);
    const asks = new URLSearchParams({ ...own, ...Object.fromEntries(dashboard.choices.map((choice) => [choice, chosen[choice]])) });
    views.moved(`/${dashboard.id}${shown.panel && `/${shown.panel}`}${asks.size ? `?${asks}` : ""}`);
    for (const select of picks.querySelectorAll("[data-choice]")) select.value = chosen[select.dataset.choice];
    times.show(ranged(dashboard), usual(dashboard));
  }

  /** Something else is asked for: every panel is out of date. */
  function ask() {
    draw();
    refresh();
  }
  function refresh() {
    clearTimeout(soon);
    soon = null;
    for (const box of shown.boxes.values()) {
      box.stale = true;
      if (box.visible && open && !document.hidden) box.refresh();
    }
  }

  function seen(answer) {
    times.seen(answer);
    const [from, to] = [f.moment(answer.from), f.moment(answer.to)];
    setPair(covers, { zh: `${from} – ${to}` });
  }

  function tick() {
    clearInterval(ticking);
    const [, count, unit] = /^(\d+)([smh])$/.exec(shown.dashboard.refresh);
    ticking = setInterval(() => isLive(ranged(shown.dashboard)) && refresh(), count * LENGTHS[unit]);
  }
  function end() {
    clearInterval(ticking);
    observer.disconnect();
    for (const box of shown?.boxes.values() ?? []) box.end();
  }

  document.addEventListener("visibilitychange", () => {
    if (open && shown && !document.hidden) refresh();
  });
  onLanguage(() => {
    if (!shown) return;
    picks.replaceChildren(...shown.dashboard.choices.map(pick), times.element);
    times.show(ranged(shown.dashboard));
  });
  return {
    /** Come up with what the address says, or go. */
    show(is, rest) {
      open = is;
      if (is) follow(rest);
    },
    /** Resolves when every panel of what is shown has been read, seen or not. */
    async all() {
      if (open && shown) await Promise.all([...shown.boxes.values()].filter((box) => box.stale).map((box) => box.refresh()));
    },
    /** Figures have changed: what is seen and goes on by itself is asked for anew, once they have settled. */
    changed() {
      if (!open || !shown || !isLive(ranged(shown.dashboard))) return;
      soon ??= setTimeout(refresh, SETTLED_MS * (1 + Math.random()));
    },
  };
}
