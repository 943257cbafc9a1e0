// What operators say of an alert: that they see to it, or that nobody is to be told of it for a while.

import { h, halves, pair } from "./dom.js";
import { plainly } from "./lang.js";
import { read } from "./view.js";
import { may } from "./who.js";

const SHOWN_AFTER_MS = 4000; // the alerts service looks every 2 s
const WORDS = {
  acknowledge: { zh: "确认", en: "acknowledge" },
  takeBack: { zh: "撤回确认", en: "take back" },
  silence: { zh: "静默", en: "silence" },
  endSilence: { zh: "解除静默", en: "end silence" },
  note: { zh: "处理情况（可不填）", en: "what is being done (optional)" },
  reason: { zh: "原因", en: "reason" },
  length: { zh: "多久", en: "how long" },
  cancel: { zh: "取消", en: "cancel" },
  sent: { zh: "已提交，几秒后显示", en: "sent, shown in some seconds" },
  wider: { zh: "这条静默不止这一条预警，请用 minmai alerts silences 查看", en: "this silence covers more: see minmai alerts silences" },
};
const LENGTHS = [
  [1, { zh: "1 小时", en: "1 hour" }],
  [4, { zh: "4 小时", en: "4 hours" }],
  [24, { zh: "1 天", en: "1 day" }],
  [72, { zh: "3 天", en: "3 days" }],
  [168, { zh: "1 周", en: "1 week" }],
];

const allowed = may("operator");

async function send(method, url, body) {
  const response = await fetch(url, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (response.ok) return;
  const problem = await response.json().catch(() => null);
  throw new Error(problem?.detail ?? String(response.status));
}

const acknowledgement = (alert) => `/v1/alerts/${alert.alert_id}/acknowledgement`;

async function endSilence(alert) {
  const { silences } = await read("/v1/alerts/silences");
  const now = new Date();
  const its = silences.filter((one) => one.alerts.includes(alert.alert_id) && new Date(one.ends) > now);
  if (its.length === 0) throw new Error(`${WORDS.wider.zh} · ${WORDS.wider.en}`);
  for (const one of its) await send("DELETE", `/v1/alerts/silences/${one.id}`, {});
}

/** Fields of a form; `from(data)` is what is sent. */
const FORMS = {
  acknowledge: {
    fields: () => [field(WORDS.note, h("textarea", { name: "note", rows: 3, maxlength: 1000 }))],
    send: (alert, data) => send("PUT", acknowledgement(alert), { note: data.get("note") }),
  },
  silence: {
    fields: () => [
      field(WORDS.length, h("select", { name: "hours" }, ...LENGTHS.map(([hours, words]) => plainly(h("option", { value: hours, selected: hours === 4 }), words)))),
      field(WORDS.reason, h("textarea", { name: "reason", rows: 3, maxlength: 1000, required: true })),
    ],
    send: (alert, data) => {
      const begins = new Date();
      const ends = new Date(begins.getTime() + Number(data.get("hours")) * 3600000);
      return send("POST", "/v1/alerts/silences", { alerts: [alert.alert_id], reason: data.get("reason"), begins, ends });
    },
  },
};

const field = (words, input) => h("label", {}, h("span", {}, pair(words)), input);

function ask(kind, alert, done) {
  const { fields, send: sending } = FORMS[kind];
  const trouble = h("p", { class: "wrong", role: "alert" });
  const cancel = h("button", { type: "button", class: "plainly" }, pair(WORDS.cancel));
  const form = h("form", { method: "dialog" },
    h("h2", { id: "order-title" }, pair(WORDS[kind])), h("p", { class: "about" }, pair(alert.name)),
    ...fields(), trouble,
    h("p", { class: "choice" }, h("button", { type: "submit", class: "do" }, pair(WORDS[kind])), cancel));
  const dialog = h("dialog", { class: "order", "aria-labelledby": "order-title" }, form);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await sending(alert, new FormData(form));
      dialog.close();
      done();
    } catch (error) {
      trouble.replaceChildren(pair(halves(error.message)));
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Add what operators may do with an alert to its item in the list; `reread()` reads the list anew. */
export async function offer(item, alert, reread) {
  if (!(await allowed)) return;
  const status = h("span", { class: "told", role: "status" });
  const sent = () => {
    status.replaceChildren(pair(WORDS.sent));
    for (const button of box.querySelectorAll("button")) button.disabled = true;
    setTimeout(reread, SHOWN_AFTER_MS);
  };
  const asking = (kind) => button(kind, () => ask(kind, alert, sent));
  const doing = (kind, work) => button(kind, async () => {
    try {
      await work();
      sent();
    } catch (error) {
      status.replaceChildren(pair(halves(error.message)));
    }
  });
  const box = h("p", { class: "acts" },
    alert.state === "acknowledged" ? doing("takeBack", () => send("DELETE", acknowledgement(alert), {})) : asking("acknowledge"),
    alert.state === "silenced" ? doing("endSilence", () => endSilence(alert)) : asking("silence"),
    status);
  item.append(box);
}

function button(kind, clicked) {
  const made = h("button", { type: "button" }, pair(WORDS[kind]));
  made.addEventListener("click", clicked);
  return made;
}
