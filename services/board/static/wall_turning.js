// Turning the wall's pages: by itself, with the arrow keys, by its dots; space holds it.

import { byId, h } from "./dom.js";
import { inLanguage } from "./lang.js";

/** `every`: seconds a page stays; `only`: the page that is kept, if any; `show(id)` puts a page on the stage. */
export function turning({ every, only, show }) {
  const dots = byId("dots");
  const hold = byId("pause");
  let ids = [];
  let current = "";
  let held = false;
  let timer = null;

  function turn(id) {
    current = id;
    show(id);
    for (const dot of dots.querySelectorAll("button")) {
      if (dot.value === id) dot.setAttribute("aria-current", "page");
      else dot.removeAttribute("aria-current");
    }
    wait();
  }
  function wait() {
    clearTimeout(timer);
    document.body.toggleAttribute("data-held", held || Boolean(only));
    if (!held && !only && ids.length > 1) timer = setTimeout(() => step(1), every * 1000);
  }
  const step = (by) => turn(ids[(ids.indexOf(current) + by + ids.length) % ids.length]);
  function pause() {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    wait();
  }

  byId("before").addEventListener("click", () => step(-1));
  byId("after").addEventListener("click", () => step(1));
  hold.addEventListener("click", pause);
  document.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === " " && !event.target.closest("button")) {
      event.preventDefault();
      pause();
    }
  });
  return {
    /** These pages there are now; the one that is shown stays, if it still is there. */
    offer(found) {
      ids = found.map(({ id }) => id);
      dots.replaceChildren(...found.map(({ id, title }) => {
        const dot = h("button", { type: "button", value: id, title: id, "aria-label": inLanguage(title) });
        dot.addEventListener("click", () => turn(id));
        return h("li", {}, dot);
      }));
      turn([current, only].find((id) => ids.includes(id)) ?? ids[0]);
    },
  };
}
