// A figure taken apart by a field of its records: vouchers by campaign or sector, events by level or sport.

import { because, brief, byId, h, pair } from "./dom.js";
import { plainly } from "./lang.js";
import { DIMENSIONS, SECTOR } from "./lexicon.js";
import { read } from "./view.js";
import * as f from "./format.js";

const FIELDS = {
  "consumption-voucher": { campaign: { zh: "活动", en: "campaign" }, sector: { zh: "行业", en: "sector" } },
  "fitness-event": { level: { zh: "级别", en: "level" }, sport: { zh: "项目", en: "sport" } },
};
const KEYS = {
  ...DIMENSIONS,
  ...SECTOR,
  prefecture: { zh: "州级以上", en: "prefecture and above" },
  county: { zh: "县级", en: "county" },
  township: { zh: "乡镇级", en: "township" },
  community: { zh: "社区级", en: "community" },
};

export function breakdown() {
  const fold = byId("panel-breakdown");
  const pick = byId("breakdown-by");
  const place = byId("breakdown");
  let shown = null;
  let asked = 0;
  let filledFor = "";

  const address = () => JSON.stringify([shown.declaration.id, shown.division, shown.moment, pick.value]);

  async function load() {
    if (!fold.open || fold.hidden || filledFor === address()) return;
    const mine = ++asked;
    filledFor = address();
    place.setAttribute("aria-busy", "true");
    if (place.childElementCount === 0) place.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "正在读取", en: "reading" })));
    const asks = new URLSearchParams({ by: pick.value, division: shown.division, ...shown.moment });
    try {
      const groups = await read(`/v1/indicators/${shown.declaration.id}/breakdown?${asks}`);
      if (mine === asked) place.replaceChildren(table(shown.declaration, groups));
    } catch (error) {
      if (mine !== asked) return;
      filledFor = "";
      place.replaceChildren(h("p", { class: "nothing" }, pair(because({ zh: "暂时读不到", en: "cannot be read now" }, error))));
    }
    place.removeAttribute("aria-busy");
  }

  function table(declaration, groups) {
    if (groups.length === 0) return h("p", { class: "nothing" }, pair({ zh: "没有记录", en: "no records" }));
    const ratio = f.isRatio(declaration);
    const heads = [FIELDS[declaration.numerator[0].from][pick.value], { zh: "数值", en: "value" }, ratio ? { zh: "分子 ÷ 分母", en: "numerator ÷ denominator" } : null];
    return h("table", {},
      h("thead", {}, h("tr", {}, ...heads.map((words) => words && h("th", { scope: "col" }, pair(words))))),
      h("tbody", {}, ...groups.map((group) => h("tr", {},
        h("td", {}, brief(KEYS[group.key] ?? (group.key ? { zh: group.key } : { zh: "未填", en: "not said" }))),
        h("td", { class: "num" }, brief(f.reading(declaration, { ...group, target: null, status: "not_applicable" }))),
        ratio ? h("td", { class: "num" }, `${f.plain(group.numerator)} ÷ ${f.plain(group.denominator)}`) : null))));
  }

  fold.addEventListener("toggle", load);
  pick.addEventListener("change", load);
  return {
    /** Offer what a figure can be taken apart by; hide where there is nothing. */
    show(declaration, division, moment) {
      const fields = FIELDS[declaration.numerator[0]?.from];
      const same = shown?.declaration.id === declaration.id;
      shown = { declaration, division, moment };
      fold.hidden = !fields;
      if (!fields) return;
      if (!same) {
        pick.replaceChildren(...Object.entries(fields).map(([value, words]) => plainly(h("option", { value }), words)));
        place.replaceChildren();
      }
      load();
    },
    /** The figure has changed. */
    changed() {
      filledFor = "";
      load();
    },
  };
}
