// Voucher money by hour, as bars.

import { h, pair } from "./dom.js";
import { chart } from "./echart.js";
import { inLanguage } from "./lang.js";
import * as f from "./format.js";

const STEPS = { issued: { zh: "发放", en: "issued" }, redeemed: { zh: "核销", en: "redeemed" } };
const TITLE = { zh: "每小时消费券金额（元）", en: "voucher money by hour (yuan)" };

/** Draw the money issued and redeemed in each hour that had any. */
export function hourly(box, hours) {
  const moments = [...new Set(hours.map((row) => row.hour))];
  if (moments.length === 0) {
    box.replaceChildren(h("p", { class: "nothing" }, pair({ zh: "还没有消费券记录", en: "no voucher records yet" })));
    return;
  }
  if (!box.querySelector(".hours-chart")) {
    box.replaceChildren(h("figcaption", {}, pair(TITLE)), h("div", { class: "hours-chart" }));
  }
  const money = (moment, step) => hours.filter((row) => row.hour === moment && row.step === step)
    .reduce((sum, row) => sum + Number(step === "redeemed" ? row.redeemed_value : row.face_value), 0);
  chart(box.querySelector(".hours-chart"), (colours) => ({
    label: inLanguage({ zh: `近 ${moments.length} 个有记录的小时的发放与核销金额`, en: `money issued and redeemed in the ${moments.length} latest hours that had any` }),
    legend: { right: 0, left: "auto" },
    tooltip: { axisPointer: { type: "shadow" }, valueFormatter: (value) => f.number(value, 2) },
    along: inLanguage({ zh: "时间", en: "time" }),
    xAxis: { type: "category", data: moments.map(f.hour) },
    yAxis: { type: "value", splitNumber: 3, axisLabel: { formatter: (level) => f.plain(level) } },
    series: Object.entries(STEPS).map(([step, words]) => ({
      type: "bar", name: inLanguage(words), barGap: "10%", color: step === "issued" ? colours.faded(colours.watched, 0.55) : colours.accent,
      data: moments.map((moment) => money(moment, step)),
    })),
  }));
}
