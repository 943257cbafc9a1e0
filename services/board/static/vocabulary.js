// What fields and values of records are called, as `/v1/words` says; read once, when something needs it.

import { read } from "./view.js";
import * as f from "./format.js";

const YES_NO = { true: { zh: "是", en: "yes" }, false: { zh: "否", en: "no" } };
const PLAIN = ["facility_id", "id", "division"]; // numbers in name only
let words = null;

/** Resolves when the words are there; rejects if they cannot be read. */
export const vocabulary = async () => (words ??= await read("/v1/words"));

const field = (stream, name) => words?.[stream]?.fields[name];

/** What a field is called: its own name until the words are read. */
export const fieldName = (stream, name) => field(stream, name)?.name ?? { zh: name, en: name };

/** The word of a value of a closed vocabulary; the value itself where there is none. */
export const wordOf = (stream, name, value) => field(stream, name)?.words[value] ?? { zh: String(value), en: String(value) };

/** A value in both languages, with the unit of its number. */
export function valueOf(stream, name, value) {
  if (typeof value === "boolean") return YES_NO[value];
  const known = field(stream, name);
  if (known?.words[value]) return known.words[value];
  const isNumber = typeof value === "number" || (known?.unit && !PLAIN.includes(name));
  const said = isNumber ? f.plain(value) : String(value);
  const unit = known?.unit;
  return unit ? { zh: `${said} ${unit.zh}`, en: `${said} ${unit.en}` } : { zh: said, en: said };
}
