// Voucher money by hour, as bars.

import { h, s } from "./dom.js";
import * as f from "./format.js";

/** Bars of money issued and redeemed in each hour that had any. */
export function hourly(hours) {
  const moments = [...new Set(hours.map((row) => row.hour))];
  if (moments.length === 0) return [h("p", { class: "nothing" }, "还没有消费券记录 · no voucher records yet")];
  const money = (moment, step) => hours.filter((row) => row.hour === moment && row.step === step)
    .reduce((sum, row) => sum + Number(row.face_value), 0);
  const steps = [["issued", "发放", "issued"], ["redeemed", "核销", "redeemed"]];
  const series = moments.map((moment) => steps.map(([step]) => money(moment, step)));
  const full = Math.max(...series.flat()) || 1;
  const [wide, tall] = [480, 84];
  const pitch = wide / Math.max(moments.length, 12);
  const bars = series.flatMap((pair, place) => pair.map((sum, kind) => {
    const height = sum === 0 ? 0 : Math.max(1.5, (sum / full) * tall);
    return s("rect", { class: steps[kind][0], x: place * pitch + pitch * (kind ? 0.5 : 0.12), width: pitch * 0.36, y: tall - height, height },
      s("title", {}, `${f.hour(moments[place])} ${steps[kind][1]} ${f.number(sum, 2)} 元`));
  }));
  return [
    s("svg", { viewBox: `0 0 ${wide} ${tall}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `近 ${moments.length} 个有记录的小时的发放与核销金额 · face value issued and redeemed by hour` },
      s("line", { class: "grid", x1: 0, x2: wide, y1: tall - 0.5, y2: tall - 0.5 }), ...bars),
    h("figcaption", {},
      h("span", {}, f.hour(moments[0])),
      h("span", { class: "keys" }, ...steps.map(([step, zh, english]) => h("span", { class: `key ${step}` }, `${zh} ${english}`)),
        h("span", {}, `每小时，最高 ${f.number(full, 0)} 元`)),
      h("span", {}, f.hour(moments.at(-1)))),
  ];
}
