// What the page says of what data only names; the words themselves are those of schemas/words.py.

import * as said from "./lexicon.js";

export { ALERT_STATE, REPORT, SEVERITY, THEMES } from "./lexicon.js";

/** States of a figure; `below` stands only in the history, which does not look ahead to a due day. */
export const STATUS = { ...said.STATUS, below: { zh: "未达标", en: "below target" } };
/** The states that a figure with a target can be in. */
export const AIMED = ["met", "on_track", "behind", "off_track", "missed", "cannot_say", "no_data", "not_applicable"];

/** Declarations by theme, in the order of THEMES: `[[theme, declarations], …]`, none of them empty. */
export const byTheme = (declarations) => Object.keys(said.THEMES)
  .map((theme) => [theme, declarations.filter((declaration) => declaration.theme === theme)])
  .filter(([, found]) => found.length > 0);

/** Streams, and two that are none: what a figure counts or the plan names. */
export const STREAMS = {
  ...said.STREAMS,
  division: { zh: "区划", en: "division" },
  constant: { zh: "计划中的数", en: "a number of the plan" },
};
export const streamName = (stream) => STREAMS[stream] ?? { zh: stream, en: stream };
