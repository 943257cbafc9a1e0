// A declaration's parts written as a formula.

import { streamName } from "./words.js";
import * as f from "./format.js";

const LEVELS = { community: { zh: "社区", en: "communities" }, township: { zh: "乡镇", en: "townships" } };
const SETTINGS = { urban: { zh: "城市", en: "urban" }, rural: { zh: "农村", en: "rural" } };
const IN_YEAR = { zh: "本年", en: "in the year" };
const OR = { zh: "或", en: "or" };

/** The formula of an indicator in both languages. */
export const formula = (declaration) => ({ zh: written(declaration, "zh"), en: written(declaration, "en") });

function written(declaration, lang) {
  const scale = Number(declaration.scale) === 1 ? "" : `${f.plain(declaration.scale)} × `;
  const [above, below] = [declaration.numerator, declaration.denominator].map((parts) => sum(parts, lang));
  return below ? `${scale}${above} ÷ ${below}` : `${scale}${above}`;
}

function sum(parts, lang) {
  const said = parts.map((one) => part(one, lang)).join(" + ");
  return parts.length > 1 ? `(${said})` : said;
}

function part(one, lang) {
  if ("constant" in one) return f.plain(one.constant);
  if ("statistic" in one) {
    const measure = one.dimension ? `${one.statistic}.${one.dimension}` : one.statistic;
    return one.places ? `N(${measure} > 0)` : measure;
  }
  if ("divisions" in one) return `N(${place(one.divisions, one.setting, lang)})`;
  const sets = (Array.isArray(one.where) ? one.where : [one.where ?? {}]).map(conditions).filter(Boolean);
  const asked = [...(one.in_year ? [IN_YEAR[lang]] : []), ...(sets.length ? [sets.join(` ${OR[lang]} `)] : [])].join(", ");
  const stream = streamName(one.from)[lang];
  const from = asked ? `${stream}: ${asked}` : stream;
  if (one.sum) return `Σ ${one.sum} [${from}]`;
  if (one.having) return `N(${place(one.having, one.setting, lang)} ∋ [${from}])`;
  return `N [${from}]`;
}

const place = (level, setting, lang) => (setting ? `${SETTINGS[setting][lang]} ${LEVELS[level][lang]}` : LEVELS[level][lang]);

const conditions = (where) => Object.entries(where).map(([field, wanted]) => condition(field, wanted)).join(", ");

function condition(field, wanted) {
  if (Array.isArray(wanted)) return `${field} ∈ {${wanted.join(", ")}}`;
  if (typeof wanted !== "object") return `${field} = ${wanted}`;
  const bounds = [["at_least", "≥"], ["at_most", "≤"]].filter(([bound]) => (wanted[bound] ?? null) !== null);
  return bounds.map(([bound, sign]) => `${field} ${sign} ${f.plain(wanted[bound])}`).join(", ");
}
