// One figure for the public: what it is, how it stands, and folded under it how it is made.

import { badge, brief, glyph, h, halves, pair } from "./dom.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

const WITHHELD = { zh: "数量少，不公布", en: "too few to publish" };
const WORDS = { ...STATUS, withheld: WITHHELD };

const decimalsOf = (number) => (String(number).split(".")[1] ?? "").length;
const shown = (one, value) => f.number(value, Math.max(one.decimals, decimalsOf(value)));
const stateOf = (figure) => (figure.withheld ? "withheld" : figure.status);

/** `{ element, details, status, aimed, named }` of an indicator in a division. */
export function publicCard(one, division, level, divisions) {
  const figure = one.figures.find((known) => known.division === division);
  const aimed = figure.target !== null;
  const status = stateOf(figure);
  const details = h("details", {},
    h("summary", {}, pair({ zh: "怎样计算、数据来源", en: "how it is made" })),
    facts(one),
    level === "county" ? townships(one, divisions) : null);
  const element = h("li", { class: "card", id: one.id, "data-status": figure.withheld ? "no_data" : status },
    h("div", { class: "card-head" }, h("h4", {}, h("a", { href: `#${one.id}` }, pair(one.name))),
      aimed || status !== "watched" ? sign(status) : null),
    h("p", { class: "value" }, ...value(one, figure)),
    aimed ? gauge(figure) : null,
    aimed ? h("p", { class: "promise" },
      h("span", {}, brief({ zh: "目标", en: "target" }), " ", h("b", {}, `${f.SIGN[one.direction]} ${f.plain(figure.target)}`), " ", brief(one.unit)),
      h("span", {}, pair(f.due({ target: { due: figure.due } })))) : null,
    details);
  const named = [one.name.zh, one.name.en, one.source.department].join(" ").toLowerCase();
  return { element, details, status, aimed, named };
}

const sign = (status) => (status === "withheld"
  ? h("span", { class: "badge", "data-status": "no_data" }, glyph("not_applicable"), h("span", {}, brief(WITHHELD)))
  : badge(status, STATUS));

function value(one, figure) {
  if (figure.value === null) return [h("span", { class: "none" }, pair(WORDS[stateOf(figure)]))];
  return [h("strong", { class: "big" }, shown(one, figure.value)), " ", h("span", { class: "unit" }, brief(one.unit))];
}

function gauge(figure) {
  const target = Number(figure.target);
  const full = Math.max(figure.value ?? 0, target) * 1.08 || 1;
  const [fill, mark] = [h("i", { class: "fill" }), h("i", { class: "mark" })];
  fill.style.setProperty("--share", (figure.value ?? 0) / full);
  mark.style.setProperty("--share", target / full);
  return h("div", { class: "gauge", "aria-hidden": "true" }, fill, mark);
}

function facts(one) {
  const { source, quality } = one;
  const scale = Number(one.scale) === 1 ? "" : `${f.plain(one.scale)} × `;
  const rows = [
    ["口径", "definition", pair(one.definition)],
    ["公式", "formula", pair(source.denominator
      ? { zh: `${scale}分子 ÷ 分母`, en: `${scale}numerator ÷ denominator` } : { zh: `${scale}分子`, en: `${scale}numerator` })],
    ["分子", "numerator", pair(source.numerator)],
    source.denominator ? ["分母", "denominator", pair(source.denominator)] : null,
    source.senders.length ? ["数据来源", "source", h("ul", {}, ...source.senders.map((sender) => h("li", {}, pair(sender))))] : null,
    ["依据", "in the plan", pair(halves(source.plan))],
    source.department ? ["牵头部门", "lead department", source.department] : null,
    one.updated_at ? ["最近变化", "last changed", h("time", { datetime: one.updated_at }, f.moment(one.updated_at))] : null,
    ["数据质量", "quality", h("ul", {}, ...qualities(quality).map((words) => h("li", {}, pair(words))))],
    one.note ? ["备注", "note", pair(one.note)] : null,
  ];
  return h("dl", { class: "facts" }, ...rows.filter((row) => row !== null).flatMap(([zh, en, said]) => [
    h("dt", {}, pair({ zh, en })), h("dd", {}, said)]));
}

function qualities({ refused, feeds, silent }) {
  return [
    refused === null ? { zh: "还没有收到记录", en: "no records received yet" }
      : { zh: `相关记录中 ${f.number(refused, 1)}% 因有错被拒收，未计入`, en: `${f.number(refused, 1)} % of its records were refused for mistakes, and do not count` },
    feeds === 0 ? { zh: "没有约定报送周期", en: "nobody has promised how often to report" }
      : silent === null ? { zh: `约定定期报送的来源 ${feeds} 个`, en: `${feeds} sources have promised to report regularly` }
        : silent === 0 ? { zh: `${feeds} 个来源均按期报送`, en: `all of its ${feeds} sources report in time` }
          : { zh: `${feeds} 个来源中 ${silent} 个逾期未报，数字可能偏旧`, en: `${silent} of its ${feeds} sources are overdue: the figure may be out of date` },
  ];
}

/** The figure of each township, as far as it is told. */
function townships(one, divisions) {
  const rows = divisions.filter((place) => place.level === "township").map((place) => {
    const figure = one.figures.find((known) => known.division === place.code);
    return figure && [place, figure];
  }).filter(Boolean);
  if (rows.length === 0) return null;
  return h("div", { class: "scroll" }, h("table", { class: "towns" },
    h("caption", {}, pair({ zh: "各乡镇", en: "townships" })),
    h("thead", {}, h("tr", {}, ...[{ zh: "乡镇", en: "township" }, { zh: "数值", en: "value" }, { zh: "状态", en: "status" }].map((head) =>
      h("th", { scope: "col" }, brief(head))))),
    h("tbody", {}, ...rows.map(([place, figure]) => h("tr", { "data-status": figure.withheld ? "no_data" : figure.status },
      h("th", { scope: "row" }, place.name),
      h("td", { class: "num" }, figure.value === null ? "—" : shown(one, figure.value)),
      h("td", { class: "said" }, figure.withheld ? null : glyph(figure.status), " ", brief(WORDS[stateOf(figure)])))))));
}
