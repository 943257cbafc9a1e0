// The details of one figure: what it means, what it is made of, how it came to be.

import { byId, en, flash, glyph, h, setText } from "./dom.js";
import { history } from "./chart.js";
import * as f from "./format.js";

const CHANGES = 12;

export function panel(view) {
  const dialog = byId("panel");
  const pick = byId("panel-division");
  let shown = null;
  let asked = 0;

  function open(key) {
    const [indicator, division] = key.split("/");
    if (!view.declaration(indicator) || !view.divisions.some((known) => known.code === division)) return;
    shown = { indicator, division };
    pick.replaceChildren(...view.divisions.map((known) =>
      h("option", { value: known.code, selected: known.code === division }, known.name)));
    draw(false);
    if (!dialog.open) dialog.showModal();
    history_replace(`#${key}`);
  }

  function draw(blink) {
    const declaration = view.declaration(shown.indicator);
    setText(byId("panel-zh"), declaration.name.zh);
    setText(byId("panel-en"), declaration.name.en);
    const before = byId("panel-body").querySelector(".chart");
    const chart = before && before.dataset.key === view.key(shown.indicator, shown.division)
      ? before : h("div", { class: "chart", "data-key": view.key(shown.indicator, shown.division) });
    byId("panel-body").replaceChildren(...body(declaration, chart, blink));
    load(declaration, chart);
  }

  function body(declaration, chart, blink) {
    const figure = view.figure(shown.indicator, shown.division);
    const status = f.status(figure);
    const level = view.divisions.find((known) => known.code === shown.division).level;
    const gap = f.gap(declaration, figure);
    const aim = f.target(declaration, level);
    const number = h("strong", { class: "big" }, f.hasValue(figure) ? f.value(declaration, figure) : "—");
    if (blink) flash(number);
    return [
      h("div", { class: "panel-value", "data-status": status },
        h("p", { class: "value" }, number, " ",
          f.hasValue(figure) ? h("span", { class: "unit" }, ...unit(declaration)) : null),
        h("span", { class: "badge" }, glyph(status), f.STATUS[status].zh, en(f.STATUS[status].en)),
        h("p", { class: "gap" }, gap.zh, en(gap.en))),
      chart,
      facts([
        ["口径", "definition", declaration.definition.zh, declaration.definition.en],
        ["分子", "numerator", figure ? f.plain(figure.numerator) : "—"],
        declaration.denominator === null ? null
          : ["分母", "denominator", figure ? f.plain(figure.denominator) : "—"],
        f.hasValue(figure) ? ["计算", "working", `${f.working(declaration, figure)} ${f.isRounded(declaration, figure) ? "≈" : "="} ${f.value(declaration, figure)}`] : null,
        ["目标", "target", aim ? `${aim} ${declaration.unit.zh}，${f.due(declaration).zh}` : "本级无目标", aim ? f.due(declaration).en : "none at this level"],
        ["依据", "source", declaration.source],
        declaration.owner ? ["牵头部门", "lead department", declaration.owner] : null,
        declaration.note ? ["备注", "note", declaration.note] : null,
        figure ? ["数据截至", "as of", f.day(figure.as_of)] : null,
        figure ? ["更新时间", "updated", f.moment(figure.updated_at)] : null,
      ]),
      ...(level === "county" || view.townships.length ? [compare(declaration)] : []),
    ];
  }

  const unit = ({ unit: { zh, en: english } }) => (zh === english ? [zh] : [`${zh} `, en(english)]);

  function facts(rows) {
    return h("dl", { class: "facts" }, ...rows.filter((row) => row !== null).flatMap(([zh, english, text, beside]) => [
      h("dt", {}, zh, en(english)),
      h("dd", {}, text, beside ? en(beside) : null),
    ]));
  }

  /** The townships beside each other, largest first; those without a value last. */
  function compare(declaration) {
    const size = (town) => view.figure(declaration.id, town.code)?.value ?? -1;
    const towns = [...view.townships].sort((one, other) => size(other) - size(one));
    const promised = f.target(declaration, "township") ? Number(declaration.target.value) : 0;
    const full = Math.max(promised, ...towns.map(size)) || 1;
    const rows = towns.map((town) => {
      const figure = view.figure(declaration.id, town.code);
      const bar = h("i", { class: promised ? "bar aimed" : "bar" });
      bar.style.setProperty("--share", f.hasValue(figure) ? figure.value / full : 0);
      bar.style.setProperty("--aim", promised / full);
      return h("li", { "data-status": f.status(figure), "data-current": town.code === shown.division },
        h("span", {}, town.name), bar, h("span", { class: "num" }, glyph(f.status(figure)), f.value(declaration, figure)));
    });
    return h("section", {}, h("h3", {}, "各乡镇 ", en("townships")), h("ol", { class: "compare" }, ...rows));
  }

  async function load(declaration, chart) {
    const mine = ++asked;
    const url = `/v1/indicators/${declaration.id}/history?division=${shown.division}`;
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${response.status}`);
      const answer = await response.json();
      if (mine !== asked) return; // another figure is shown by now
      chart.replaceChildren(history(declaration, answer, Math.max(300, chart.clientWidth)), changes(declaration, answer.points));
    } catch (error) {
      if (mine === asked) chart.replaceChildren(h("p", { class: "nothing" }, `历史暂时读不到 · history cannot be read now (${error.message})`));
    }
  }

  function changes(declaration, points) {
    const rows = points.slice(-CHANGES).reverse().map((point) => h("tr", {},
      h("td", {}, point.day), h("td", { class: "num" }, f.value(declaration, point)),
      h("td", { class: "num" }, f.plain(point.numerator)),
      declaration.denominator === null ? null : h("td", { class: "num" }, f.plain(point.denominator)),
      h("td", {}, f.STATUS[point.status].zh)));
    const heads = ["自 since", "数值 value", "分子 numerator", declaration.denominator === null ? null : "分母 denominator", "状态 status"];
    return h("details", {}, h("summary", {}, "最近变化 ", en("latest changes")),
      h("div", { class: "scroll" }, h("table", {},
        h("thead", {}, h("tr", {}, ...heads.map((head) => head && h("th", { scope: "col" }, head)))),
        h("tbody", {}, ...rows))));
  }

  const history_replace = (hash) => window.history.replaceState(null, "", hash || location.pathname);
  byId("panel-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    shown = null;
    history_replace("");
  });
  pick.addEventListener("change", () => open(view.key(shown.indicator, pick.value)));

  return {
    open,
    /** Draw anew if this figure, or one it is compared with, is shown. */
    changed(keys) {
      if (!shown) return;
      const touched = [...keys].filter((key) => key.startsWith(`${shown.indicator}/`));
      if (touched.length) draw(touched.includes(view.key(shown.indicator, shown.division)));
    },
  };
}
