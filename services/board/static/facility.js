// One facility: as it stands, which figures it counts in, and every record that tells of it.

import { brief, h, pair } from "./dom.js";
import { reader, redraw, state, trail } from "./place.js";
import { timeline } from "./timeline.js";
import { fieldName, valueOf, vocabulary, wordOf } from "./vocabulary.js";
import * as f from "./format.js";

const AFTER_CHANGE_MS = 2500;
const PARTS = { numerator: { zh: "分子", en: "numerator" }, denominator: { zh: "分母", en: "denominator" } };
const OF_PLACES = ["total", "inclusive", "enrolled"];

/** The id that an address names. */
function named(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not written by us: `%` by itself
  }
}

export function facility(view) {
  const section = document.querySelector("[data-view=facility]");
  const trouble = h("p", { class: "notice trouble", role: "alert", hidden: true });
  const body = h("div", {});
  const ask = reader(trouble, body);
  section.append(trouble, body);
  let id = "";
  let open = false;
  let timer = null;

  function load(arrived) {
    clearTimeout(timer);
    timer = null;
    return ask([`/v1/facilities/${encodeURIComponent(id)}?${new URLSearchParams(view.moment)}`], async ([answer]) => {
      await vocabulary();
      redraw(body, () => draw(answer));
      if (arrived) body.querySelector("h2").focus({ preventScroll: true });
    });
  }

  function draw({ facility: now, counted, total, records }) {
    const said = records.find((one) => one.stream === "facility")?.fields ?? {};
    const name = now?.name ?? said.name ?? id;
    const code = (now?.division ?? said.division ?? "").slice(0, 9);
    const town = view.division(code);
    const open = new Set([...body.querySelectorAll("details[open]")].map((fold) => fold.dataset.record));
    body.replaceChildren(
      trail([[view.division(view.county).name, `#township/${view.county}`], ...(town ? [[town.name, `#township/${code}`]] : []), [name]]),
      h("div", { class: "heading" },
        h("h2", { id: "h-facility", tabindex: "-1" }, name),
        now ? h("p", { class: "facility-kind" }, h("span", {}, pair(wordOf("facility", "kind", now.kind))), state(now.status, wordOf("facility", "status", now.status))) : null),
      h("div", { class: "facility-columns" },
        h("div", {}, now ? facts(now) : h("p", { class: "notice trouble" }, pair({ zh: "它自己的记录都不算数：已撤回，或此时还没有收到", en: "no record of its own counts: all withdrawn, or none received by then" })), figures(counted, code)),
        h("section", { class: "town-part" },
          h("h3", {}, pair({ zh: `记录（${total}）`, en: `Records (${total})` })),
          records.length < total ? h("p", { class: "shown" }, pair({ zh: `最新 ${records.length} 条`, en: `the newest ${records.length}` })) : null,
          timeline(records))));
    for (const fold of body.querySelectorAll("details")) fold.open = open.has(fold.dataset.record);
  }

  function facts(now) {
    const rows = [
      [{ zh: "编号", en: "id" }, { zh: now.id }],
      [{ zh: "所在", en: "where" }, { zh: now.division_name }],
      [fieldName("facility", "ownership"), wordOf("facility", "ownership", now.ownership)],
      ...Object.entries(now.fields).map(([name, value]) => [fieldName("facility", name), valueOf("facility", name, value)]),
      ...(now.places ? OF_PLACES.map((name) => [fieldName("childcare-place", name), valueOf("childcare-place", name, now.places[name])]) : []),
      [{ zh: "最近记录", en: "last record" }, { zh: `${f.moment(now.time)} ${view.agency(now.source).zh}`, en: `${f.moment(now.time)} ${view.agency(now.source).en}` }],
    ];
    return h("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [h("dt", {}, pair(name)), h("dd", {}, brief(value))]));
  }

  function figures(counted, code) {
    const rows = counted.filter((one) => view.declaration(one.indicator));
    if (rows.length === 0) return h("p", { class: "nothing" }, pair({ zh: "不计入任何指标", en: "counts in no figure" }));
    return h("section", { class: "town-part" }, h("h3", {}, pair({ zh: "计入这些指标", en: "Counts in" })),
      h("ul", { class: "counted" }, ...rows.map((one) => {
        const declaration = view.declaration(one.indicator);
        const division = declaration.levels.includes("township") ? code : view.county;
        return h("li", {},
          h("button", { type: "button", class: "open", "data-figure": view.key(one.indicator, division) }, pair(declaration.name)),
          h("span", { class: "part" }, brief(PARTS[one.part])),
          h("b", { class: "num" }, one.amount === null ? brief({ zh: "其所在地", en: "its place" }) : `+${f.plain(one.amount)}`));
      })));
  }

  return {
    async show(is, rest, arrived) {
      open = is;
      clearTimeout(timer);
      timer = null;
      if (!is) return;
      const asked = named(rest.slice(1));
      if (asked !== id) body.replaceChildren();
      id = asked;
      if (arrived) scrollTo(0, 0);
      await load(arrived);
    },
    build() {
      if (open) load(false);
    },
    /** Any figure that changes may have changed by a record of this facility. */
    paint(keys) {
      if (open && keys.size) timer ??= setTimeout(load, AFTER_CHANGE_MS, false);
    },
  };
}
