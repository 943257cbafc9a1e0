// The stretch of time that is looked at: so far back from now, which goes on by itself, or from one moment to another.

import { h, pair } from "./dom.js";
import { inLanguage } from "./lang.js";
import * as f from "./format.js";

const BACK = [
  ["now-1h", "1 小时", "1 hour"], ["now-3h", "3 小时", "3 hours"], ["now-6h", "6 小时", "6 hours"],
  ["now-24h", "24 小时", "24 hours"], ["now-7d", "7 天", "7 days"], ["now-30d", "30 天", "30 days"],
  ["now-90d", "90 天", "90 days"], ["now-1y", "1 年", "1 year"], ["now-2y", "2 年", "2 years"], ["now-5y", "5 年", "5 years"],
];
const [FIRST, LAST] = ["1971-01-01T00:00", "2099-12-31T23:59"];
const OWN = "own";
const NOW = "now";

/** A moment as a field for one takes it, in the county's time: of a day that hour and minute. */
function local(moment, hour) {
  if (/^\d{4}-\d\d-\d\d$/.test(moment)) return moment + hour;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(moment);
  return (zoned ? new Date(f.wall(moment)).toISOString() : moment).slice(0, 16);
}

/** Whether a stretch ends at the present moment, whichever that is. */
export const isLive = ({ to }) => to === NOW;

/**
 * The picker; `changed({ from, to })` is called when another stretch is chosen. Returns `{ element, show, seen }`:
 * `show({ from, to }, usual)` what is chosen, `usual` being what one comes back to; `seen(answer)` the moments that an
 * answer covers, in the county's time.
 */
export function range(changed) {
  let chosen = { from: BACK[0][0], to: NOW };
  let usual = chosen;
  let covered = null;
  const pick = h("select");
  const [begin, end] = ["从 · from", "到 · to"].map((label) => h("input", { type: "datetime-local", min: FIRST, max: LAST, required: true, "aria-label": label }));
  const own = h("span", { class: "range-own" }, begin, h("span", { "aria-hidden": "true" }, "–"), end);
  const live = h("button", { type: "button", class: "live", title: "停在此刻，或回到实时 · hold still here, or go on live" },
    h("i", { "aria-hidden": "true" }), pair({ zh: "实时", en: "live" }));
  const element = h("div", { class: "range" }, h("label", { class: "pick" }, h("span", {}, pair({ zh: "时段", en: "range" })), pick), own, live);

  function choose(next) {
    chosen = next;
    draw();
    changed(chosen);
  }
  function draw() {
    const known = BACK.some(([from]) => from === chosen.from) || !isLive(chosen) ? BACK : [[chosen.from, chosen.from, chosen.from], ...BACK];
    pick.replaceChildren(...known.map(([from, zh, en]) =>
      h("option", { value: from, selected: isLive(chosen) && from === chosen.from }, inLanguage({ zh: `最近 ${zh}`, en: `last ${en}` }))),
      h("option", { value: OWN, selected: !isLive(chosen) }, inLanguage({ zh: "自选时段", en: "from … to …" })));
    own.hidden = isLive(chosen);
    live.setAttribute("aria-pressed", String(isLive(chosen)));
    if (!isLive(chosen)) [begin.value, end.value] = [local(chosen.from, "T00:00"), local(chosen.to, "T23:59")];
  }
  const still = () => (covered ? { from: local(covered.from), to: local(covered.to) } : chosen);

  pick.addEventListener("change", () => choose(pick.value === OWN ? still() : { from: pick.value, to: NOW }));
  live.addEventListener("click", () => choose(isLive(chosen) ? still() : usual));
  for (const input of [begin, end]) {
    input.addEventListener("change", () => {
      end.setCustomValidity(begin.value < end.value ? "" : "结束要晚于开始 · the end must come after the beginning");
      if (begin.checkValidity() && end.checkValidity()) choose({ from: begin.value, to: end.value });
    });
  }
  return {
    element,
    show(next, comesBackTo = usual) {
      [chosen, usual] = [next, comesBackTo];
      draw();
    },
    seen(answer) {
      covered = answer;
    },
  };
}
