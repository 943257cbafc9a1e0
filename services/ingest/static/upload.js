// The page: choose, send, see what became of it, mend, send again.

import { byId, en, h } from "./dom.js";
import { hide, show } from "./result.js";
import { push, Refused } from "./send.js";
import { mediaType, STREAMS, streamOf } from "./streams.js";

const SIZES = ["B", "KB", "MB", "GB"];

let file = null;
let busy = false;

const key = byId("key");
const stream = byId("stream");
const picker = byId("file");
const drop = byId("drop");
const bar = byId("bar");

stream.append(...Object.entries(STREAMS).map(([name, [zh, english]]) =>
  h("option", { value: name }, `${zh} ${english}`)));
stream.addEventListener("change", chosenStream);
picker.addEventListener("change", () => picker.files.length && choose(picker.files));
byId("check").addEventListener("click", () => send(true));
byId("send").addEventListener("click", () => send(false));
byId("show-key").addEventListener("click", (event) => {
  const shown = key.type === "password";
  key.type = shown ? "text" : "password";
  event.currentTarget.setAttribute("aria-pressed", String(shown));
});
// A file dropped beside the frame would be opened instead of the page, and the key would be gone.
for (const name of ["dragover", "drop"]) {
  window.addEventListener(name, (event) => event.preventDefault());
}
drop.addEventListener("dragover", () => drop.classList.add("over"));
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => event.dataTransfer.files.length && choose(event.dataTransfer.files));
// The page came back out of the browser's memory: what was typed into it must not.
window.addEventListener("pageshow", (event) => event.persisted && (key.value = ""));
chosenStream();

function chosenStream() {
  const picked = stream.value;
  for (const link of document.querySelectorAll("[data-template]")) {
    const format = link.dataset.template;
    link.href = `/v1/schemas/${picked || "facility"}${format === "json" ? "" : `?format=${format}`}`;
    link.setAttribute("download", `${picked}.${format}`);
  }
  byId("templates").hidden = !picked;
}

function choose(files) {
  if (busy) return;
  hide();
  tell("");
  trouble("");
  [file] = files;
  picker.value = ""; // so that the same file, mended, can be chosen again
  const type = mediaType(file.name);
  byId("chosen").textContent = `${file.name}（${sized(file.size)}）`;
  const named = streamOf(file.name);
  if (named && !stream.value) {
    stream.value = named;
    chosenStream();
  }
  if (files.length > 1) trouble("一次只能发一个文件，已选第一个 · one file at a time: the first is chosen");
  if (type === null) {
    file = null;
    trouble("只能发 .xlsx、.csv、.ndjson、.json 文件；旧的 .xls 请用 Excel 另存为 .xlsx · not a kind of file that can be sent; save .xls as .xlsx");
  }
  byId("send").focus();
}

async function send(dryRun) {
  if (busy) return;
  const missing = [
    [!key.value.trim(), key, "请填写密钥 · the key is missing"],
    [!/^[\x21-\x7e]*$/.test(key.value.trim()), key, "密钥里有不该有的字符，请检查是否复制完整 · the key has characters no key has"],
    [!stream.value, stream, "请选择数据流 · choose the stream"],
    [file === null, picker, "请选择文件 · choose a file"],
  ].find(([wrong]) => wrong);
  if (missing) {
    trouble(missing[2]);
    missing[1].focus();
    return;
  }
  setBusy(true);
  hide();
  trouble("");
  const sent = { file, key: key.value.trim() };
  try {
    const answer = await push({
      ...sent, stream: stream.value, type: mediaType(file.name), dryRun, progress: told });
    tell("");
    show(answer, { ...sent, trouble });
  } catch (error) {
    tell("");
    if (!(error instanceof Refused)) throw error;
    const wait = error.wait === null ? "" : `（请等 ${error.wait} 秒再发 · wait ${error.wait} s）`;
    trouble(error.message + wait);
    if (error.key) key.focus();
  } finally {
    setBusy(false);
  }
}

function told(share) {
  if (share < 1) {
    bar.value = share;
    tell(`正在发送 ${Math.floor(share * 100)}% · sending`);
  } else {
    bar.removeAttribute("value");
    tell("已送达，正在检查 · sent, being checked");
  }
}

function setBusy(now) {
  busy = now;
  bar.hidden = !now;
  bar.removeAttribute("value");
  document.body.setAttribute("aria-busy", String(now));
  for (const button of [byId("check"), byId("send")]) button.disabled = now;
}

function tell(text) {
  byId("status").textContent = text;
}

function trouble(text) {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
}

function sized(bytes) {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < SIZES.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${SIZES[unit]}`;
}
