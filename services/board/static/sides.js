// What stands beside the figures: voucher money by hour, alerts, feeds. Read anew now and then.

import { brief, byId, h, halves, pair, setText } from "./dom.js";
import { hourly } from "./hours.js";
import { offer } from "./orders.js";
import { read, view as page } from "./view.js";
import { ALERT_STATE, SEVERITY, STATUS, streamName } from "./words.js";
import * as f from "./format.js";

const ON = ["firing", "recovering"]; // whatever is laid over it, or froze it
const OVER = ["silenced", "acknowledged"]; // what somebody said
const UNREADABLE = { zh: "暂时读不到", en: "cannot be read now" };

const chart = byId("hours"); // it moves with its theme, and may be out of the page

const nothing = (words) => h("li", { class: "nothing" }, pair(words));

export async function vouchers() {
  try {
    const { hours } = await read("/v1/vouchers");
    hourly(chart, hours);
  } catch {
    chart.replaceChildren(h("p", { class: "nothing" }, pair(UNREADABLE)));
  }
}

export async function alerts(view) {
  try {
    const { available, alerts: all } = await read("/v1/alerts");
    const firing = all.filter((alert) => ON.includes(alert.held || alert.condition));
    setText(byId("alert-count"), firing.length ? String(firing.length) : "");
    if (!available) byId("alerts").replaceChildren(nothing({ zh: "预警服务未接入", en: "alerts are not set up" }));
    else if (firing.length === 0) byId("alerts").replaceChildren(nothing({ zh: "当前没有预警", en: "none firing" }));
    else byId("alerts").replaceChildren(...firing.map((alert) => item(alert, view)));
  } catch {
    setText(byId("alert-count"), "");
    byId("alerts").replaceChildren(nothing(UNREADABLE));
  }
  byId("alerts").removeAttribute("aria-busy");
}

function item(alert, view) {
  const declaration = view.declaration(alert.indicator);
  const place = view.divisions.find((division) => division.code === alert.division)?.name ?? alert.division;
  const figure = view.isLive() ? view.figure(alert.indicator, alert.division) : undefined; // else it is not of now
  const compared = declaration && comparison(alert, declaration, figure);
  const told = compared?.moved ?? { reason: halves(alert.reason), as_of: alert.as_of };
  const name = declaration
    ? h("button", { type: "button", class: "open name", "data-open": view.key(alert.indicator, alert.division) }, pair(alert.name))
    : h("span", { class: "name" }, pair(alert.name));
  const shown = h("li", { "data-severity": alert.severity },
    h("p", { class: "what" }, h("span", { class: "severity" }, pair(SEVERITY[alert.severity] ?? { zh: alert.severity })), " ", name,
      ...(alert.state === "firing" ? [] : [" ", h("span", { class: "state" }, pair(state(alert)))]),
      OVER.includes(alert.state) && alert.by ? h("span", { class: "by" }, ` ${alert.by}`) : null),
    h("p", {}, compared ? brief(measured(alert, place, declaration, compared)) : place, ...subject(alert)),
    told.reason.zh ? h("p", { class: "reason" }, h("span", {}, brief(told.reason))) : null,
    h("p", { class: "since" }, brief({ zh: "自", en: "since" }), " ", h("time", { datetime: alert.changed_at }, f.moment(alert.changed_at)), " · ",
      h("span", {}, brief({ zh: "数据截至", en: "data as of" }), ` ${told.as_of}`)));
  if (alert.alert_id) offer(shown, alert, () => alerts(view));
  return shown;
}

function state({ state, held }) {
  const { zh, en } = ALERT_STATE[state] ?? { zh: state, en: state };
  return held ? { zh: `${zh}，维持`, en: `${en}, held` } : { zh, en };
}

/** Which of the place's facilities, merchants or feeds it is; a campaign's rule has its name. */
function subject({ kind, subject: id, subject_name: name }) {
  if (!id || kind === "voucher_budget") return [];
  if (name) return [" · ", brief(name)];
  return [" · ", kind?.startsWith("childcare_") ? h("a", { class: "open", href: `#facility/${encodeURIComponent(id)}` }, id) : id];
}

/** What the rule compares: what a figure is, or on its due day is expected to be, as it fired and by now.
 * `moved`: why and as of when, where it is another by now; what the alert itself says is of the day it fired.
 */
function comparison({ kind, value }, { decimals }, figure) {
  const amount = (known) => (known === null ? null : f.number(known, decimals));
  const [then, now] = [amount(value), amount((kind === "forecast" ? figure?.forecast : figure?.value) ?? null)];
  const moved = now === null || now === then ? null : { reason: f.reason(figure), as_of: figure.as_of };
  return { then, now, moved };
}

function measured({ kind, threshold }, place, { unit }, { then, now, moved }) {
  const [zh, en] = kind === "forecast" ? ["预计 ", "expected "] : ["", ""];
  const said = (known, lang, expected) => (known === null ? STATUS.no_data[lang] : `${expected}${known} ${unit[lang]}`);
  const since = moved ? { zh: `，现${zh || "为 "}${now}`, en: `, now ${en}${now}` } : { zh: "", en: "" };
  const limit = f.plain(threshold);
  return {
    zh: `${place}：${said(then, "zh", zh)}${since.zh}，界限 ${limit}`,
    en: `${place}: ${said(then, "en", en)}${since.en}, threshold ${limit}`,
  };
}

export async function feeds() {
  try {
    const all = await read("/v1/feeds");
    byId("feeds").replaceChildren(...(all.length ? all.map(feed) : [nothing({ zh: "还没有收到数据", en: "nothing received yet" })]));
  } catch {
    byId("feeds").replaceChildren(nothing(UNREADABLE));
  }
  byId("feeds").removeAttribute("aria-busy");
}

function feed(row) {
  return h("li", {},
    h("span", { class: "from", title: row.source }, brief(row.name ?? page.agency(row.source))),
    h("span", { class: "stream" }, brief(streamName(row.stream))),
    h("span", { class: "num" }, brief({ zh: `${f.number(row.records, 0)} 条`, en: `${f.number(row.records, 0)} records` })),
    h("span", { class: "since" }, brief({ zh: "最新", en: "newest" }), " ", h("time", { datetime: row.newest_time }, f.hour(row.newest_time))));
}
