// A declaration's parts written as a formula, in the words of `vocabulary.js` once those are read.

import { DIMENSIONS } from "./lexicon.js";
import { fieldName, valueOf, wordOf } from "./vocabulary.js";
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
    const measure = wordOf("statistic", "measure", one.statistic)[lang];
    const said = one.dimension ? `${measure} [${DIMENSIONS[one.dimension]?.[lang] ?? one.dimension}]` : measure;
    return one.places ? `N(${said} > 0)` : said;
  }
  if ("divisions" in one) return `N(${place(one.divisions, one.setting, lang)})`;
  const sets = (Array.isArray(one.where) ? one.where : [one.where ?? {}]).map((where) => conditions(one.from, where, lang)).filter(Boolean);
  const asked = [...(one.in_year ? [IN_YEAR[lang]] : []), ...(sets.length ? [sets.join(` ${OR[lang]} `)] : [])].join(", ");
  const stream = streamName(one.from)[lang];
  const from = asked ? `${stream}: ${asked}` : stream;
  if (one.sum) return `Σ ${fieldName(one.from, one.sum)[lang]} [${from}]`;
  if (one.having) return `N(${place(one.having, one.setting, lang)} ∋ [${from}])`;
  return `N [${from}]`;
}

const place = (level, setting, lang) => (setting ? `${SETTINGS[setting][lang]} ${LEVELS[level][lang]}` : LEVELS[level][lang]);

const conditions = (stream, where, lang) => Object.entries(where).map(([name, wanted]) => condition(stream, name, wanted, lang)).join(", ");

function condition(stream, name, wanted, lang) {
  const field = fieldName(stream, name)[lang];
  const word = (value) => ((name === "campaign" && DIMENSIONS[value]) || valueOf(stream, name, value))[lang];
  if (Array.isArray(wanted)) return `${field} ∈ {${wanted.map(word).join(", ")}}`;
  if (typeof wanted !== "object") return `${field} = ${word(wanted)}`;
  const bounds = [["at_least", "≥"], ["at_most", "≤"]].filter(([bound]) => (wanted[bound] ?? null) !== null);
  return bounds.map(([bound, sign]) => `${field} ${sign} ${f.plain(wanted[bound])}`).join(", ");
}
