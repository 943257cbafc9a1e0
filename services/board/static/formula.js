// A declaration's parts written as a formula.

import { streamName } from "./words.js";
import * as f from "./format.js";

const LEVELS = { community: "社区 community", township: "乡镇 township" };
const SETTINGS = { urban: "城市 urban", rural: "农村 rural" };

export function formula(declaration) {
  const scale = Number(declaration.scale) === 1 ? "" : `${f.plain(declaration.scale)} × `;
  const [above, below] = [declaration.numerator, declaration.denominator].map(sum);
  return below ? `${scale}${above} ÷ ${below}` : `${scale}${above}`;
}

function sum(parts) {
  const said = parts.map(part).join(" + ");
  return parts.length > 1 ? `(${said})` : said;
}

function part(one) {
  if ("constant" in one) return f.plain(one.constant);
  if ("statistic" in one) {
    const measure = one.dimension ? `${one.statistic}.${one.dimension}` : one.statistic;
    return one.places ? `N(${measure} > 0)` : measure;
  }
  if ("divisions" in one) return `N(${place(one.divisions, one.setting)})`;
  const sets = (Array.isArray(one.where) ? one.where : [one.where ?? {}]).map(conditions).filter(Boolean);
  const asked = [...(one.in_year ? ["本年 in the year"] : []), ...(sets.length ? [sets.join(" 或 or ")] : [])].join("，");
  const from = asked ? `${streamName(one.from)}: ${asked}` : streamName(one.from);
  if (one.sum) return `Σ ${one.sum} [${from}]`;
  if (one.having) return `N(${place(one.having, one.setting)} ∋ [${from}])`;
  return `N [${from}]`;
}

const place = (level, setting) => (setting ? `${SETTINGS[setting]} ${LEVELS[level]}` : LEVELS[level]);

const conditions = (where) => Object.entries(where).map(([field, wanted]) => condition(field, wanted)).join(", ");

function condition(field, wanted) {
  if (Array.isArray(wanted)) return `${field} ∈ {${wanted.join(", ")}}`;
  if (typeof wanted !== "object") return `${field} = ${wanted}`;
  const bounds = [["at_least", "≥"], ["at_most", "≤"]].filter(([bound]) => (wanted[bound] ?? null) !== null);
  return bounds.map(([bound, sign]) => `${field} ${sign} ${f.plain(wanted[bound])}`).join(", ");
}
