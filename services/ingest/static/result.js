// What became of a file: the counts, and every error with its place.

import { byId, download, en, h } from "./dom.js";
import { fetchWith, Refused } from "./send.js";
import { split } from "./streams.js";

const A_PAGE = 200;

const COUNTS = [
  ["received", "共", "received"],
  ["accepted", "接收", "accepted"],
  ["duplicate", "重复", "duplicate"],
  ["rejected", "拒收", "refused"],
];
const TITLES = {
  empty: ["文件里没有数据行", "the file has no rows of data"],
  all: ["全部接收", "all accepted"],
  some: ["部分被拒收，请改好后再发", "some refused: mend them and send again"],
  none: ["全部被拒收，请改好后再发", "all refused: mend them and send again"],
  "all-dry": ["检查通过，尚未上报", "all right; nothing has been sent yet"],
  "some-dry": ["有错误，尚未上报", "there are errors; nothing has been sent"],
  "none-dry": ["全部有错误，尚未上报", "everything has errors; nothing has been sent"],
};

/** Show an answer to the push of `file`; `key` fetches the marked copy, `trouble(text)` tells what fails. */
export function show(answer, { file, key, trouble }) {
  const outcome = answer.received === 0 ? "empty" : answer.rejected === 0 ? "all" : answer.rejected < answer.received ? "some" : "none";
  const [zh, english] = TITLES[answer.dry_run && outcome !== "empty" ? `${outcome}-dry` : outcome];
  const title = byId("result-title");
  title.replaceChildren(zh, " ", en(english));
  byId("result").dataset.outcome = outcome;
  byId("counts").replaceChildren(...COUNTS.map(([name, chinese, word]) =>
    h("div", { "data-count": name, class: answer[name] ? null : "zero" },
      h("dt", {}, chinese, " ", en(word)), h("dd", {}, answer[name].toLocaleString("zh-CN")))));
  byId("receipt").hidden = !answer.receipt;
  byId("receipt-id").textContent = answer.receipt;
  offerCopy(answer, file, key, trouble);
  list(answer);
  byId("result").hidden = false;
  title.focus();
}

export function hide() {
  byId("result").hidden = true;
}

function offerCopy(answer, file, key, trouble) {
  const button = byId("marked");
  button.hidden = !answer.marked;
  button.onclick = async () => {
    button.disabled = true;
    try {
      const response = await fetchWith(key, answer.marked);
      const [stem, suffix] = split(file.name);
      const kind = response.headers.get("Content-Type")?.startsWith("text/csv") ? "csv" : suffix === "csv" ? "xlsx" : suffix;
      download(await response.blob(), `${stem}.marked.${kind}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      trouble(error.message);
    } finally {
      button.disabled = false;
    }
  };
}

function list(answer) {
  const { errors } = answer;
  const sheet = errors.some((error) => error.row !== null && error.row !== undefined);
  const body = byId("errors-body");
  const more = byId("errors-more");
  byId("errors").hidden = errors.length === 0;
  byId("errors").classList.toggle("plain", !sheet);
  body.replaceChildren();
  let shown = 0;
  more.onclick = next;
  next();

  function next() {
    body.append(...errors.slice(shown, shown + A_PAGE).map((error) => row(error, sheet)));
    shown = Math.min(shown + A_PAGE, errors.length);
    more.hidden = shown === errors.length;
    byId("errors-shown").textContent = answer.rejected > shown
      ? `列出前 ${shown} 条，共 ${answer.rejected} 条 · the first ${shown} of ${answer.rejected}` : "";
  }
}

function row(error, sheet) {
  const place = sheet ? error.row ?? "" : error.index + 1;
  const cells = [
    ["row", "行", place],
    ["column", "列", error.column ?? ""],
    ["field", "字段", error.field],
    ["id", "编号", error.id],
    ["message", "原因", error.message],
  ];
  return h("tr", {}, ...cells.map(([name, label, text]) =>
    h("td", { class: `e-${name}`, "data-label": label }, String(text))));
}
