// The public page: every figure of the plan with its definition, formula, source, age and quality. It knows only
// what `/v1/public/indicators` tells everybody.

import { because, brief, byId, h, pair, setPair, setText } from "./dom.js";
import { plainly } from "./lang.js";
import { chips } from "./chips.js";
import { publicCard } from "./public_card.js";
import { read } from "./view.js";
import { AIMED, STATUS, THEMES, byTheme } from "./words.js";
import * as f from "./format.js";

const EVERY_MS = 60000;
const ALL = { zh: "项目标", en: "targets" };
const DOWNLOADS = [["csv", { zh: "CSV 表格", en: "CSV" }], ["xlsx", { zh: "Excel 表格", en: "Excel" }], ["", { zh: "JSON 数据", en: "JSON" }]];

const pick = byId("division");
const find = byId("find");
let told = null;
let said = ""; // the answer that is shown, without when it was made
let county = "";
let wanted = null; // the status that is let through; null: all
let cards = new Map();
const counts = chips(byId("tally"), AIMED, STATUS, ALL, (status) => {
  wanted = status;
  filter();
});

async function load() {
  try {
    const answer = await read("/v1/public/indicators");
    told = answer;
    const { made_at: made, ...rest } = answer;
    if (JSON.stringify(rest) !== said) {
      said = JSON.stringify(rest);
      show();
    }
    setPair(byId("made"), { zh: `本页生成于 ${f.moment(made)}`, en: `made at ${f.moment(made)}` });
    byId("trouble").hidden = true;
  } catch (error) {
    setPair(byId("trouble"), because({ zh: "数据暂时读不到，正在重试", en: "the figures cannot be read, trying again" }, error));
    byId("trouble").hidden = false;
  }
  byId("main").removeAttribute("aria-busy");
}

function show() {
  f.setZone(told.time_zone);
  county = told.divisions.find((one) => one.level === "county").code;
  setPair(byId("county"), told.county);
  setPair(byId("plan"), told.title);
  setText(byId("document"), told.document);
  document.title = `${told.county.zh} · ${told.title.zh}`;
  byId("synthetic").hidden = !told.synthetic;
  if (told.as_of) {
    byId("as-of").replaceChildren(brief(f.day(told.as_of)));
    byId("as-of").dateTime = told.as_of;
  }
  const chosen = told.divisions.some((one) => one.code === pick.value) ? pick.value : county;
  pick.replaceChildren(...told.divisions.map(({ code, name, level }) =>
    plainly(h("option", { value: code, selected: code === chosen }), level === "county" ? { zh: "全县", en: "whole county" } : { zh: name, en: name })));
  const aimed = told.indicators.filter((one) => one.direction).length;
  setPair(byId("about"), {
    zh: `这里公布《${told.title.zh}》的 ${aimed} 项目标和 ${told.indicators.length - aimed} 项监测指标：现在是多少，目标是多少，怎样计算，数据从哪里来，是否可靠。`,
    en: `The ${aimed} targets of the plan and ${told.indicators.length - aimed} figures that are only watched: how they stand, what was promised, how they are computed, where the data come from, and how far they can be relied on.`,
  });
  byId("downloads").replaceChildren(...DOWNLOADS.map(([format, words]) =>
    h("a", { class: "download", href: `/v1/public/indicators${format ? `?format=${format}` : ""}`, download: format === "" ? "minmai.json" : true }, pair(words))));
  byId("notes").replaceChildren(...notes().map((words) => h("li", {}, pair(words))));
  build();
}

function notes() {
  const { institutions, people } = told.withheld_below;
  return [
    { zh: `少于 ${institutions} 家机构、少于 ${people} 人（笔、张）的数字不公布，以免看出是谁；乡镇的消费券金额一律不公布。`,
      en: `What fewer than ${institutions} institutions or ${people} people, loans or vouchers stand behind is not published, lest it tell of one; nor is voucher money by township.` },
    { zh: "本页不含任何个人、商户、机构的资料；数字由各部门上报的记录自动汇总，每分钟更新一次。",
      en: "Nothing here is about a person, a business or an institution; the figures are summed up from the departments' records once a minute." },
    { zh: "“难以按期”“进度滞后”是按近期速度推算，不是结论；尚未报齐的数据显示为“暂无数据”，不作 0 计。",
      en: "“Off track” and “behind” follow from the pace of late; what has not been reported is “no data”, never nought." },
  ];
}

function build() {
  const open = new Set([...cards].filter(([, card]) => card.details.open).map(([id]) => id));
  const division = pick.value;
  const level = told.divisions.find((one) => one.code === division).level;
  const here = told.indicators.filter((one) => one.figures.some((figure) => figure.division === division));
  cards = new Map(here.map((one) => [one.id, publicCard(one, division, level, told.divisions)]));
  for (const id of open) if (cards.has(id)) cards.get(id).details.open = true;
  byId("themes").replaceChildren(...byTheme(here).map(([theme, found]) =>
    h("section", { class: "theme", "aria-labelledby": `theme-${theme}` },
      h("h3", { id: `theme-${theme}` }, pair(THEMES[theme])),
      h("ul", { class: "cards" }, ...found.map((one) => cards.get(one.id).element)))));
  counts.count([...cards.values()].filter((card) => card.aimed).map((card) => card.status));
  filter();
}

/** Hide what is not asked for. */
function filter() {
  const text = find.value.trim().toLowerCase();
  let shown = 0;
  for (const card of cards.values()) {
    const pass = card.named.includes(text) && (wanted === null || (card.aimed && card.status === wanted));
    card.element.hidden = !pass;
    shown += pass;
  }
  for (const theme of byId("themes").children) theme.hidden = theme.querySelector(".card:not([hidden])") === null;
  setPair(byId("shown"), shown === cards.size ? { zh: "" } : { zh: `显示 ${shown} 项，共 ${cards.size} 项`, en: `${shown} of ${cards.size} shown` });
}

/** The address names an indicator: open it. */
function follow() {
  const card = cards.get(decodeURIComponent(location.hash.slice(1)));
  if (!card) return;
  card.details.open = true;
  card.element.scrollIntoView({ block: "start" });
}

pick.addEventListener("change", build);
find.addEventListener("input", filter);
addEventListener("hashchange", follow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) load();
});
setInterval(() => {
  if (!document.hidden) load();
}, EVERY_MS);
await load();
follow();
