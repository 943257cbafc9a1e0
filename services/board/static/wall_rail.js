// What stands beside the wall's pages all the time: alerts, what will be missed, what changed last.

import { brief, byId, flash, glyph, h, pair, setText } from "./dom.js";
import { isAimed, read } from "./view.js";
import { SEVERITY, STATUS } from "./words.js";
import * as f from "./format.js";

const MANY = { alerts: 4, missed: 6, changed: 7 };
const ON = ["firing", "recovering"];
const WORST = ["missed", "off_track", "behind"];

const nothing = (words) => h("li", { class: "nothing" }, pair(words));

export function rail(view) {
  let newest = []; // { key, figure, before }, newest first

  const place = (code) => (code === view.county ? "" : view.division(code)?.name ?? code);

  async function alerts() {
    try {
      const { available, alerts: all } = await read("/v1/alerts");
      const firing = all.filter((alert) => ON.includes(alert.held || alert.condition));
      setText(byId("alert-count"), firing.length ? String(firing.length) : "");
      byId("alerts").replaceChildren(...(!available ? [nothing({ zh: "预警服务未接入", en: "alerts are not set up" })]
        : firing.length === 0 ? [nothing({ zh: "当前没有预警", en: "none firing" })]
          : firing.slice(0, MANY.alerts).map((alert) => h("li", { "data-severity": alert.severity },
            h("span", { class: "severity" }, brief(SEVERITY[alert.severity] ?? { zh: alert.severity })),
            h("span", { class: "what" }, brief(alert.name)),
            h("span", { class: "where" }, [place(alert.division), f.moment(alert.changed_at)].filter(Boolean).join(" · "))))));
    } catch {
      setText(byId("alert-count"), "");
      byId("alerts").replaceChildren(nothing({ zh: "暂时读不到", en: "cannot be read now" }));
    }
  }

  function missed() {
    const found = view.kept(view.county).filter((one) => isAimed(one, "county"))
      .map((one) => [one, view.figure(one.id, view.county)])
      .filter(([, figure]) => WORST.includes(f.status(figure)))
      .sort(([, one], [, other]) => WORST.indexOf(one.status) - WORST.indexOf(other.status) || (one.due ?? "9") .localeCompare(other.due ?? "9"));
    setText(byId("missed-count"), found.length ? String(found.length) : "");
    byId("missed").replaceChildren(...(found.length === 0 ? [nothing({ zh: "没有", en: "none" })]
      : found.slice(0, MANY.missed).map(([one, figure]) => h("li", { "data-status": figure.status },
        glyph(figure.status), h("span", { class: "what" }, brief(one.name)),
        h("span", { class: "num" }, f.value(one, figure)), h("span", { class: "hidden" }, brief(STATUS[figure.status]))))));
  }

  function changes() {
    if (newest.length === 0) {
      newest = [...view.figures].filter(([, figure]) => figure.version > 0)
        .sort(([, one], [, other]) => other.updated_at.localeCompare(one.updated_at)).slice(0, MANY.changed)
        .map(([key, figure]) => ({ key, figure, before: null }));
    }
    byId("changed").replaceChildren(...newest.map(({ figure, before, fresh }) => {
      const one = view.declaration(figure.indicator);
      if (!one) return "";
      const number = h("span", { class: "num" }, before ? h("s", {}, before) : null, before ? " " : null, h("b", {}, f.value(one, figure)));
      if (fresh) flash(number);
      return h("li", { "data-status": figure.status }, glyph(figure.status),
        h("span", { class: "what" }, h("b", {}, place(figure.division)), place(figure.division) ? " " : null, brief(one.name)), number);
    }));
    for (const one of newest) one.fresh = false;
  }

  return {
    /** Read the alerts anew. */
    read: alerts,
    /** A figure has changed, from `before` (it may be missing). */
    changed(figure, before) {
      const one = view.declaration(figure.indicator);
      const [was, is] = [before, figure].map((known) => (one && known ? f.value(one, known) : ""));
      if (was === is) return; // a new day, or a new forecast: nothing to see
      const key = view.key(figure.indicator, figure.division);
      newest = [{ key, figure, before: was, fresh: true }, ...newest.filter((known) => known.key !== key)].slice(0, MANY.changed);
    },
    paint() {
      missed();
      changes();
    },
  };
}
