// Figures in words: numbers, units, targets, gaps, pace. Chinese first, English beside.

import { STATUS } from "./words.js";

export const SIGN = { at_least: "≥", at_most: "≤", exactly: "=" };

const formats = new Map();

/** A number, or a decimal in a string (which stays exact), with separators and fixed decimals. */
export function number(value, decimals) {
  if (!formats.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formats.set(decimals, new Intl.NumberFormat("zh-CN", digits));
  }
  return formats.get(decimals).format(value);
}

const changes = new Intl.NumberFormat("zh-CN", { maximumSignificantDigits: 2, signDisplay: "exceptZero" });

/** A decimal from a table, without the zeros that only its column type adds. */
export function plain(decimal) {
  if (decimal === null || decimal === undefined) return "—";
  const digits = String(decimal).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  return number(digits, (digits.split(".")[1] ?? "").length);
}

export const status = (figure) => figure?.status ?? "no_data";
export const hasValue = (figure) => figure !== undefined && figure.value !== null;
export const isRatio = (declaration) => declaration.denominator.length > 0;
const isPercent = (declaration) => declaration.unit.zh === "%";

/**
 * The figure's value as shown, "—" where it has none. A value that does not meet its target never shows as the
 * target: it gets as many more decimals as it takes.
 */
export function value(declaration, figure) {
  if (!hasValue(figure)) return "—";
  const isSum = !isRatio(declaration) && Number(declaration.scale) === 1;
  const exact = isSum ? figure.numerator : figure.value;
  let decimals = declaration.decimals;
  if (figure.target !== null && Number(exact) !== Number(figure.target)) {
    while (decimals < 6 && Number(Number(exact).toFixed(decimals)) === Number(figure.target)) decimals += 1;
  }
  return number(exact, decimals);
}

/** The value in both languages: the number, or the state that stands in its place. */
export function reading(declaration, figure) {
  if (!hasValue(figure)) return STATUS[status(figure)];
  const shown = value(declaration, figure);
  return { zh: shown, en: shown };
}

/** The same with its unit. */
export function measured(declaration, figure) {
  const { zh, en } = reading(declaration, figure);
  return hasValue(figure) ? { zh: `${zh} ${declaration.unit.zh}`, en: `${en} ${declaration.unit.en}` } : { zh, en };
}

/** Whether the value as shown is not quite the value. */
export const isRounded = (declaration, figure) =>
  isRatio(declaration) && Number(value(declaration, figure).replaceAll(",", "")) !== figure.value;

export function target(declaration, level) {
  const promised = declaration.target;
  if (!promised || !promised.levels.includes(level)) return null;
  return `${SIGN[promised.direction]} ${plain(promised.value)}`;
}

export function due(declaration) {
  const day = declaration.target?.due;
  return day ? { zh: `${day} 前`, en: `by ${day}` } : { zh: "每年", en: "every year" };
}

/** Why a figure has its status, as the aggregator worked it out. */
export const reason = (figure) => ({ zh: figure.reason_zh, en: figure.reason_en });

/** How far a figure is from its target, in words. */
export function gap(declaration, figure) {
  if (status(figure) === "no_data") return { zh: "数据尚未报齐", en: "not all reported yet" };
  if (status(figure) === "not_applicable") return { zh: "分母为 0，无法计算", en: "the denominator is nought" };
  if (figure.target === null) return { zh: "没有目标", en: "no target" };
  const away = figure.value - Number(figure.target);
  if (away === 0) return { zh: "恰好等于目标", en: "exactly on target" };
  const smallest = 10 ** -declaration.decimals;
  const size = Math.abs(away) < smallest / 2
    ? `< ${number(smallest, declaration.decimals)}`
    : number(Math.abs(away), declaration.decimals);
  const unit = isPercent(declaration) ? " 个百分点" : ` ${declaration.unit.zh}`;
  const unitEn = isPercent(declaration) ? " points" : "";
  const words = {
    at_least: away < 0 ? ["还差", "short of target"] : ["超出目标", "above target"],
    at_most: away > 0 ? ["超出上限", "over the limit"] : ["低于上限", "under the limit"],
    exactly: ["偏离目标", "off target"],
  }[declaration.target.direction];
  return { zh: `${words[0]} ${size}${unit}`, en: `${size}${unitEn} ${words[1]}` };
}

/** Change a month, needed and seen; null where neither is known. */
export function pace(declaration, figure) {
  const { pace_needed: needed, pace_observed: observed } = figure ?? {};
  if ((needed ?? observed ?? null) === null) return null;
  const said = (change) => (change ?? null) === null ? "—" : changes.format(change);
  const { unit } = declaration;
  const each = isPercent(declaration) ? { zh: "个百分点", en: "points" } : { zh: unit.zh.split("/")[0], en: unit.en.split(" per ")[0] };
  return { needed: said(needed), observed: said(observed), unit: { zh: `${each.zh}/月`, en: `${each.en} a month` } };
}

/** What is expected on the due day, with its 80 % band; null where nothing can be said, or that day has come. */
export function forecast(declaration, figure) {
  if ((figure?.forecast ?? null) === null || figure.as_of >= figure.due) return null;
  const said = (expected) => number(expected, declaration.decimals);
  const known = (figure.forecast_low ?? null) !== null && (figure.forecast_high ?? null) !== null;
  return { value: said(figure.forecast), band: known ? `${said(figure.forecast_low)} – ${said(figure.forecast_high)}` : null };
}

/** The calculation with its numbers, e.g. `1,000 × 2,150 ÷ 480,000`. */
export function working(declaration, figure) {
  const scale = Number(declaration.scale) === 1 ? "" : `${plain(declaration.scale)} × `;
  const over = isRatio(declaration) ? ` ÷ ${plain(figure.denominator)}` : "";
  return `${scale}${plain(figure.numerator)}${over}`;
}

const days = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });

/** A day (`2024-05-31`) in both languages. */
export function day(iso) {
  const [year, month, date] = iso.split("-").map(Number);
  return { zh: `${year}年${month}月${date}日`, en: days.format(new Date(iso)) };
}

let moments = new Intl.DateTimeFormat("zh-CN");
let hoursOfDay = moments;
export function setZone(timeZone) {
  const hourly = { timeZone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  moments = new Intl.DateTimeFormat("zh-CN", { year: "numeric", ...hourly });
  hoursOfDay = new Intl.DateTimeFormat("zh-CN", hourly);
  clock = new Intl.DateTimeFormat("en-GB", { year: "numeric", second: "2-digit", ...hourly });
}

let clock = null; // the parts of a moment in the county's zone
/** A moment as charts take it: the milliseconds at which UTC shows what the county's clocks show then. */
export function wall(iso) {
  const parts = Object.fromEntries(clock.formatToParts(new Date(iso)).map(({ type, value: text }) => [type, Number(text)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
}
export const moment = (iso) => moments.format(new Date(iso));
export const hour = (iso) => hoursOfDay.format(new Date(iso));
