// Printing: what `data-print` stands on prints, Ctrl-P as well, and the paper says when it was printed.

import { byId, setText } from "./dom.js";
import * as f from "./format.js";

const LOOK_MS = 100;
const LONGEST_MS = 20000; // then what is there is printed

/** Resolves when nothing of what `which` selects is shown and still being read. */
export async function settled(which) {
  const end = performance.now() + LONGEST_MS;
  const isBusy = () => [...document.querySelectorAll(`${which}[aria-busy]`)].some((one) => one.checkVisibility());
  while (isBusy() && performance.now() < end) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
}

/** `ready()` resolves when all is there that stands on the page, what is not in sight included: paper has no sight. */
export function printing(ready) {
  addEventListener("beforeprint", () => {
    const now = new Date().toISOString();
    byId("printed").dateTime = now;
    setText(byId("printed"), f.moment(now));
  });
  async function out() {
    document.documentElement.toggleAttribute("data-printing", true);
    try {
      await ready();
    } catch {
      // Something cannot be read now, and says so where it stands: the rest prints.
    }
    document.documentElement.toggleAttribute("data-printing", false);
    print();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) out();
  });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== "p") return;
    event.preventDefault();
    out();
  });
}
