// What a figure is made of, shown beside it while it is pointed at or has the focus.

import { brief, byId, h, pair } from "./dom.js";
import { STATUS } from "./words.js";
import * as f from "./format.js";

export function tips(view) {
  const tip = byId("tip");
  let owner = null;

  function show(element) {
    const [indicator, division] = element.dataset.figure.split("/");
    const declaration = view.declaration(indicator);
    const figure = view.figure(indicator, division);
    const place = view.division(division);
    if (!declaration || !place) return;
    const lines = [
      h("b", {}, `${place.name} · `, brief(declaration.name)),
      h("span", {}, brief(STATUS[f.status(figure)]), " · ", brief(f.gap(declaration, figure))),
      h("span", {}, pair({ zh: "分子", en: "numerator" }), ` ${figure ? f.plain(figure.numerator) : "—"}`),
    ];
    if (f.isRatio(declaration)) {
      lines.push(h("span", {}, pair({ zh: "分母", en: "denominator" }), ` ${figure ? f.plain(figure.denominator) : "—"}`));
    }
    if (figure?.reason_zh) lines.push(h("span", {}, brief(f.reason(figure))));
    tip.replaceChildren(...lines);
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : box.bottom + 8}px`;
    owner?.removeAttribute("aria-describedby");
    element.setAttribute("aria-describedby", "tip");
    owner = element;
  }
  function hide() {
    tip.hidden = true;
    owner?.removeAttribute("aria-describedby");
    owner = null;
  }
  const of = (event) => event.target.closest?.("[data-figure]");
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const element = of(event);
    if (element) show(element);
    else hide();
  });
  document.addEventListener("focusin", (event) => {
    const element = of(event);
    if (element?.matches(":focus-visible")) show(element);
    else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  // Focus itself scrolls, and the event comes after it: what has the focus keeps its tip, which moves along.
  addEventListener("scroll", () => (owner && owner === document.activeElement ? show(owner) : hide()), { capture: true, passive: true });
  return { hide };
}
