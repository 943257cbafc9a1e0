// What the page knows: the moment that it shows, divisions, declarations, and the newest version of each figure.

import { signIn } from "./who.js";

export const view = {
  /** `as_of` and `known_at`, as far as they are chosen: what the API takes. Empty: live. */
  moment: {},
  /** The newest day that the live figures hold for; empty while they have not been read. */
  today: "",
  county: "",
  divisions: [],
  townships: [],
  agencies: {},
  declarations: new Map(),
  figures: new Map(),

  isLive: () => Object.keys(view.moment).length === 0,
  key: (indicator, division) => `${indicator}/${division}`,
  figure: (indicator, division) => view.figures.get(`${indicator}/${division}`),
  declaration: (indicator) => view.declarations.get(indicator),
  division: (code) => view.divisions.find((known) => known.code === code),
  /** What the plan calls an agency; its id where it does not. */
  agency: (id) => view.agencies[id] ?? { zh: id, en: id },
  level: (code) => view.division(code)?.level ?? "township",
  /** The declarations that have a figure in a division. */
  kept: (code) => [...view.declarations.values()].filter((one) => one.levels.includes(view.level(code))),
  asOf: () => [...view.figures.values()].reduce((newest, figure) => (figure.as_of > newest ? figure.as_of : newest), ""),

  /** Keep a figure unless it is known in this version or a newer one; true if it was kept. */
  take(figure) {
    const key = view.key(figure.indicator, figure.division);
    const known = view.figures.get(key);
    if (known && known.version >= figure.version) return false;
    view.figures.set(key, figure);
    return true;
  },

  /** Begin anew with what `/v1/indicators` answered. */
  declare(answer) {
    view.county = answer.county.county;
    view.agencies = answer.county.agencies;
    view.divisions = answer.divisions;
    view.townships = answer.divisions.filter((division) => division.level === "township");
    view.declarations = new Map(answer.indicators.map(({ declaration }) => [declaration.id, declaration]));
  },
  replace(answer) {
    if (view.isLive()) view.today = answer.as_of ?? "";
    view.figures = new Map(answer.indicators.flatMap(({ declaration, figures }) =>
      figures.map((figure) => [view.key(declaration.id, figure.division), figure])));
  },
};

/** Whether a declaration promises something at a level (`county`, `township`). */
export const isAimed = (declaration, level) => declaration.target?.levels.includes(level) ?? false;

/**
 * The JSON of an answer; throws for any other than 200, with its `status` and what the server says is wrong, and when
 * `signal` ends it.
 */
export async function read(url, signal) {
  const response = await fetch(url, { signal });
  if (response.ok) return response.json();
  if (response.status === 401) signIn();
  const problem = await response.json().catch(() => null); // what stands between may answer without JSON
  throw Object.assign(new Error(problem?.detail ?? String(response.status)), { status: response.status });
}
