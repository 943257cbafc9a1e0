// The office: what operators see (refused records by agency) and admins (users, agencies, who did what).

import { byId, h, halves, pair } from "./dom.js";
import * as f from "./format.js";
import { read } from "./view.js";
import { may, ROLES, showWho } from "./who.js";
import { REFUSED } from "./lexicon.js";
import { streamName } from "./words.js";

const OUTCOMES = {
  done: { zh: "完成", en: "done" },
  refused: { zh: "被拒", en: "refused" },
  limited: { zh: "过于频繁", en: "too often" },
  failed: { zh: "出错", en: "failed" },
};
const WAYS = { password: { zh: "密码", en: "password" }, proxy: { zh: "统一认证", en: "single sign-on" } };
const ACTIONS = {
  "sign in": { zh: "登录", en: "sign in" },
  "sign out": { zh: "退出", en: "sign out" },
};
const NONE = { zh: "没有", en: "none" };
const UNKNOWN = { zh: "未知", en: "unknown" };

const words = (one) => (typeof one === "string" ? { zh: one, en: one } : one);
const text = (title, of) => ({ title, show: (row) => pair(words(of(row))) });
const count = (title, of) => ({ title, numeric: true, show: (row) => f.number(of(row), 0) });
const moment = (title, of) => ({ title, show: (row) => (of(row) ? h("time", { datetime: of(row) }, f.moment(of(row))) : "–") });
const stream = (row) => (row.stream ? streamName(row.stream) : UNKNOWN);

/** A table; the first column is the rows' heading. */
function tableOf(columns, label, rows) {
  if (rows.length === 0) return h("p", { class: "nothing" }, pair(NONE));
  const kind = ({ numeric }) => (numeric ? "num" : null);
  const cell = (column, row, at) => h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: kind(column) }, column.show(row));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${label.zh} · ${label.en}` },
    h("table", {}, h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col", class: kind(column) }, pair(column.title))))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...columns.map((column, at) => cell(column, row, at)))))));
}

function section(title, about, ...content) {
  const made = h("section", {}, h("h2", {}, pair(title)), h("p", { class: "about" }, pair(about)), ...content);
  byId("main").append(made);
  return made;
}

async function refusals() {
  const { refusals: rows } = await read("/v1/dead-letters/counts");
  const below = h("div", { class: "letters", role: "region", "aria-live": "polite", hidden: true });
  const table = tableOf([
    { ...text({ zh: "单位", en: "agency" }, (row) => row.agency || UNKNOWN), show: opener },
    text({ zh: "数据流", en: "stream" }, stream),
    text({ zh: "原因", en: "reason" }, (row) => REFUSED[row.code] ?? row.code),
    { ...count({ zh: "未决", en: "open" }, (row) => row.open), show: (row) => h("span", { class: row.open ? "loud" : null }, f.number(row.open, 0)) },
    count({ zh: "已决", en: "settled" }, (row) => row.settled),
    moment({ zh: "最近", en: "newest" }, (row) => row.newest),
  ], { zh: "被拒记录", en: "refused records" }, rows);

  function opener(row) {
    const button = h("button", { type: "button", class: "pick-row" }, pair(words(row.agency || UNKNOWN)));
    button.addEventListener("click", () => letters(row, below));
    return button;
  }
  section({ zh: "被拒记录", en: "Refused records" },
    { zh: "按单位、数据流和原因。点单位看每一条；内容用 minmai dead-letters show 查看。", en: "By agency, stream and reason. Choose an agency to see each; what they say is shown by minmai dead-letters show." },
    table, below);
}

async function letters(row, below) {
  const asked = new URLSearchParams({ agency: row.agency, stream: row.stream, code: row.code });
  const { letters: rows } = await read(`/v1/dead-letters?${asked}`);
  const reason = words(REFUSED[row.code] ?? row.code);
  const label = { zh: `${row.agency || UNKNOWN.zh}，${reason.zh}`, en: `${row.agency || UNKNOWN.en}, ${reason.en}` };
  const table = tableOf([
    moment({ zh: "时间", en: "time" }, (one) => one.time),
    text({ zh: "记录", en: "record" }, (one) => one.record_id || "–"),
    text({ zh: "字段", en: "field" }, (one) => one.field || "–"),
    text({ zh: "说明", en: "message" }, (one) => halves(one.message)),
    text({ zh: "位置", en: "place" }, (one) => one.place),
    text({ zh: "死信", en: "dead letter" }, (one) => one.id.slice(0, 12)),
    text({ zh: "重发后", en: "after replay" }, (one) => one.outcome || "–"),
  ], label, rows);
  below.replaceChildren(h("h3", {}, pair(label)), table);
  below.hidden = false;
}

async function users() {
  const { users: rows } = await read("/v1/users");
  const table = tableOf([
    text({ zh: "用户", en: "user" }, (row) => row.name),
    text({ zh: "角色", en: "role" }, (row) => ROLES[row.role]),
    text({ zh: "登录", en: "signs in by" }, (row) => WAYS[row.way]),
    moment({ zh: "添加", en: "added" }, (row) => row.created),
  ], { zh: "用户", en: "users" }, rows);
  section({ zh: "用户", en: "Users" },
    { zh: "用 minmai user add、role、password、remove 更改，立即生效。", en: "Changed by minmai user add, role, password and remove; it holds at once." }, table);
}

async function agencies() {
  const { agencies: rows } = await read("/v1/agencies");
  const table = tableOf([
    text({ zh: "单位", en: "agency" }, (row) => row.name),
    text({ zh: "可报", en: "may push" }, (row) => ({ zh: row.streams.map((one) => streamName(one).zh).join("、"), en: row.streams.map((one) => streamName(one).en).join(", ") })),
    text({ zh: "区划", en: "divisions" }, (row) => row.divisions.join(", ")),
    { ...count({ zh: "有效密钥", en: "keys that hold" }, (row) => row.keys), show: (row) => h("span", { class: row.keys ? null : "loud" }, String(row.keys)) },
    moment({ zh: "密钥到期", en: "keys end" }, (row) => row.expires),
    text({ zh: "自有主题", en: "own topic" }, (row) => (row.feed ? { zh: "是", en: "yes" } : NONE)),
    moment({ zh: "登记", en: "added" }, (row) => row.created),
  ], { zh: "单位", en: "agencies" }, rows);
  section({ zh: "单位", en: "Agencies" },
    { zh: "可以上报的单位；密钥只有散列，这里不显示。用 minmai agency 更改。", en: "Who may push. Only hashes of keys are kept, and none is shown. Changed by minmai agency." }, table);
}

async function log() {
  const { entries } = await read("/v1/access-log");
  const table = tableOf([
    moment({ zh: "时间", en: "time" }, (row) => row.at),
    text({ zh: "谁", en: "who" }, (row) => row.name || UNKNOWN),
    text({ zh: "角色", en: "role" }, (row) => ROLES[row.role] ?? "–"),
    text({ zh: "做了什么", en: "what" }, (row) => ACTIONS[row.action] ?? row.action),
    text({ zh: "对象", en: "of what" }, (row) => row.target || "–"),
    { ...text({ zh: "结果", en: "outcome" }, (row) => OUTCOMES[row.outcome] ?? row.outcome), show: (row) => h("span", { "data-outcome": row.outcome }, pair(OUTCOMES[row.outcome] ?? words(row.outcome))) },
    text({ zh: "来自", en: "from" }, (row) => row.remote || "–"),
    text({ zh: "服务", en: "service" }, (row) => row.service),
  ], { zh: "操作记录", en: "log" }, entries);
  section({ zh: "操作记录", en: "Sign-ins and changes" }, { zh: "最近 200 条。", en: "The newest 200." }, table);
}

async function open() {
  if (!(await may("operator"))) throw new Error("这里是给值班和管理的 · this is for operators and admins");
  await refusals();
  if (await may("admin")) {
    await users();
    await agencies();
    await log();
  }
}

showWho();
try {
  f.setZone((await read("/v1/session")).time_zone);
  await open();
} catch (error) {
  byId("trouble").replaceChildren(pair(halves(error.message)));
  byId("trouble").hidden = false;
}
byId("main").removeAttribute("aria-busy");
