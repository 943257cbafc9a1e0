// A figure taken apart by a field of its records: vouchers by campaign or sector, events by level or sport.

import { byId, h } from "./dom.js";
import { read } from "./view.js";
import * as f from "./format.js";

const FIELDS = {
  "consumption-voucher": { campaign: "活动 campaign", sector: "行业 sector" },
  "fitness-event": { level: "级别 level", sport: "项目 sport" },
};
const KEYS = {
  qihua: "七花消费券", qixiang: "七乡购物节",
  catering: "餐饮", retail: "零售", lodging: "住宿", tourism: "旅游", culture_sports: "文体", household: "家政",
  prefecture: "州级以上", county: "县级", township: "乡镇级", community: "社区级",
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
    if (place.childElementCount === 0) place.replaceChildren(h("p", { class: "nothing" }, "正在读取 · reading"));
    const asks = new URLSearchParams({ by: pick.value, division: shown.division, ...shown.moment });
    try {
      const groups = await read(`/v1/indicators/${shown.declaration.id}/breakdown?${asks}`);
      if (mine === asked) place.replaceChildren(table(shown.declaration, groups));
    } catch (error) {
      if (mine !== asked) return;
      filledFor = "";
      place.replaceChildren(h("p", { class: "nothing" }, `暂时读不到 · cannot be read now (${error.message})`));
    }
    place.removeAttribute("aria-busy");
  }

  function table(declaration, groups) {
    if (groups.length === 0) return h("p", { class: "nothing" }, "没有记录 · no records");
    const ratio = f.isRatio(declaration);
    return h("table", {},
      h("thead", {}, h("tr", {}, ...[pick.selectedOptions[0].text, "数值 value", ratio ? "分子 ÷ 分母" : null].map((text) => text && h("th", { scope: "col" }, text)).filter(Boolean))),
      h("tbody", {}, ...groups.map((group) => h("tr", {},
        h("td", {}, KEYS[group.key] ?? (group.key || "未填 none")),
        h("td", { class: "num" }, f.value(declaration, { ...group, target: null, status: "not_applicable" })),
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
        pick.replaceChildren(...Object.entries(fields).map(([value, text]) => h("option", { value }, text)));
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
