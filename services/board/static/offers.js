// What a facility offers, in a few words: places, beds, children, area, by its kind.

import { fieldName, valueOf } from "./vocabulary.js";

const FIELDS = {
  kindergarten: ["children", "classes"],
  elder_care: ["beds", "nursing_beds"],
  medical: ["beds", "physicians", "nurses"],
  community_service: ["floor_area"],
  sports_venue: ["sports_area"],
  culture_point: ["category"],
  elder_canteen: ["meals_per_day"],
  estate: ["residents"],
  idle_site: ["site_area", "service_use"],
};

/** In both languages; empty where its kind offers nothing that is counted. */
export function offers({ kind, fields, places }) {
  const told = (FIELDS[kind] ?? []).filter((name) => (fields[name] ?? null) !== null).map((name) => ["facility", name, fields[name]]);
  if (places) told.push(["childcare-place", "total", places.total], ["childcare-place", "enrolled", places.enrolled]);
  const said = told.map(([stream, name, value]) => [fieldName(stream, name), valueOf(stream, name, value)]);
  return { zh: said.map(([name, value]) => `${name.zh} ${value.zh}`).join("，"), en: said.map(([name, value]) => `${name.en} ${value.en}`).join(", ") };
}
