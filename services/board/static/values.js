// Values of a panel's answer as they are shown: words for codes, numbers, lengths of time, moments.

import { brief, glyph, h, halves, pair } from "./dom.js";
import { language } from "./lang.js";
import { SIGNS } from "./signs.js";
import { view } from "./view.js";
import * as f from "./format.js";

const NOTHING = "—";
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:/;
const LENGTHS = [[86400, "天", "d"], [3600, "小时", "h"], [60, "分", "min"], [1, "秒", "s"]];
const names = new Intl.Collator("zh-CN", { numeric: true });
const loose = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 4 });

/** A length of time in its two largest units: `3 天 2 小时`, below a minute `4.2 秒`. */
export function lasting(seconds, decimals = 0) {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  const at = LENGTHS.findIndex(([unit]) => size >= unit);
  if (at < 0 || at === 3) {
    const said = f.number(size, decimals ?? 1);
    return { zh: `${sign}${said} 秒`, en: `${sign}${said} s` };
  }
  const parts = [Math.floor(size / LENGTHS[at][0]), Math.floor((size % LENGTHS[at][0]) / LENGTHS[at + 1][0])];
  const told = (language) => sign + parts
    .flatMap((count, place) => (count || place === 0 ? [`${count} ${LENGTHS[at + place][language]}`] : [])).join(" ");
  return { zh: told(1), en: told(2) };
}

/** Whether a column holds numbers: it says so by how they are shown, or all that it has are some. */
export const isNumber = (column, values) => column.decimals !== null || Boolean(column.unit) || column.thresholds.length > 0
  || (values.some((value) => value !== null) && values.every((value) => value === null || typeof value === "number"));

/** What a value is called, in both languages, without its unit. */
export function said(column, value) {
  if (value === null || value === undefined || value === "") return { zh: NOTHING, en: NOTHING };
  const word = column.words[value];
  if (word) return word.text;
  if (typeof value === "number") {
    if (column.unit === "s") return lasting(value, column.decimals ?? 1);
    const text = column.decimals === null ? loose.format(value) : f.number(value, column.decimals);
    return { zh: text, en: text };
  }
  return halves(MOMENT.test(value) ? f.moment(value) : String(value));
}

/** The unit of a column's numbers, by the plan's words for it; none where the number says it itself. */
export function unit(column) {
  if (column.unit === "" || column.unit === "s") return null;
  const known = [...view.declarations.values()].find((declaration) => declaration.unit.zh === column.unit);
  return known?.unit ?? { zh: column.unit, en: column.unit };
}

/** Words as plain text in one language: in a chart there is no room for two. */
export const single = ({ zh, en }) => (language() === "en" ? en : zh);
/** A value with its unit in one language. */
export function worded(column, value) {
  const measure = value === null ? null : unit(column);
  return single(said(column, value)) + (measure ? ` ${single(measure)}` : "");
}

/** The colour of a value, by meaning (`green` … `grey`): that of its word, of its threshold, of its column. */
export function colour(column, value) {
  const word = column.words[value]?.colour;
  if (word) return word;
  if (typeof value === "number" && column.thresholds.length) {
    return column.thresholds.findLast((one) => one.value === null || value >= one.value)?.colour ?? null;
  }
  return column.colour;
}

/** What values are put in order by: words by how they are declared, texts by name, numbers and moments as such. */
export function order(column) {
  const places = new Map(Object.keys(column.words).map((value, place) => [value, place]));
  return (value) => (places.size && value !== null ? places.get(String(value)) ?? String(value) : value);
}
export function compare(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return names.compare(String(left), String(right));
}

/** What stands in a cell: a mark with sign and colour where the word has one, else the text. `tight`: no room for both
 * languages, as there is none beside a number. */
export function cell(column, value, tight = false) {
  const words = (tight || typeof value === "number" ? brief : pair)(said(column, value));
  const found = column.words[value]?.colour;
  if (found) return h("span", { class: "coded", "data-colour": found }, Object.hasOwn(SIGNS, value) ? glyph(value) : null, h("span", {}, words));
  if (MOMENT.test(String(value))) return h("time", { datetime: value }, words);
  const shade = typeof value === "number" ? colour(column, value) : null;
  return shade && column.thresholds.length ? h("span", { class: "shaded", "data-colour": shade }, words) : words;
}

/** The page of the board that a panel's link leads to, for what is chosen. */
export const address = (link, { division = "", indicator = "" }) => link.replace("{division}", division).replace("{indicator}", indicator);

/** The page that the value of a column in a row leads to; null where there is none. `columns` are the row's. */
export function destination(column, columns, row, chosen) {
  const value = row[columns.indexOf(column)];
  const isKnown = Object.keys(column.words).length === 0 || Object.hasOwn(column.words, value ?? "");
  if (!column.link || value === null || value === "" || !isKnown) return null;
  const of = (_, name) => row[columns.findIndex((one) => one.name === name)] ?? "";
  return address(column.link.replace("{value}", value).replace(/\{row:(\w+)\}/g, of), chosen);
}

/** A link to a page of the board; the details of a figure come up over what is shown. */
export const leads = (to, attributes, ...children) =>
  h("a", { href: `#${to}`, "data-open": to, ...attributes }, ...children);
