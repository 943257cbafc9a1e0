// Links that save a table: as CSV, as a workbook.

import { h } from "./dom.js";

const FORMATS = ["csv", "xlsx"];

/**
 * `address(format)` is asked when a link is followed, for what is shown may be another by then. `what`: the words of
 * what is saved.
 */
export function downloads(address, what) {
  return h("span", { class: "downloads" }, ...FORMATS.map((format) => {
    const link = h("a", {
      class: "download", href: address(format), download: "",
      "aria-label": `下载 ${format.toUpperCase()} · download ${format.toUpperCase()}: ${what.zh}`,
      title: `下载 ${format.toUpperCase()} · download`,
    }, h("span", { "aria-hidden": "true" }, "↓ "), format.toUpperCase());
    link.addEventListener("click", () => link.setAttribute("href", address(format)));
    return link;
  }));
}
