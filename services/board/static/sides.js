// What stands beside the figures: voucher money by hour, alerts, feeds. Read anew now and then.

import { byId, en, h, setText } from "./dom.js";
import { hourly } from "./hours.js";
import { read } from "./view.js";
import { STATUS, streamName } from "./words.js";
import * as f from "./format.js";

const SEVERITY = { critical: "紧急 critical", warning: "警告 warning", info: "提示 info" };
const ON = ["firing", "recovering"]; // whatever is laid over it, or froze it
const STATE = {
  recovering: "恢复中 recovering",
  no_data: "无数据，维持 no data, held",
  error: "出错，维持 error, held",
  silenced: "已静音 silenced",
  inhibited: "已抑制 inhibited",
  acknowledged: "已确认 acknowledged",
};
const UNREADABLE = "暂时读不到 · cannot be read now";

const chart = byId("hours"); // it moves with its theme, and may be out of the page

const nothing = (text) => h("li", { class: "nothing" }, text);

export async function vouchers() {
  try {
    const { hours } = await read("/v1/vouchers");
    chart.replaceChildren(...hourly(hours));
  } catch {
    chart.replaceChildren(h("p", { class: "nothing" }, UNREADABLE));
  }
}

export async function alerts(view) {
  try {
    const { available, alerts: all } = await read("/v1/alerts");
    const firing = all.filter((alert) => ON.includes(alert.held || alert.condition));
    setText(byId("alert-count"), firing.length ? String(firing.length) : "");
    if (!available) byId("alerts").replaceChildren(nothing("预警服务未接入 · alerts are not set up"));
    else if (firing.length === 0) byId("alerts").replaceChildren(nothing("当前没有预警 · none firing"));
    else byId("alerts").replaceChildren(...firing.map((alert) => item(alert, view)));
  } catch {
    setText(byId("alert-count"), "");
    byId("alerts").replaceChildren(nothing(UNREADABLE));
  }
}

function item(alert, view) {
  const declaration = view.declaration(alert.indicator);
  const place = view.divisions.find((division) => division.code === alert.division)?.name ?? alert.division;
  const name = declaration
    ? h("button", { type: "button", class: "open", "data-open": view.key(alert.indicator, alert.division) }, alert.name.zh)
    : alert.name.zh;
  return h("li", { "data-severity": alert.severity },
    h("p", { class: "what" }, h("span", { class: "severity" }, SEVERITY[alert.severity] ?? alert.severity), name,
      STATE[alert.state] ? h("span", { class: "state" }, ` ${STATE[alert.state]}`) : null),
    alert.name.en === alert.name.zh ? null : en(alert.name.en),
    h("p", {}, declaration ? `${place}：${measured(alert, declaration)}` : place),
    alert.reason ? h("p", { class: "reason" }, alert.reason) : null,
    h("p", { class: "since" }, "自 ", h("time", { datetime: alert.changed_at }, f.moment(alert.changed_at)), ` · 数据截至 ${alert.as_of}`));
}

function measured(alert, { decimals, unit }) {
  const now = alert.value === null ? STATUS.no_data.zh : `${f.number(alert.value, decimals)} ${unit.zh}`;
  return `${now}，界限 ${f.plain(alert.threshold)}`;
}

export async function feeds() {
  try {
    const all = await read("/v1/feeds");
    byId("feeds").replaceChildren(...(all.length ? all.map(feed) : [nothing("还没有收到数据 · nothing received yet")]));
  } catch {
    byId("feeds").replaceChildren(nothing(UNREADABLE));
  }
}

function feed(row) {
  return h("li", {},
    h("span", { class: "from" }, row.source),
    h("span", { class: "stream" }, streamName(row.stream)),
    h("span", { class: "num" }, `${f.number(row.records, 0)} 条`),
    h("span", { class: "since" }, "最新 ", h("time", { datetime: row.newest_time }, f.hour(row.newest_time))));
}
