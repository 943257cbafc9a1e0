// Printing: what `data-print` stands on prints, and the paper says when it was printed.

import { byId, setText } from "./dom.js";
import * as f from "./format.js";

export function printing() {
  addEventListener("beforeprint", () => {
    const now = new Date().toISOString();
    byId("printed").dateTime = now;
    setText(byId("printed"), f.moment(now));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });
}
